"""Rows out of CSV, whichever sign parts its columns."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from rater_data.csv_cells import unescape_cell
from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.exporting.formats.table import is_own_csv
from rater_data.importing.readers.packing import open_text
from rater_data.importing.readers.row import Row, column_name
from rater_data.importing.readers.text_files import LONGEST_LINE

SEPARATORS = (",", ";", "\t", "|")
EXCEL_LINE = "sep="  # the first line that Excel writes and reads to say what parts the columns
USUAL_NAMES = {
    *(
        "prompt",
        "text",
        "messages",
        "conversations",
        "response",
        "completion",
        "chosen",
        "rejected",
        "message_id",
    ),
    *("rating", "score", "reward", "helpfulness", "label", "rater", "comment", "split", "tags"),
}

csv.field_size_limit(LONGEST_LINE)


@dataclass(frozen=True, slots=True)
class _Header:
    """The names of the columns, and how the rows below them are written."""

    names: list[str]
    separator: str
    escaped: bool


def read_csv(path: Path) -> Iterator[Row]:
    with open_text(path) as packed, io.TextIOWrapper(packed, encoding="utf-8", newline="") as file:
        lines = _lines(file, path.name)
        separator, first, start = _find_header(lines, path.name)
        yield from _read_rows(path.name, chain([first], lines), separator, start)


def separator_of(path: Path) -> str:
    """What parts the columns."""
    with open_text(path) as packed, io.TextIOWrapper(packed, encoding="utf-8", newline="") as file:
        return _find_header(_lines(file, path.name), path.name)[0]


def _find_header(lines: Iterator[str], name: str) -> tuple[str, str, int]:
    """What parts the columns, the line with their names, and its number."""
    start, separator, first = 1, "", next(lines, "")
    if first.lower().startswith(EXCEL_LINE) and len(first.strip()) <= len(EXCEL_LINE) + 1:
        separator = first[len(EXCEL_LINE) :].strip("\r\n") or ","
        first, start = next(lines, ""), 2
    while first and not first.strip(" \r\n,;\t"):  # empty lines, or those that a spreadsheet leaves so
        first, start = next(lines, ""), start + 1
    return "\t" if ".tsv" in name.lower() else separator or _find_separator(first), first, start


def _lines(file: io.TextIOWrapper, name: str) -> Iterator[str]:
    for line in iter(partial(file.readline, LONGEST_LINE + 1), ""):
        if len(line) > LONGEST_LINE:
            raise BadInput(
                f"{name} has a line that is longer than {LONGEST_LINE >> 20} MB. {NOTHING_IMPORTED}"
            )
        yield line


def _read_rows(name: str, lines: Iterator[str], separator: str, start: int) -> Iterator[Row]:
    first = next(lines, "")
    # "a", "b": a blank behind every sign is how some people write; behind a few it may be part of a name
    spaced = 0 < first.count(separator) == first.count(f"{separator} ")
    reader = csv.reader(chain([first], lines), strict=True, delimiter=separator, skipinitialspace=spaced)
    before = start - 1  # lines above the header
    header: _Header | None = None
    try:
        for cells in reader:
            line, start = start, before + reader.line_num + 1  # a cell may go over several lines
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _parse_header(Row(file=name, line=line, values={}), cells, separator)
                continue
            yield _parse_cells(name, line, cells, header)
    except csv.Error as error:
        raise Row(file=name, line=start, values={}).error(f"this is no CSV ({error})") from None


def _parse_header(row: Row, cells: list[str], separator: str) -> _Header:
    """Columns without a name at the end are those that a spreadsheet has beside its table."""
    names = [column_name(cell) for cell in cells]
    while not names[-1]:
        names.pop()
    if len(set(names)) < len(names):
        raise row.error("two columns have the same name")
    return _Header(names, separator, is_own_csv(set(names)))


def _parse_cells(name: str, line: int, cells: list[str], header: _Header) -> Row:
    names = header.names
    while len(cells) > len(names) and not cells[-1].strip():
        cells.pop()
    if len(cells) != len(names):
        values = dict(zip(names, cells, strict=False))
        fault = f"there are {len(cells)} cells, but the header has {len(names)}"
        return Row(file=name, line=line, values=values, fault=fault)
    if header.escaped:
        cells = [unescape_cell(cell) for cell in cells]
    values = dict(zip(names, cells, strict=True))
    comma = header.separator == ";"
    return Row(file=name, line=line, values=values, text_only=True, decimal_comma=comma)


def _find_separator(header: str) -> str:
    """The sign that makes the most usual names of the header, then the most columns, then the comma."""

    def rank(separator: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header], delimiter=separator))
        except (csv.Error, StopIteration):
            return 0, 0
        return len(USUAL_NAMES.intersection(column_name(cell) for cell in cells)), len(cells)

    return max(SEPARATORS, key=rank)  # of equals the first
