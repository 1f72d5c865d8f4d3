"""A store's ratings into a file or a dataset's folder for other programs, whole or not at all.

People appear by pseudonym, never by name. Left out on purpose: links, hashes of secrets, token ids. What the columns
are is in `formats`.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rater_data.exporting import llama_factory
from rater_data.exporting.dataset_card import dataset_card
from rater_data.exporting.file_types import FILE_TYPES
from rater_data.exporting.formats.base import RowBatch, RowStream, stream_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.output_path import check_output_path, new_output
from rater_data.store import Store

WrapBatches = Callable[[Iterator[RowBatch], int | None], Iterator[RowBatch]]
"""Goes around batches of rows, given how many rows there will be (None: not known): a progress bar, or nothing."""

HandleEntry = Callable[[Path, dict[str, Any]], None]
"""What is done with LLaMA-Factory's description of the file, once the file is there."""


def _unwrapped(batches: Iterator[RowBatch], _total: int | None) -> Iterator[RowBatch]:
    return batches


def export(
    store: Store,
    out: Path,
    *,
    handle_entry: HandleEntry | None = None,
    force: bool = False,
    wrap: WrapBatches = _unwrapped,
    **request: Any,
) -> int:
    """As `write_export`, of a request in words: format="ratings", file_type="csv", …"""
    return write_export(
        store, out, ExportRequest(**request), handle_entry=handle_entry, force=force, wrap=wrap
    )


def write_export(
    store: Store,
    out: Path,
    request: ExportRequest,
    *,
    handle_entry: HandleEntry | None = None,
    force: bool = False,
    wrap: WrapBatches = _unwrapped,
) -> int:
    """Writes what is requested to a file, for a dataset to a folder; returns how many rows.

    Written aside and renamed: `out` is there whole or not at all. `handle_entry` is given LLaMA-Factory's description
    of it (`llama_factory.add_entry`: it goes beside it). Raises BadInput when `out` exists (unless `force`), when there
    is nothing to write or an option is not known, Missing for a round that does not exist, and DiskFull.
    """
    check_output_path(out, request.file_type, force)
    # rows, people and what the card says of them are of one moment, however many rate meanwhile
    with store.consistent_reads() as snapshot:
        stream = stream_rows(snapshot, request)
        with closing(stream.batches):
            entry = None if handle_entry is None else llama_factory.describe(request, stream.schema, out)
            if handle_entry is llama_factory.add_entry:
                llama_factory.check_entries(out)
            # again: reading the first rows took a while
            target = check_output_path(out, request.file_type, force)
            rows = _write(snapshot, target, out.name, request, stream, wrap)
    if handle_entry is not None and entry is not None:
        handle_entry(out, entry)
    return rows


def _write(
    store: Store, target: Path, name: str, request: ExportRequest, stream: RowStream, wrap: WrapBatches
) -> int:
    def make_card(counts: dict[str, int], checksums: dict[str, str]) -> str:
        return dataset_card(store, request, name, stream.schema, counts, checksums)

    write = FILE_TYPES[request.file_type].load_writer()
    with new_output(target) as part:
        return write(part, wrap(stream.batches, stream.total), stream.schema, make_card)
