"""What the modules of the formats are made of: rows in batches of columns, and what a format declares."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from rater_data.errors import BadInput
from rater_data.exporting.formats.dataset_parts import part_of
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.table import EXPORT_FORMATS
from rater_data.store import Store

BATCH_ROWS = 2_000  # rows that become columns together
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
RATERS = ("raters", pa.list_(pa.string()))


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Some rows of an export, and of each the part of a dataset that its prompt belongs to: an index of `PARTS`."""

    batch: pa.RecordBatch
    parts: np.ndarray


@dataclass(frozen=True, slots=True)
class RowStream:
    """The rows of an export, in batches, and how many there will be, where that is known before."""

    schema: pa.Schema
    batches: Generator[RowBatch, None, None]
    total: int | None = None


OFFSETS_REMOVED = "that is estimated and taken off, with little to go by where raters share few responses."


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatRows:
    """What the module of a format declares: its rows, and what the card of a dataset says of them.

    `source`: what a store without a row for it has none of. `about`: what the rows are. `task`: the hub's category.
    `offsets`: the end of a sentence on raters who score high or low. `qualities`: the rows are about answers for
    further qualities, not about scores.
    """

    stream: Callable[[Store, ExportRequest], RowStream]
    source: str
    about: str
    task: str = "text-generation"
    offsets: str = OFFSETS_REMOVED
    qualities: bool = False


def stream_rows(store: Store, request: ExportRequest) -> RowStream:
    """Raises BadInput when there is nothing to export, Missing for a round that does not exist."""
    format_rows = EXPORT_FORMATS[request.format].load()
    stream = format_rows.stream(store, request)
    first = next(stream.batches, None)
    if first is None:
        raise BadInput(f"There is nothing to export: the store has no {format_rows.source} of this kind.")
    return RowStream(stream.schema, _prepend(first, stream.batches), stream.total)


def _prepend(first: RowBatch, rest: Generator[RowBatch, None, None]) -> Generator[RowBatch, None, None]:
    yield first
    yield from rest


PromptAndRow = tuple[Any, dict[str, Any]]
"""A prompt (as `prompts_with_responses` has it) and the columns of a row about it."""


def batch_rows(rows: Iterable[PromptAndRow], schema: pa.Schema) -> Generator[RowBatch, None, None]:
    """The rows as columns, some thousand at a time."""
    rows = iter(rows)
    while pairs := list(islice(rows, BATCH_ROWS)):
        batch = pa.RecordBatch.from_pylist([row for _, row in pairs], schema=schema)
        yield RowBatch(batch, np.array([part_of(prompt.sha256, prompt.split) for prompt, _ in pairs]))
