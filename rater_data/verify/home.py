"""Is the store what it says? Every rule of the tables, every hash and every number is checked from the raw tables.

One sentence for each thing that differs. Nothing is changed, and nothing is held in memory that grows with the texts.
Rows by themselves are checked in `row_checks`, among each other in `relation_checks`, numbers in `counts`.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa

from rater_data.artifacts.artifacts import Artifacts
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.store import Store
from rater_data.store.database import schema as t
from rater_data.verify import counts, relation_checks, row_checks
from rater_data.verify.damaged_rows import Check, run_check

MAX_TRIES = 3
Recount = Callable[[Store, sa.Connection], Iterator[str]]

CHECKS: dict[str, Check] = {
    "the database": relation_checks.check_database,
    "what points to what": relation_checks.check_references,
    "prompts": row_checks.check_prompts,
    "responses": row_checks.check_responses,
    "ratings": row_checks.check_ratings,
    "hashes of ratings": row_checks.check_hashes,
    "better answers": row_checks.check_edits,
    "people": row_checks.check_people,
    "notes beside them": row_checks.check_notes,
    "revisions": relation_checks.check_revisions,
    "revisions of better answers": relation_checks.check_edit_revisions,
    "comparisons": relation_checks.check_comparisons,
    "versions": relation_checks.check_versions,
    "rounds": relation_checks.check_rounds,
    "snapshots": relation_checks.check_snapshots,
    "leases": relation_checks.check_leases,
}

RECOUNTS: dict[str, Recount] = {
    "reports of gates": counts.check_gates,
    "counts and agreement": counts.check_counts,
    "coverage of rounds": counts.check_coverage,
    "agreement of raters": counts.check_rater_agreement,
}


def verify(
    store: Store,
    progress: Callable[[str], None] = lambda _what: None,
    artifacts: Artifacts | None = None,
) -> Iterator[str]:
    """What differs, one sentence each; nothing when all is well. `progress` is given what is checked next.

    `artifacts`: where the versions' files are, if not in the home.
    """
    adapters = partial(relation_checks.check_adapters, artifacts or FolderArtifacts(store.home))
    checks = CHECKS | {"adapters": adapters}
    with store.reading() as connection:
        for what, check in checks.items():
            progress(what)
            yield from run_check(what, connection, partial(check, connection))
    for what, recount in RECOUNTS.items():
        progress(what)
        with store.reading() as connection:
            yield from run_check(what, connection, partial(_recount, store, recount))


def _recount(store: Store, recount: Recount) -> list[str]:
    """What differs when it is counted anew. Somebody who rates meanwhile makes no difference: it is done again."""
    for _ in range(MAX_TRIES):
        before = _newest(store)
        with store.reading() as connection:
            differences = list(recount(store, connection))
        if not differences or _newest(store) == before:
            break
    return differences


def _newest(store: Store) -> tuple[Any, ...]:
    """What is another tuple after somebody rated."""
    g = t.ratings.c
    numbers = (sa.func.count(), sa.func.max(g.id), sa.func.sum(sa.case((g.is_current, 1), else_=0)))
    with store.reading() as connection:
        events = connection.scalar(sa.select(sa.func.max(t.events.c.id)))
        return (*connection.execute(sa.select(*numbers).select_from(t.ratings)).one(), events)
