"""Rows out of whatever `datasets` loads: what it saved in a folder, and the hub."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.importing.readers.parquet_files import BATCH_ROWS, needs_plain, to_plain
from rater_data.importing.readers.row import Row, shorten_error
from rater_data.importing.readers.splits import split_named


def read_saved(path: Path, name: str, split: str = "") -> Iterator[Row]:
    """The rows of a dataset that was saved to disk. `split`: which part of the DatasetDict `name` it is, if any."""
    name = f"{name} ({split})" if split else name
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
    is_plain = not needs_plain(dataset.features.arrow_schema)
    batches: Iterable[dict[str, list[Any]]] = dataset.iter(batch_size=BATCH_ROWS)
    for batch in _explained(batches, name):
        for cells in zip(*batch.values(), strict=True):
            number += 1
            values = dict(zip(batch, cells, strict=True))
            yield Row(file=name, line=number, values=values if is_plain else to_plain(values), unit="row")


def _explained(batches: Iterable[dict[str, list[Any]]], name: str) -> Iterator[dict[str, list[Any]]]:
    """The same, with the errors of reading them explained, and no others."""
    rest = iter(batches)
    while True:
        with _explain_errors(name):
            batch = next(rest, None)
        if batch is None:
            return
        yield batch
