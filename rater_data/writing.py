"""Rows into a file or folder: JSON lines, CSV, Parquet or a dataset folder. Whole or not at all.

Everything is written beside its place, flushed to the disk and renamed; a crash or a full disk leaves what
was there before.
"""

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rater_data import checks
from rater_data.cards import card
from rater_data.database import os_sentence
from rater_data.errors import BadInput
from rater_data.reading import escape_cell

Rows = Iterator[dict[str, Any]]
ROW_GROUP = 5_000  # rows that are held in memory at once for Parquet
FOLDER_MARK = "dataset_info.json"
"""Only a folder with this file is ever replaced: it is a dataset, not somebody's home."""


def write(out: Path, rows: Rows, schema: pa.Schema, *, as_: str, force: bool, what: str) -> int:
    """Writes the rows to `out` and returns how many. See `exporting.export` for what it raises."""
    checks.one_of("The form", as_, WRITERS)
    out = out.expanduser().absolute()
    _check_place(out, as_, force)
    with _aside(out) as part:
        count = WRITERS[as_](part, rows, schema, what)
        _into_place(part, out)
    return count


def _check_place(out: Path, as_: str, force: bool) -> None:
    if not out.parent.is_dir():
        raise BadInput(f"The folder {out.parent} does not exist: make it first, or choose another --out.")
    if not out.exists() and not out.is_symlink():
        return
    if not force:
        raise BadInput(f"{out} exists already: choose another --out, or --force to replace it.")
    if out.is_dir() and not (as_ == "dataset" and (out / FOLDER_MARK).is_file()):
        raise BadInput(f"{out} is a folder and no dataset, so it is not replaced: choose another --out.")


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A place beside `out`, on the same disk; what is left there is removed."""
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            yield Path(folder) / out.name
    except OSError as error:
        raise (os_sentence(error, out.parent) or error) from error


def _into_place(part: Path, out: Path) -> None:
    for path in [*part.rglob("*"), part] if part.is_dir() else [part]:
        _flush(path)
    if part.is_dir() and out.is_dir():
        # a folder cannot be renamed onto a full one: the old one steps aside first
        old = part.with_name(part.name + ".old")
        out.rename(old)
        part.rename(out)
        shutil.rmtree(old)
    else:
        if out.is_file() and part.is_dir():
            out.unlink()
        part.replace(out)
    _flush(out.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _jsonl(part: Path, rows: Rows, schema: pa.Schema, what: str) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    return count


def _csv(part: Path, rows: Rows, schema: pa.Schema, what: str) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, schema.names)
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})
            count += 1
    return count


def _cell(value: Any) -> Any:
    """Text is escaped against formulas, lists become JSON, null an empty cell."""
    if isinstance(value, str):
        return escape_cell(value)
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _tables(rows: Rows, schema: pa.Schema) -> Iterator[pa.Table]:
    while some := list(islice(rows, ROW_GROUP)):
        yield pa.Table.from_pylist(some, schema=schema)


def _parquet(part: Path, rows: Rows, schema: pa.Schema, what: str) -> int:
    count = 0
    with pq.ParquetWriter(part, schema) as writer:
        for table in _tables(rows, schema):
            writer.write_table(table)
            count += len(table)
    return count


def _dataset(part: Path, rows: Rows, schema: pa.Schema, what: str) -> int:
    # two seconds to import: only those who want it wait
    import datasets

    table = pa.concat_tables(_tables(rows, schema))
    datasets.disable_progress_bars()
    datasets.Dataset(table).save_to_disk(part)
    (part / "README.md").write_text(card(what, schema.names, len(table)), encoding="utf-8")
    return len(table)


WRITERS: dict[str, Callable[[Path, Rows, pa.Schema, str], int]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
    "dataset": _dataset,
}
