"""Rows out of tables of columns: Parquet, and whatever `datasets` loads, from a folder or the hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.importing.readers.column_batches import Unreadable, read_batches
from rater_data.importing.readers.column_values import plain_rows
from rater_data.importing.readers.row import Row, shorten_error
from rater_data.importing.readers.splits import split_named


def read_parquet(path: Path) -> Iterator[Row]:
    path.open("rb").close()  # raises what is wrong with the place, not with the file
    number = 0
    try:
        for rows in _rows("parquet", str(path.absolute())):
            for values in rows:
                number += 1
                yield Row(file=path.name, line=number, values=values, unit="row")
    except Unreadable as error:
        where = f"behind row {number}" if number else "at all"
        raise BadInput(f"{path.name} is no Parquet file that can be read {where} ({error}).") from None


def read_saved(path: Path, name: str, split: str = "") -> Iterator[Row]:
    """The rows of a dataset that was saved to disk. `split`: which part of the DatasetDict `name` it is, if any."""
    name, part = f"{name} ({split})" if split else name, split_named(split)
    with _explain_errors(name):
        rows = chain.from_iterable(_rows("saved", str(path.absolute())))
        for number, values in enumerate(rows, start=1):
            yield Row(file=name, line=number, values=values, unit="row", split=part)


def read_dataset(name: str, split: str | None = None, config: str | None = None) -> Iterator[Row]:
    """The rows of a dataset of the hub, or of a folder that `datasets` can read, from one of its splits (train)."""
    split = split or "train"
    place, part, number = f"{name} ({split})", split_named(split), 0
    with _explain_errors(name):
        rows = chain.from_iterable(_rows("hub", name, split=split, config=config))
        for number, values in enumerate(rows, start=1):
            yield Row(file=place, line=number, values=values, unit="row", split=part)
    if number == 0:
        raise BadInput(f"The dataset {name} has no rows in {split}.")


def _rows(kind: str, name: str, **options: Any) -> Iterator[list[dict[str, Any]]]:
    """Some at a time."""
    for batch in read_batches(kind, name, **options):
        try:
            rows = plain_rows(batch)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise Unreadable(shorten_error(error)) from error
        yield rows


@contextmanager
def _explain_errors(name: str) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        raise BadInput(f"The dataset {name} cannot be read: {error}") from None
