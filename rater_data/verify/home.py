"""Is the store what it says? Every rule of the tables, every hash and every number is looked at anew from the raw log.

One sentence for each thing that differs. Nothing is changed, and nothing is held in memory that grows with the texts.
Rows by themselves are looked at in `row_checks`, counts in `recounting`, files in `folders`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import sqlalchemy as sa

from rater_data.checksums import faults
from rater_data.records import IMPORTED_ROUND, RESTORED
from rater_data.store import Store
from rater_data.store.database import schema as t
from rater_data.store.rounds.sealing import snapshot_digest
from rater_data.verify import recount, recount_rounds, row_checks
from rater_data.verify.damaged_rows import Check, looked, read_or, rows_of, texts

TRIES = 3
Recount = Callable[[Store, sa.Connection], Iterator[str]]
SEALED = ("sealed", "training", "refused", "published")
"""States that a round reaches with a snapshot. (A failed one has it too, a rolled-back one perhaps.)"""

_g, _r, _s, _v = t.ratings.c, t.responses.c, t.snapshot_ratings.c, t.policy_versions.c


def verify(store: Store, tell: Callable[[str], None] = lambda _what: None) -> Iterator[str]:
    """What differs, one sentence each; nothing when all is well. `tell` hears what is looked at now."""
    checks = CHECKS | {"adapters": partial(_adapters, store)}
    with store._read() as connection:
        for what, check in checks.items():
            tell(what)
            yield from looked(what, connection, partial(check, connection))
    for what, count in RECOUNTS.items():
        tell(what)
        with store._read() as connection:
            yield from looked(what, connection, partial(_recounted, store, count))


def _recounted(store: Store, count: Recount) -> list[str]:
    """What differs when it is counted anew. Somebody who rates meanwhile makes no difference: it is done again."""
    for _ in range(TRIES):
        before = _newest(store)
        with store._read() as connection:
            found = list(count(store, connection))
        if not found or _newest(store) == before:
            break
    return found


def _newest(store: Store) -> tuple[Any, ...]:
    counts = (sa.func.count(), sa.func.max(_g.id), sa.func.sum(sa.case((_g.is_current, 1), else_=0)))
    with store._read() as connection:
        events = connection.scalar(sa.select(sa.func.max(t.events.c.id)))
        return (*connection.execute(sa.select(*counts).select_from(t.ratings)).one(), events)


# ---- the database itself


def _database(connection: sa.Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for said in connection.exec_driver_sql("PRAGMA quick_check").scalars():
            if said != "ok":
                yield f"The database file is damaged: {said}."


def _references(connection: sa.Connection) -> Iterator[str]:
    """Whatever points to a row points to one that is there."""
    for table in t.metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            column, parent = key.parent, key.column.table.alias()
            there = sa.select(sa.literal(1)).where(parent.c[key.column.name] == column).exists()
            query = sa.select(*table.primary_key.columns, column.label("points_to"))
            for row in rows_of(connection, query.where(column.is_not(None), ~there)):
                which = ", ".join(f"{name} {row[name]}" for name in table.primary_key.columns.keys())  # noqa: SIM118
                yield (
                    f"In {table.name} ({which}), {column.name} points to {row['points_to']}, "
                    f"which is not in {key.column.table.name}."
                )


# ---- ratings among each other


def _revisions(connection: sa.Connection) -> Iterator[str]:
    """One current revision at most, the newest; numbered from 1 without a gap."""
    current = sa.func.sum(sa.case((_g.is_current, 1), else_=0))
    newest = sa.func.max(sa.case((_g.is_current, _g.revision)))
    groups = sa.select(
        _g.response_id,
        _g.rater_id,
        sa.func.count().label("n"),
        sa.func.min(_g.revision).label("lowest"),
        sa.func.max(_g.revision).label("highest"),
        current.label("current"),
        newest.label("newest"),
    ).group_by(_g.response_id, _g.rater_id)
    rows = groups.order_by(_g.response_id, _g.rater_id).subquery().c
    wrong = (rows.lowest != 1) | (rows.highest != rows.n) | (rows.current > 1) | (rows.newest < rows.highest)
    for row in rows_of(connection, sa.select(rows).where(wrong)):
        of = f"of rater {row['rater_id']} on response {row['response_id']}"
        if row["current"] > 1:
            yield f"There are {row['current']} current ratings {of}: there may be one."
        if row["lowest"] != 1 or row["highest"] != row["n"]:
            yield f"Of the revisions {of} some are missing: {row['n']} are there, numbered up to {row['highest']}."
        if row["newest"] is not None and row["newest"] < row["highest"]:
            yield f"Revision {row['newest']} {of} is current, but there is a later one."


def _comparisons(connection: sa.Connection) -> Iterator[str]:
    """The two that were compared are two responses to one prompt."""
    other = t.responses.alias("other")
    query = (
        sa.select(_g.id, _r.id.label("first"), other.c.id.label("second"))
        .select_from(t.ratings)
        .join(t.responses, _r.id == _g.response_id)
        .join(other, other.c.id == _g.other_id)
        .where((other.c.id == _r.id) | (other.c.prompt_id != _r.prompt_id))
    )
    for row in rows_of(connection, query):
        yield f"Rating {row['id']} compares responses {row['first']} and {row['second']}, not two of one prompt."


# ---- versions, rounds, snapshots


def _versions(connection: sa.Connection) -> Iterator[str]:
    rows = connection.execute(sa.select(_v.number, _v.parent, _v.status).order_by(_v.number)).all()
    current = [row.number for row in rows if row.status == "current"]
    if rows and len(current) != 1:
        numbers = " and ".join(map(str, current)) or "none"
        yield f"Exactly one version has to be in use, and it is {numbers}."
    for row in rows:
        if row.parent is not None and row.parent >= row.number:
            yield f"Version {row.number} comes from version {row.parent}, which is not older."


def _rounds(connection: sa.Connection) -> Iterator[str]:
    made = Counter(
        connection.scalars(
            sa.select(t.rounds.c.published_version).where(t.rounds.c.published_version.is_not(None))
        )
    )
    for number, count in sorted(made.items()):
        if count > 1:
            yield f"Version {number} came out of {count} rounds: a version comes out of one."
    for found in connection.execute(sa.select(*texts(t.rounds.c)).order_by(t.rounds.c.number)).all():
        if found.number == IMPORTED_ROUND or read_or(found.config, dict, {}).get(RESTORED):
            continue
        if found.state in SEALED and found.snapshot_sha256 is None:
            yield f"Round {found.number} is {found.state}, but was never sealed."
        if found.state == "published" and found.published_version is None:
            yield f"Round {found.number} is published, but no version came out of it."


def _snapshots(connection: sa.Connection) -> Iterator[str]:
    """The hash of every sealed round, how many ratings the journal says, and no frozen ratings without a hash."""
    sealed = {
        row.number: row.snapshot_sha256
        for row in connection.execute(sa.select(t.rounds.c.number, t.rounds.c.snapshot_sha256))
    }
    counts = dict(
        connection.execute(sa.select(_s.round_number, sa.func.count()).group_by(_s.round_number)).all()
    )
    told = _told_of_seals(connection)
    for number, sha256 in sorted(sealed.items()):
        if sha256 is None:
            if counts.get(number):
                yield f"Round {number} has {counts[number]} frozen ratings, but no hash of them."
            continue
        if snapshot_digest(connection, number) != sha256:
            yield f"The frozen ratings of round {number} are not those that were sealed: their hash differs."
        if number in told and told[number].get("ratings") not in (None, counts.get(number, 0)):
            yield (
                f"The journal says that round {number} was sealed with {told[number]['ratings']} ratings; "
                f"its snapshot has {counts.get(number, 0)}."
            )


def _told_of_seals(connection: sa.Connection) -> dict[int, dict[str, Any]]:
    """What the journal says of the last seal of each round."""
    e = t.events.c
    query = sa.select(*texts((e.what, e.data))).where(e.what.like("sealed round %")).order_by(e.id)
    told = {}
    for what, data in connection.execute(query):
        number = what.rsplit(" ", 1)[1]
        if number.isdigit():
            told[int(number)] = read_or(data, dict, {})
    return told


def _leases(connection: sa.Connection) -> Iterator[str]:
    """Who holds a card holds one of an open round that they have not rated."""
    held = (
        sa.select(t.leases, t.users.c.active, t.rounds.c.state, t.rounds.c.number)
        .join(t.users, t.users.c.id == t.leases.c.rater_id)
        .join(t.responses, _r.id == t.leases.c.response_id)
        .join(t.rounds, t.rounds.c.number == _r.round_number)
    )
    rated = sa.select(_g.id).where(
        _g.rater_id == t.leases.c.rater_id, _g.response_id == t.leases.c.response_id, _g.is_current
    )
    query = held.add_columns(rated.exists().label("rated")).order_by(t.leases.c.rater_id)
    for row in rows_of(connection, query):
        who = f"Rater {row['rater_id']} holds the card of response {row['response_id']}"
        if row["rated"]:
            yield f"{who}, which they have rated."
        if not row["active"]:
            yield f"{who}, but is kept out."
        if row["other_id"] == row["response_id"]:
            yield f"{who} beside itself."


def _adapters(store: Store, connection: sa.Connection) -> Iterator[str]:
    """The files of every version are those that were published."""
    columns = texts((_v.number, _v.folder, _v.sha256, _v.metrics))
    rows = connection.execute(sa.select(*columns).order_by(_v.number)).all()
    for row in rows:
        if not row.folder or read_or(row.metrics, dict, {}).get(RESTORED):
            continue  # the base itself, or known from an import
        folder = (store.home / row.folder).resolve()
        if not folder.is_relative_to(store.home.resolve()):
            yield f"The folder of version {row.number} lies outside the home folder."
        elif not folder.is_dir():
            yield f"The folder {row.folder} of version {row.number} is not there."
        else:
            yield from (f"Version {row.number}: {fault}" for fault in faults(folder, row.sha256))


CHECKS: dict[str, Check] = {
    "the database": _database,
    "what points to what": _references,
    "prompts": row_checks.prompts,
    "responses": row_checks.responses,
    "ratings": row_checks.ratings,
    "hashes of ratings": row_checks.hashes,
    "people": row_checks.people,
    "notes beside them": row_checks.notes,
    "revisions": _revisions,
    "comparisons": _comparisons,
    "versions": _versions,
    "rounds": _rounds,
    "snapshots": _snapshots,
    "leases": _leases,
}

RECOUNTS: dict[str, Recount] = {
    "reports of gates": recount.gates,
    "counts and agreement": recount.counts,
    "coverage of rounds": recount_rounds.rounds,
    "agreement of raters": recount_rounds.agreements,
}
