"""Out: a store's ratings for other programs, whole or not at all. What the columns are is in `formats`.

People appear by pseudonym, never by name. Left out on purpose: links, hashes of secrets, token ids.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rater_data import llama_factory
from rater_data.cards import card
from rater_data.formats import Wish, stream
from rater_data.lineage import Rows
from rater_data.store import Store
from rater_data.writing import check_place, write

Wrap = Callable[[Iterator[Rows], int | None], Iterator[Rows]]
"""Goes around portions of rows, told how many rows there will be (None: not known): a progress bar, or nothing."""


def _unwrapped(rows: Iterator[Rows], _total: int | None) -> Iterator[Rows]:
    return rows


def export(
    store: Store,
    out: Path,
    *,
    stanza: bool = False,
    force: bool = False,
    wrap: Wrap = _unwrapped,
    **wish: Any,
) -> int:
    """Writes what is wished for (see `formats.Wish`) to a file, for a dataset to a folder; returns how many rows.

    Written aside and renamed: `out` is there whole or not at all. `stanza`: LLaMA-Factory's description goes beside
    it. Raises BadInput when `out` exists (unless `force`), when there is nothing to write or an option is not known,
    Missing for a round that does not exist, and DiskFull.
    """
    wanted = Wish(**wish)
    check_place(out, wanted.as_, force)
    found = stream(store, wanted)
    described = llama_factory.stanza(wanted, found.schema, out) if stanza else None
    if described is not None:
        llama_factory.check(out)

    def told(counts: dict[str, int], sums: dict[str, str]) -> str:
        return card(store, wanted, out.name, found.schema, counts, sums)

    count = write(out, wrap(found.rows, found.total), found.schema, as_=wanted.as_, force=force, card=told)
    if described is not None:
        llama_factory.put(out, described)
    return count
