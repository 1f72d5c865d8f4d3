"""Rows out of what stores columns: Parquet, and whatever `datasets` loads from a folder or from the hub."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.importing.readers.row import Row, shorten_error
from rater_data.importing.readers.splits import split_named

BATCH_ROWS = 1000  # rows of a Parquet file or dataset that are held at once
LARGEST_CHUNK = (
    2**30
)  # bytes of a column in a group of rows, unpacked; more than that only if it is little packed
LARGEST_RATIO = 500


def read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _check_sizes(file.metadata, path.name)
            needs_plain = _needs_plain(file.schema_arrow)
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    values = to_plain(values) if needs_plain else values
                    yield Row(file=path.name, line=number, values=values, unit="row")
    except (pa.ArrowException, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        where = f"behind row {number}" if number else "at all"
        raise BadInput(
            f"{path.name} is no Parquet file that can be read {where} ({shorten_error(error)})."
        ) from None


def _check_sizes(metadata: Any, name: str) -> None:
    """Raises BadInput for a file that was made to fill the memory: a gigabyte in a few bytes."""
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            size = chunk.total_uncompressed_size
            if size > LARGEST_CHUNK and size > LARGEST_RATIO * max(chunk.total_compressed_size, 1):
                raise BadInput(
                    f"{name} unpacks to more than {LARGEST_RATIO} times its size: this is no file of rows."
                )


def _needs_plain(schema: Any) -> bool:
    """Whether a table has values that nothing else brings: decimals (DuckDB, Spark), or texts without their type."""
    names = str(schema)
    return "decimal" in names or "binary" in names


def to_plain(value: Any) -> Any:
    """Decimals as numbers, and bytes that are UTF-8 as texts, at any depth."""
    if isinstance(value, dict):
        return {name: to_plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [to_plain(one) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


def read_saved(path: Path, split: str = "") -> Iterator[Row]:
    """The rows of a dataset that was saved to disk. `split`: which part of a DatasetDict this is, if it is one."""
    name = f"{path.name} ({split})" if split else path.name
    with _explain_errors(name):
        import datasets

        datasets.disable_progress_bars()
        dataset = datasets.load_from_disk(str(path))
    yield from (replace(row, split=split_named(split)) for row in _dataset_rows(dataset, name))


def read_dataset(name: str, split: str | None = None, config: str | None = None) -> Iterator[Row]:
    """The rows of a dataset of the hub, or of a folder that `datasets` can read, from one of its splits (train)."""
    with _explain_errors(name):
        import datasets  # two seconds to import: only those who want it wait

        datasets.disable_progress_bars()
        dataset = datasets.load_dataset(name, config, split=split or "train")
    empty = True
    for row in _dataset_rows(dataset, f"{name} ({split or 'train'})"):
        empty = False
        yield replace(row, split=split_named(split or "train"))
    if empty:
        raise BadInput(f"The dataset {name} has no rows in {split or 'train'}.")


@contextmanager
def _explain_errors(name: str) -> Iterator[None]:
    """`datasets` raises whatever its parts raise; all of it means that there is no such dataset to read."""
    try:
        yield
    except Exception as error:
        raise BadInput(f"The dataset {name} cannot be read: {shorten_error(error)}") from error


def _dataset_rows(dataset: Any, name: str) -> Iterator[Row]:
    number = 0
    needs_plain = _needs_plain(dataset.features.arrow_schema)
    batches: Iterable[dict[str, list[Any]]] = dataset.iter(batch_size=BATCH_ROWS)
    for batch in _explained(batches, name):
        for cells in zip(*batch.values(), strict=True):
            number += 1
            values = dict(zip(batch, cells, strict=True))
            yield Row(file=name, line=number, values=to_plain(values) if needs_plain else values, unit="row")


def _explained(batches: Iterable[dict[str, list[Any]]], name: str) -> Iterator[dict[str, list[Any]]]:
    """The same, with the errors of reading them explained, and no others."""
    rest = iter(batches)
    while True:
        with _explain_errors(name):
            batch = next(rest, None)
        if batch is None:
            return
        yield batch
