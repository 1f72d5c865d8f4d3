"""Rows out of files that store columns: Parquet, and whatever `datasets` loads from a folder or from the hub."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.importing.readers.row import Row, shorten_error

BATCH_ROWS = 1000  # rows of a Parquet file or dataset that are held at once


def read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(file=path.name, line=number, values=values, unit="row")
    except (pa.ArrowException, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        where = f"behind row {number}" if number else "at all"
        raise BadInput(
            f"{path.name} is no Parquet file that can be read {where} ({shorten_error(error)})."
        ) from None


def read_folder(path: Path) -> Iterator[Row]:
    """The rows of all Parquet files of a folder, as our dataset export and many others have them, or of a saved one."""
    files = sorted([*path.glob("*.parquet"), *path.glob("data/*.parquet")])
    for file in files:
        yield from read_parquet(file)
    if not files:
        if not (path / "state.json").is_file():
            raise BadInput(f"{path} is a folder without a dataset in it: name a file, or use --dataset.")
        with _explain_errors(path.name):
            import datasets

            datasets.disable_progress_bars()
            dataset = datasets.load_from_disk(str(path))
        yield from _dataset_rows(dataset, path.name)


def read_dataset(name: str, split: str | None = None, config: str | None = None) -> Iterator[Row]:
    """The rows of a dataset of the hub, or of a folder that `datasets` can read, from one of its splits (train)."""
    with _explain_errors(name):
        import datasets  # two seconds to import: only those who want it wait

        datasets.disable_progress_bars()
        dataset = datasets.load_dataset(name, config, split=split or "train")
    empty = True
    for row in _dataset_rows(dataset, f"{name} ({split or 'train'})"):
        empty = False
        yield row
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
    batches: Iterable[dict[str, list[Any]]] = dataset.iter(batch_size=BATCH_ROWS)
    for batch in batches:
        for cells in zip(*batch.values(), strict=True):
            number += 1
            yield Row(file=name, line=number, values=dict(zip(batch, cells, strict=True)), unit="row")
