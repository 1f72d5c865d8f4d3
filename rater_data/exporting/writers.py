"""Batches of rows into a file or folder: JSON lines, CSV, Parquet, or a dataset's folder."""

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rater_data.checksums import CHECKSUMS
from rater_data.csv_cells import escape_cell
from rater_data.exporting.formats.base import RowBatch
from rater_data.exporting.formats.dataset_parts import PARTS
from rater_data.files import sha256_of_file

GROUP_BYTES = 16_000_000  # of rows that are held in memory at once for Parquet

MakeCard = Callable[[dict[str, int], dict[str, str]], str]
"""The text of a folder's README.md, of rows by part and checksums by file."""
Writer = Callable[[Path, Iterator[RowBatch], pa.Schema, MakeCard], int]
"""Writes the rows to a path and returns how many there were; only a dataset has a card."""


def write_jsonl(path: Path, batches: Iterator[RowBatch], schema: pa.Schema, _card: MakeCard) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for rows in batches:
            for values in _plain_rows(rows.batch):
                line = dict(zip(schema.names, values, strict=True))
                file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
            count += len(rows.parts)
    return count


def write_csv(path: Path, batches: Iterator[RowBatch], schema: pa.Schema, _card: MakeCard) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([escape_cell(name) for name in schema.names])
        for rows in batches:
            writer.writerows([_format_cell(value) for value in values] for values in _plain_rows(rows.batch))
            count += len(rows.parts)
    return count


def _plain_rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """The rows as plain values; times as ISO 8601 in UTC."""
    columns = (
        _format_times(column) if pa.types.is_timestamp(column.type) else column.to_pylist()
        for column in batch.columns
    )
    return zip(*columns, strict=True)


def _format_times(times: pa.Array) -> list[str | None]:
    if times.null_count == len(times):
        return [None] * len(times)
    # twice as fast as pyarrow's strftime, which says the same
    texts = np.datetime_as_string(times.to_numpy(zero_copy_only=False).astype("datetime64[ms]"))
    if times.null_count:
        return [None if text == "NaT" else f"{text}+00:00" for text in texts]
    return [f"{text}+00:00" for text in texts]


def _format_cell(value: Any) -> Any:
    """Text is escaped against formulas, lists become JSON, null an empty cell."""
    if isinstance(value, str):
        return escape_cell(value)
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


class _ParquetFile:
    """A Parquet file whose row groups are of one size in bytes, however long the rows are."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.file, self.schema = pq.ParquetWriter(path, schema, compression="zstd"), schema
        self.batches: list[pa.RecordBatch] = []
        self.count = 0

    def __enter__(self) -> "_ParquetFile":
        return self

    def __exit__(self, *failed: object) -> None:
        try:
            if failed[0] is None:
                self.flush()
        finally:
            self.file.close()

    def add(self, batch: pa.RecordBatch) -> None:
        self.batches.append(batch)
        self.count += batch.num_rows
        if sum(batch.nbytes for batch in self.batches) >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        if self.batches:
            self.file.write_table(pa.Table.from_batches(self.batches, self.schema))
            self.batches = []


def write_parquet(path: Path, batches: Iterator[RowBatch], schema: pa.Schema, _card: MakeCard) -> int:
    with _ParquetFile(path, schema) as file:
        for rows in batches:
            file.add(rows.batch)
    return file.count


def write_dataset(folder: Path, batches: Iterator[RowBatch], schema: pa.Schema, make_card: MakeCard) -> int:
    """One Parquet file for each part that has rows, the card, and the checksums of all."""
    (folder / "data").mkdir(parents=True)
    files: dict[int, _ParquetFile] = {}
    with ExitStack() as open_files:
        for rows in batches:
            for part in np.unique(rows.parts).tolist():
                if part not in files:
                    path = folder / "data" / f"{PARTS[part]}-00000-of-00001.parquet"
                    files[part] = open_files.enter_context(_ParquetFile(path, schema))
                files[part].add(rows.batch.filter(pa.array(rows.parts == part)))
    counts = {PARTS[part]: files[part].count for part in sorted(files)}
    checksums = {
        str(path.relative_to(folder)): sha256_of_file(path) for path in sorted((folder / "data").iterdir())
    }
    (folder / "README.md").write_text(make_card(counts, checksums), encoding="utf-8")
    checksums["README.md"] = sha256_of_file(folder / "README.md")
    lines = "".join(f"{digest}  {name}\n" for name, digest in checksums.items())
    (folder / CHECKSUMS).write_text(lines, encoding="utf-8")
    return sum(counts.values())
