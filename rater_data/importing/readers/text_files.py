"""Rows out of text files: JSON lines, CSV and plain text, each also packed with gzip."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rater_data.csv_cells import unescape_cell
from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.exporting.formats.table import is_own_csv
from rater_data.importing.readers.row import NOT_UTF8, Row

"""A column that only our own export of ratings has."""
LONGEST_LINE = 32 * 2**20  # bytes; a line or a cell beyond that is no row but another kind of file

csv.field_size_limit(LONGEST_LINE)


def _open(path: Path) -> gzip.GzipFile | io.BufferedReader:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


def _byte_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, from 1."""
    with _open(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise BadInput(
                    f"{path.name}, line {number}: the line is longer than {LONGEST_LINE >> 20} MB. {NOTHING_IMPORTED}"
                )
            # spreadsheets and editors on Windows put a byte order mark at the start
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def read_json_lines(path: Path) -> Iterator[Row]:
    for number, line in _byte_lines(path):
        if line.strip():
            values, fault = _parse_object(line)
            yield Row(file=path.name, line=number, values=values, fault=fault)


def _parse_object(line: bytes) -> tuple[dict[str, Any], str]:
    """The object in a line of JSON, and what is wrong with the line."""
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError:
        return {}, NOT_UTF8
    except RecursionError:
        return {}, "this is no JSON (nested too deep)"
    except ValueError as error:
        return {}, f"this is no JSON ({getattr(error, 'msg', 'a number is too long')})"
    if not isinstance(values, dict):
        return {}, f"a row has to be an object in braces, not {type(values).__name__}"
    return values, ""


def read_text_lines(path: Path) -> Iterator[Row]:
    """One prompt a line."""
    for number, line in _byte_lines(path):
        if line.strip():
            try:
                yield Row(file=path.name, line=number, values={"prompt": line.decode().strip()})
            except UnicodeDecodeError:
                yield Row(file=path.name, line=number, values={}, fault=NOT_UTF8)


def read_csv(path: Path) -> Iterator[Row]:
    with _open(path) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header: list[str] | None = None
        escaped = False
        start = 1
        try:
            for cells in reader:
                line, start = start, reader.line_num + 1  # a cell may go over several lines
                if not any(cell.strip() for cell in cells):
                    continue
                if header is None:
                    header = _parse_header(Row(file=path.name, line=line, values={}), cells)
                    escaped = is_own_csv(set(header))
                    continue
                if len(cells) != len(header):
                    values = dict(zip(header, cells, strict=False))
                    fault = f"there are {len(cells)} cells, but the header has {len(header)}"
                    yield Row(file=path.name, line=line, values=values, fault=fault)
                    continue
                if escaped:
                    cells = [unescape_cell(cell) for cell in cells]
                values = dict(zip(header, cells, strict=True))
                yield Row(file=path.name, line=line, values=values, text_only=True)
        except csv.Error as error:
            raise Row(file=path.name, line=start, values={}).error(f"this is no CSV ({error})") from None


def _parse_header(row: Row, cells: list[str]) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    if len(set(columns)) < len(columns):
        raise row.error("two columns have the same name")
    return columns
