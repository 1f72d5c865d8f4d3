"""Rows out of files of lines: JSON lines and plain text."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.importing.readers.json_documents import read_json_array, read_json_document
from rater_data.importing.readers.packing import open_text
from rater_data.importing.readers.row import NOT_UTF8, Row

LONGEST_LINE = 32 * 2**20  # bytes; a line or a cell beyond that is no row but another kind of file


def _byte_lines(file: io.BufferedReader, name: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, from 1."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise BadInput(
                f"{name}, line {number}: the line is longer than {LONGEST_LINE >> 20} MB. {NOTHING_IMPORTED}"
            )
        yield number, line


def read_json_lines(path: Path) -> Iterator[Row]:
    """A row a line, or the elements of an array, which some write under this ending too."""
    with open_text(path) as file:
        if _begins_with(file, b"["):
            yield from read_json_array(file, path.name, LONGEST_LINE)
            return
        for number, line in _byte_lines(file, path.name):
            if line.strip():
                values, fault = _parse_object(line)
                yield Row(file=path.name, line=number, values=values, fault=fault)


def read_json(path: Path) -> Iterator[Row]:
    """A file that ends in .json: an array, JSON lines, or one document with the rows in it."""
    with open_text(path) as file:
        first_line = b"" if _begins_with(file, b"[") else file.readline(LONGEST_LINE + 1)
        is_lines = bool(first_line) and not _parse_object(first_line)[1] and bool(file.peek(1).strip())
    if is_lines or not first_line:
        yield from read_json_lines(path)
        return
    with open_text(path) as file:
        yield from read_json_document(file, path.name, LONGEST_LINE)


def _begins_with(file: io.BufferedReader, mark: bytes) -> bool:
    """Whether the first of what is no blank is this. Looks no further than what the file has in its buffer."""
    return file.peek(1).lstrip().startswith(mark)


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
    with open_text(path) as file:
        for number, line in _byte_lines(file, path.name):
            if line.strip():
                try:
                    yield Row(file=path.name, line=number, values={"prompt": line.decode().strip()})
                except UnicodeDecodeError:
                    yield Row(file=path.name, line=number, values={}, fault=NOT_UTF8)
