"""Rows out of one JSON value that is the whole file: an array, read piece by piece, or an object with rows in it."""

import io
import json
from collections.abc import Iterator
from typing import Any

from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.importing.readers.row import Row

PIECE = 2**20  # bytes that are read at once
WRAPPERS = ("data", "rows", "records", "examples", "items", "results", "samples")
"""Keys under which an object may have the list of all rows."""

_decode = json.JSONDecoder().raw_decode


def read_json_array(file: io.BufferedReader, name: str, longest: int) -> Iterator[Row]:
    """The elements of an array, each a row. No more than one of them, of at most `longest` bytes, is held at once."""
    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        yield from _read_elements(text, name, longest)


def _read_elements(text: io.TextIOWrapper, name: str, longest: int) -> Iterator[Row]:
    buffer, at, piece, is_end, number = text.read(PIECE), 0, PIECE, False, 0
    at = _skip_blanks(buffer, 0) + 1  # the bracket
    needs_comma = False
    while True:
        at = _skip_blanks(buffer, at)
        if at < len(buffer) and buffer[at] == "]":
            rest = buffer[at + 1 :].strip() or text.read(PIECE).strip()
            if rest:
                raise _fault(name, number, "something stands behind the closing bracket of the array")
            return
        if at < len(buffer) and needs_comma:
            if buffer[at] != ",":
                raise _fault(name, number, "there is no comma behind this element")
            at, needs_comma = at + 1, False
            continue
        value, end, fault = _element(buffer, at)
        # a number at the end of what was read may go on
        if not fault and (end < len(buffer) or is_end or isinstance(value, dict)):
            number += 1
            yield _row(name, number, value)
            at, piece, needs_comma = end, PIECE, True
            continue
        if is_end or len(buffer) - at > longest:
            too_long = "it is not closed" if is_end and at >= len(buffer) else fault or "it is too long"
            raise _fault(name, number + 1, f"this is no JSON ({too_long})")
        more = text.read(piece)
        # twice as much each time: an element is tried again from its beginning
        buffer, at, piece, is_end = buffer[at:] + more, 0, piece * 2, not more


def read_json_document(file: io.BufferedReader, name: str, longest: int) -> Iterator[Row]:
    """One object, or several: columns, a list of rows under one of WRAPPERS, or a single row."""
    data = file.read(longest + 1)
    if len(data) > longest:
        raise BadInput(
            f"{name} is one JSON object of more than {longest >> 20} MB: save its rows as JSON lines or as an array. "
            f"{NOTHING_IMPORTED}"
        )
    number = 0
    for value in _values(data.decode(), name):
        for row in _rows_of(value):
            number += 1
            yield _row(name, number, row)


def _values(text: str, name: str) -> Iterator[Any]:
    """The values of a document: one, or several behind each other, as jq and many logs write them."""
    at, number = _skip_blanks(text, 0), 0
    while at < len(text) or not number:
        number += 1
        value, end, fault = _element(text, at)
        if fault:
            raise _fault(name, number, f"this is no JSON ({fault})")
        yield value
        at = _skip_blanks(text, end)


def _rows_of(value: Any) -> list[Any]:
    """The rows in an object: under one of WRAPPERS, or as pandas (columns, index, split) and Argilla write tables."""
    if not isinstance(value, dict):
        return [value]
    columns = list(value.values())
    for key in WRAPPERS:
        if isinstance(value.get(key), list) and all(isinstance(row, dict) for row in value[key]):
            return value[key]
    if columns and all(isinstance(column, dict) for column in columns):
        indices = list(columns[0])
        if all(list(column) == indices for column in columns):
            if all(name.isdigit() for name in value) and not all(index.isdigit() for index in indices):
                return columns
            return [{name: column[index] for name, column in value.items()} for index in indices]
    if {"columns", "data"} <= set(value) <= {"columns", "data", "index"}:
        names, rows = value["columns"], value["data"]
        are_tables = isinstance(names, list) and isinstance(rows, list)
        if are_tables and all(isinstance(row, list) and len(row) == len(names) for row in rows):
            return [dict(zip(map(str, names), row, strict=True)) for row in rows]
    are_lists = len(columns) > 1 and all(isinstance(column, list) for column in columns)
    if are_lists and len({len(column) for column in columns}) == 1:
        return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
    return [value]


def _element(buffer: str, at: int) -> tuple[Any, int, str]:
    """The JSON value that begins here, where it ends, and what is wrong with it."""
    try:
        value, end = _decode(buffer, at)
    except RecursionError:
        return None, at, "nested too deep"
    except json.JSONDecodeError as error:
        return None, at, error.msg
    except ValueError:
        return None, at, "a number is too long"
    return value, end, ""


def _skip_blanks(buffer: str, at: int) -> int:
    while at < len(buffer) and buffer[at] in " \t\r\n":
        at += 1
    return at


def _row(name: str, number: int, value: Any) -> Row:
    if isinstance(value, dict):
        return Row(file=name, line=number, values=value, unit="row")
    fault = f"a row has to be an object in braces, not {type(value).__name__}"
    return Row(file=name, line=number, values={}, fault=fault, unit="row")


def _fault(name: str, number: int, reason: str) -> BadInput:
    return Row(file=name, line=number, values={}, unit="row").error(reason)
