"""Rows into a file or folder: JSON lines, CSV, Parquet or a dataset folder. Whole or not at all.

Everything is written beside its place, flushed to the disk and renamed; a crash or a full disk leaves what
was there before.
"""

import csv
import errno
import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rater_data import checks
from rater_data.checksums import CHECKSUMS
from rater_data.csv_cells import escape_cell
from rater_data.errors import BadInput
from rater_data.exporting.rating_rows import PARTS, Rows
from rater_data.files import explain_os_error, move_into_place, sha256_of_file

GROUP_BYTES = 16_000_000  # of rows that are held in memory at once for Parquet
ASIDE = ".rateloop-"  # how the folder that an export is written in begins
MARK = "held"

Card = Callable[[dict[str, int], dict[str, str]], str]
"""The text of a folder's README.md, of rows by part and checksums by file."""


def write(out: Path, rows: Iterator[Rows], schema: pa.Schema, *, as_: str, force: bool, card: Card) -> int:
    """Writes the rows to `out` and returns how many. See `exporting.export` for what it raises."""
    out = check_place(out, as_, force)
    with _aside(out) as part:
        count = _dataset(part, rows, schema, card) if as_ == "dataset" else WRITERS[as_](part, rows, schema)
        move_into_place(part, out)
    return count


def check_place(out: Path, as_: str, force: bool) -> Path:
    """The whole path, of a link that of what it names. Raises BadInput where nothing can or may be written."""
    checks.one_of("The form", as_, FORMS)
    out = out.expanduser().absolute()
    with _told(out):
        _check(out, as_, force)
        # whoever made the link wants the file at its end to be new, and what is renamed would take the link's place
        return _end_of(out) if out.is_symlink() else out


def _end_of(link: Path) -> Path:
    try:
        end = link.resolve(strict=False)
    except (OSError, RuntimeError):
        raise BadInput(f"{link} is a link that leads back to itself: choose another --out.") from None
    if not end.parent.is_dir():
        raise BadInput(
            f"{link} is a link into a folder that does not exist: {end.parent}. Choose another --out."
        )
    return end


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """What the disk will not do, in a sentence."""
    try:
        yield
    except OSError as error:
        # a place that is there and takes no files (/proc) says that it is not there
        gone = error.errno == errno.ENOENT and out.parent.is_dir()
        raise (None if gone else explain_os_error(error, out.parent)) or BadInput(
            f"{out} cannot be written: {'nothing can be made there' if gone else error.strerror or error}. "
            "Choose another --out."
        ) from error


def _check(out: Path, as_: str, force: bool) -> None:
    if not out.parent.is_dir():
        raise BadInput(f"The folder {out.parent} does not exist: make it first, or choose another --out.")
    if not out.exists() and not out.is_symlink():
        return
    if out.exists() and not (out.is_file() or out.is_dir()):
        raise BadInput(f"{out} is a device, a pipe or a socket, so it is not replaced: choose another --out.")
    if not force:
        raise BadInput(f"{out} exists already: choose another --out, or --force to replace it.")
    if out.is_dir() and not (as_ == "dataset" and (out / CHECKSUMS).is_file()):  # it would be no one's home
        raise BadInput(f"{out} is a folder and no dataset, so it is not replaced: choose another --out.")


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A place beside `out`, on the same disk; what is left there is removed, and what dead processes left."""
    with _told(out):
        _sweep(out.parent)
        with tempfile.TemporaryDirectory(prefix=ASIDE, dir=out.parent) as folder, _held(Path(folder)):
            yield Path(folder) / out.name


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Marks a folder as being written in, for as long as this process lives."""
    with (folder / "new").open("w") as mark:
        with suppress(OSError):  # a disk without locks: what is left there is not removed
            fcntl.flock(mark, fcntl.LOCK_EX)
            # under its name only now: nobody finds it there before it is held
            (folder / "new").rename(folder / MARK)
        yield


def _sweep(place: Path) -> None:
    """Removes what exports left that were killed: a folder that somebody writes in is held by them."""
    for left in place.glob(f"{ASIDE}*"):
        try:
            if left.is_symlink():
                continue
            with (left / MARK).open() as mark:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
        except OSError:
            continue  # held, of somebody else, or gone


def _jsonl(part: Path, rows: Iterator[Rows], schema: pa.Schema) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="\n") as file:
        for some in rows:
            for values in _values(some.batch):
                line = dict(zip(schema.names, values, strict=True))
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
            count += len(some.parts)
    return count


def _csv(part: Path, rows: Iterator[Rows], schema: pa.Schema) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([escape_cell(name) for name in schema.names])
        for some in rows:
            writer.writerows([_cell(value) for value in values] for values in _values(some.batch))
            count += len(some.parts)
    return count


def _values(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """The rows as plain values; times as ISO 8601 in UTC."""
    columns = (_iso(c) if pa.types.is_timestamp(c.type) else c.to_pylist() for c in batch.columns)
    return zip(*columns, strict=True)


def _iso(times: pa.Array) -> list[str]:
    text = np.datetime_as_string(times.to_numpy(zero_copy_only=False).astype("datetime64[ms]"))
    return [f"{one}+00:00" for one in text]


def _cell(value: Any) -> Any:
    """Text is escaped against formulas, lists become JSON, null an empty cell."""
    if isinstance(value, str):
        return escape_cell(value)
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


class _Grouped:
    """A Parquet file whose row groups are of one size in bytes, however long the rows are."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.file, self.schema = pq.ParquetWriter(path, schema, compression="zstd"), schema
        self.kept: list[pa.RecordBatch] = []
        self.count = 0

    def __enter__(self) -> "_Grouped":
        return self

    def __exit__(self, *failed: object) -> None:
        try:
            if failed[0] is None:
                self.flush()
        finally:
            self.file.close()

    def add(self, batch: pa.RecordBatch) -> None:
        self.kept.append(batch)
        self.count += batch.num_rows
        if sum(one.nbytes for one in self.kept) >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.kept:
            self.file.write_table(pa.Table.from_batches(self.kept, self.schema))
            self.kept = []


def _parquet(part: Path, rows: Iterator[Rows], schema: pa.Schema) -> int:
    with _Grouped(part, schema) as file:
        for some in rows:
            file.add(some.batch)
    return file.count


def _dataset(part: Path, rows: Iterator[Rows], schema: pa.Schema, card: Card) -> int:
    """One Parquet file for each part that has rows, the card, and the checksums of all."""
    (part / "data").mkdir(parents=True)
    files: dict[int, _Grouped] = {}
    with ExitStack() as open_files:
        for some in rows:
            for place in np.unique(some.parts).tolist():
                if place not in files:
                    path = part / "data" / f"{PARTS[place]}-00000-of-00001.parquet"
                    files[place] = open_files.enter_context(_Grouped(path, schema))
                files[place].add(some.batch.filter(pa.array(some.parts == place)))
    counts = {PARTS[place]: files[place].count for place in sorted(files)}
    sums = {str(path.relative_to(part)): sha256_of_file(path) for path in sorted((part / "data").iterdir())}
    (part / "README.md").write_text(card(counts, sums), encoding="utf-8")
    sums["README.md"] = sha256_of_file(part / "README.md")
    lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    (part / CHECKSUMS).write_text(lines, encoding="utf-8")
    return sum(counts.values())


WRITERS: dict[str, Callable[[Path, Iterator[Rows], pa.Schema], int]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}
FORMS = (*WRITERS, "dataset")
