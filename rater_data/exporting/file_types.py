"""The table of file types: how they are called, how their downloads end, and what writes them.

The command line, the console's form and the routes are made of this table; none of them waits for pyarrow, which the
writers need.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rater_data.exporting.writers import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class FileType:
    """`ending` and `media_type` are of its download: a folder comes as a ZIP. `load_writer` imports what writes it."""

    name: str
    label: str
    ending: str
    media_type: str
    load_writer: Callable[[], Writer]
    folder: bool = False


def _jsonl() -> Writer:
    from rater_data.exporting.writers import write_jsonl

    return write_jsonl


def _csv() -> Writer:
    from rater_data.exporting.writers import write_csv

    return write_csv


def _parquet() -> Writer:
    from rater_data.exporting.writers import write_parquet

    return write_parquet


def _dataset() -> Writer:
    from rater_data.exporting.writers import write_dataset

    return write_dataset


FILE_TYPES: dict[str, FileType] = {
    file_type.name: file_type
    for file_type in (
        FileType(
            name="jsonl",
            label="JSON lines",
            ending="jsonl",
            media_type="application/x-ndjson",
            load_writer=_jsonl,
        ),
        FileType(
            name="csv",
            label="CSV for spreadsheets",
            ending="csv",
            media_type="text/csv; charset=utf-8",
            load_writer=_csv,
        ),
        FileType(
            name="parquet",
            label="Parquet",
            ending="parquet",
            media_type="application/vnd.apache.parquet",
            load_writer=_parquet,
        ),
        FileType(
            name="dataset",
            label="Dataset for the hub, with its card (ZIP)",
            ending="zip",
            media_type="application/zip",
            load_writer=_dataset,
            folder=True,
        ),
    )
}
