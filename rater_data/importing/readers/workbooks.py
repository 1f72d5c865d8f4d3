"""Rows out of Excel's workbooks (.xlsx): one sheet, its first row the names of the columns.

A cell is the text that it shows, as in a CSV of the same sheet. A formula counts by the value that was computed when
the file was saved; one without a value, and one that failed (#N/A), is a bad row. Nothing is computed here.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time
from itertools import repeat
from pathlib import Path
from typing import Any

from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.importing.readers.row import Row, column_name, shorten_error

LARGEST_PART = 2**27  # bytes of a sheet, unpacked
LARGEST_TEXTS = 2**26  # bytes of the texts that sheets share, which are held at once
SMALL_PART, LARGEST_RATIO = 2**24, 200  # a part of more bytes than that is not packed more tightly than that
MOST_ROWS, MOST_COLUMNS = 2**20, 2**10
"""Excel has no more rows; more columns are no table for us."""
_SHARED = "sharedstrings.xml"
_ESCAPED = re.compile(
    "_x([0-9A-Fa-f]{4})_"
)  # how Excel writes a sign that XML has not, as _x000D_ at the end of a line


def read_workbook(path: Path, sheet: str | None = None) -> Iterator[Row]:
    """The rows of a sheet, numbered as Excel does: the only one with cells, or the one that is named."""
    formulas = _check_parts(path)
    try:
        yield from _read(path, sheet, formulas)
    except (BadInput, OSError, MemoryError):
        raise
    except Exception as error:  # a reader of other people's XML raises whatever its parts raise
        raise BadInput(f"{path.name} is no workbook that can be read ({shorten_error(error)}).") from None


def _check_parts(path: Path) -> bool:
    """Whether a sheet has formulas. Raises BadInput for what is no workbook, and for one made to fill the memory."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as parts:
                formulas = False
                for part in parts.infolist():
                    name = part.filename.lower()
                    most = (
                        LARGEST_TEXTS if name.endswith(_SHARED) or "worksheets/" not in name else LARGEST_PART
                    )
                    is_bomb = (
                        part.file_size > SMALL_PART and part.file_size > LARGEST_RATIO * part.compress_size
                    )
                    if name.endswith((".xml", ".rels")) and (part.file_size > most or is_bomb):
                        raise BadInput(
                            f"{path.name} unpacks to more than a workbook of rows would: save it as CSV. "
                            f"{NOTHING_IMPORTED}"
                        )
                    formulas = formulas or ("worksheets/" in name and _has_formula(parts, part))
        except (
            zipfile.BadZipFile,
            EOFError,
            ValueError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
        ) as error:
            raise BadInput(f"{path.name} is no workbook that can be read ({shorten_error(error)}).") from None
    return formulas


def _has_formula(parts: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    with parts.open(part) as sheet:
        before = b""
        while piece := sheet.read(2**16):
            if any(mark in before + piece for mark in (b"<f>", b"<f ", b"<f/")):
                return True
            before = piece[-2:]
    return False


def _read(path: Path, wanted: str | None, formulas: bool) -> Iterator[Row]:
    import openpyxl  # a third of a second to import

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    written = openpyxl.load_workbook(path, read_only=True) if formulas else None
    try:
        sheet = _choose_sheet(book, wanted, path.name)
        as_written = _cells(written[sheet], path.name) if written else repeat(())
        names: list[str] | None = None
        for number, (cells, other) in enumerate(
            zip(_cells(book[sheet], path.name), as_written, strict=False), start=1
        ):
            values = [_text(cell.value) for cell in cells]
            fault = _find_fault(cells, other)
            if not fault and not any(value.strip() for value in values):
                continue
            row = Row(file=path.name, line=number, values={}, unit="row", fault=fault, text_only=True)
            if names is None:
                names = _parse_header(row, values)
            else:
                yield _with_values(row, names, values)
    finally:
        book.close()
        if written:
            written.close()


def _choose_sheet(book: Any, wanted: str | None, name: str) -> str:
    """The sheet of this name, or the only visible one that has anything in it."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if wanted is not None:
        if wanted not in sheets:
            raise BadInput(f"{name} has no sheet {wanted}: it has {', '.join(sheets) or 'none'}.")
        return wanted
    visible = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
    filled = [title for title in visible if any(_is_filled(cells) for cells in _cells(sheets[title], name))]
    if len(filled) > 1:
        raise BadInput(f"{name} has several sheets, {', '.join(filled)}: choose one of them with --config.")
    if not filled:
        raise BadInput(f"{name} is empty: it has no rows to import.")
    return filled[0]


def _is_filled(cells: tuple[Any, ...]) -> bool:
    return any(cell.value is not None for cell in cells)


def _cells(sheet: Any, name: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet, as far as they go: what the file says of its size need not be true."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if number > MOST_ROWS or len(cells) > MOST_COLUMNS:
            raise BadInput(
                f"{name} has more than {MOST_ROWS} rows or {MOST_COLUMNS} columns: save what is the table as CSV. "
                f"{NOTHING_IMPORTED}"
            )
        yield cells


def _find_fault(cells: tuple[Any, ...], as_written: tuple[Any, ...]) -> str:
    """What is wrong with a row: a formula that failed, or one that nobody computed."""
    for cell in cells:
        if cell.data_type == "e":
            return f"the cell {cell.coordinate} has an error of the spreadsheet, {cell.value}"
    for cell, written in zip(cells, as_written, strict=False):
        if cell.value is None and cell.data_type == "n" and written.data_type == "f":
            return f"the cell {written.coordinate} has a formula without its value: open the file and save it"
    return ""


def _text(value: Any) -> str:
    """What a cell would be in a CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, date | time):
        return value.isoformat()
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value))


def _parse_header(row: Row, values: list[str]) -> list[str]:
    if row.fault:
        raise row.error(row.fault)
    names = [column_name(value) for value in values]
    while not names[-1]:
        names.pop()
    if len(set(names)) < len(names):
        raise row.error("two columns have the same name")
    return names


def _with_values(row: Row, names: list[str], values: list[str]) -> Row:
    while len(values) > len(names) and not values[-1].strip():
        values.pop()
    fault = (
        f"there are {len(values)} cells, but the header has {len(names)}" if len(values) > len(names) else ""
    )
    # a sheet leaves out the empty cells at the end of a row
    cells = dict(zip(names, values + [""] * (len(names) - len(values)), strict=False))
    return replace(row, values=cells, fault=row.fault or fault)
