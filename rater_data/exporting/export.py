"""Out: a store's ratings for other programs, whole or not at all. What the columns are is in `formats`.

People appear by pseudonym, never by name. Left out on purpose: links, hashes of secrets, token ids.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from rater_data.exporting import llama_factory
from rater_data.exporting.dataset_card import card
from rater_data.exporting.formats import Stream, Wish, stream
from rater_data.exporting.rating_rows import Rows
from rater_data.exporting.writers import check_place, write
from rater_data.store import Store

Wrap = Callable[[Iterator[Rows], int | None], Iterator[Rows]]
"""Goes around portions of rows, told how many rows there will be (None: not known): a progress bar, or nothing."""


Stanza = Callable[[Path, dict[str, Any]], None]
"""What is done with LLaMA-Factory's description of the file, once that is there."""


def _unwrapped(rows: Iterator[Rows], _total: int | None) -> Iterator[Rows]:
    return rows


def export(
    store: Store,
    out: Path,
    *,
    stanza: Stanza | None = None,
    force: bool = False,
    wrap: Wrap = _unwrapped,
    **wish: Any,
) -> int:
    """As `write_out`, of a wish in words: format="ratings", as_="csv", …"""
    return write_out(store, out, Wish(**wish), stanza=stanza, force=force, wrap=wrap)


def write_out(
    store: Store,
    out: Path,
    wish: Wish,
    *,
    stanza: Stanza | None = None,
    force: bool = False,
    wrap: Wrap = _unwrapped,
) -> int:
    """Writes what is wished for to a file, for a dataset to a folder; returns how many rows.

    Written aside and renamed: `out` is there whole or not at all. `stanza` is given LLaMA-Factory's description of it
    (`llama_factory.put`: it goes beside it). Raises BadInput when `out` exists (unless `force`), when there is nothing
    to write or an option is not known, Missing for a round that does not exist, and DiskFull.
    """
    check_place(out, wish.as_, force)
    # rows, people and what the card says of them are of one moment, however many rate meanwhile
    with store.consistent_reads() as still:
        found = stream(still, wish)
        with closing(found.rows):
            return _written(still, out, wish, found, stanza, force, wrap)


def _written(
    store: Store, out: Path, wish: Wish, found: Stream, stanza: Stanza | None, force: bool, wrap: Wrap
) -> int:
    described = None if stanza is None else llama_factory.stanza(wish, found.schema, out)
    if stanza is llama_factory.put:
        llama_factory.check(out)

    def told(counts: dict[str, int], sums: dict[str, str]) -> str:
        return card(store, wish, out.name, found.schema, counts, sums)

    count = write(out, wrap(found.rows, found.total), found.schema, as_=wish.as_, force=force, card=told)
    if stanza is not None and described is not None:
        stanza(out, described)
    return count
