"""Rows out of files that people bring: JSON lines, CSV or plain text, each with its line number.

A bad file is told as one sentence with file, line and what is wrong there. Whoever imports reads all rows
before anything is stored, so a bad row leaves nothing behind.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rater_data.database import os_sentence
from rater_data.errors import BadInput

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
ESCAPE = "'"
OUR_COLUMN = "completion_sha256"
"""A CSV with this column was written by our export, whose cells are escaped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a file and where it stands."""

    file: str
    line: int
    values: dict[str, Any]

    def wrong(self, what: str) -> BadInput:
        """The error for this row. Nothing of the file is imported, and the sentence says so."""
        what = what.rstrip(".")
        return BadInput(f"{self.file}, line {self.line}: {what}. Nothing of the file was imported.")

    def first(self, *names: str) -> Any:
        """The value of the first of these columns that is there and not empty."""
        for name in names:
            value = self.values.get(name)
            if value is not None and value != "":
                return value
        return None


def escape_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula. `unescape_cell` gives the text back."""
    return ESCAPE + text if text.startswith((*FORMULA_STARTS, ESCAPE)) else text


def unescape_cell(text: str) -> str:
    """The text of an escaped cell."""
    escaped = text.startswith(ESCAPE) and text[1:].startswith((*FORMULA_STARTS, ESCAPE))
    return text[1:] if escaped else text


def rows_of(path: Path, kinds: tuple[str, ...] = (".jsonl", ".csv", ".txt")) -> list[Row]:
    """The rows of a file by its suffix; a plain text has one column, "prompt", and one row a line.

    Raises BadInput for a file that is not there, empty, of another kind, not UTF-8, or broken on some line.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        raise BadInput(f"{path} is a folder: name a file that ends in {' or '.join(kinds)}.")
    if suffix not in kinds:
        raise BadInput(f"{path.name} has to end in {' or '.join(kinds)}, so that its form is known.")
    reader = {".jsonl": _json_lines, ".csv": _csv, ".txt": _lines}[suffix]
    try:
        rows = list(reader(path))
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8 text: save it as UTF-8 and try again.") from None
    except OSError as error:
        raise (os_sentence(error, path) or error) from error
    if not rows:
        raise BadInput(f"{path.name} is empty: it has no rows to import.")
    return rows


def _json_lines(path: Path) -> Iterator[Row]:
    # utf-8-sig: spreadsheets and editors on Windows put a mark at the start
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            row = Row(file=path.name, line=number, values={})
            try:
                values = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise row.wrong(f"this is no JSON ({getattr(error, 'msg', 'nested too deep')})") from None
            if not isinstance(values, dict):
                raise row.wrong(f"a row has to be an object in braces, not {type(values).__name__}")
            yield Row(file=path.name, line=number, values=values)


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header: list[str] | None = None
        began = 1
        try:
            for cells in reader:
                row = Row(file=path.name, line=began, values={})
                began = reader.line_num + 1  # a cell may go over several lines
                if not any(cell.strip() for cell in cells):
                    continue
                if header is None:
                    header = _header(row, cells)
                    continue
                if len(cells) != len(header):
                    raise row.wrong(f"there are {len(cells)} cells, but the header has {len(header)}")
                if OUR_COLUMN in header:
                    cells = [unescape_cell(cell) for cell in cells]
                yield Row(file=path.name, line=row.line, values=dict(zip(header, cells, strict=True)))
        except csv.Error as error:
            raise Row(file=path.name, line=began, values={}).wrong(f"this is no CSV ({error})") from None


def _header(row: Row, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if len(set(names)) < len(names):
        raise row.wrong("two columns have the same name")
    return names


def _lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield Row(file=path.name, line=number, values={"prompt": line.strip()})
