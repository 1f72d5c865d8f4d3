"""Is the store what it says? Every rule of the tables, every hash and every number is looked at anew from the raw log.

One sentence for each thing that differs. Nothing is changed, and nothing is held in memory that grows with the texts.
What is counted is in `recounting`; files are in `folders`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa

from rater_data import schema as t
from rater_data.errors import RateloopError
from rater_data.folders import faults
from rater_data.records import IMPORTED_ROUND, RESTORED
from rater_data.recounting import recount
from rater_data.rows import (
    RATING,
    prompt_columns,
    prompt_of,
    prompt_sha256,
    rating_columns,
    rating_of,
    response_columns,
    response_of,
    user_columns,
)
from rater_data.scales import DEFAULT_SCALE, REMOVED, SCALES
from rater_data.store import Store
from rater_data.store_journal import setting_in
from rater_data.store_people import name_key
from rater_data.store_sealing import row_digest, sealed_rows, snapshot_digest

MOST_OF_A_KIND = 20  # sentences of one check; how many more there are is said
TRIES = 3
AT_ONCE = 1000  # rows that are read at once
SEALED = ("sealed", "training", "refused", "published")
"""States that a round reaches with a snapshot. (A failed one has it too, a rolled-back one perhaps.)"""

_g, _r, _s, _v = t.ratings.c, t.responses.c, t.snapshot_ratings.c, t.policy_versions.c
Check = Callable[[sa.Connection], Iterator[str]]


def verify(store: Store, tell: Callable[[str], None] = lambda _what: None) -> Iterator[str]:
    """What differs, one sentence each; nothing when all is well. `tell` hears what is looked at now."""
    with store._read() as connection:
        for what, check in CHECKS.items():
            tell(what)
            yield from _some(check(connection))
        tell("adapters")
        yield from _some(_adapters(store, connection))
    tell("counts and agreement")
    yield from _some(iter(_recounted(store)))


def _recounted(store: Store) -> list[str]:
    """What differs when it is counted anew. Somebody who rates meanwhile makes no difference: it is done again."""
    for _ in range(TRIES):
        before = _newest(store)
        with store._read() as connection:
            found = list(recount(store, connection))
        if not found or _newest(store) == before:
            break
    return found


def _newest(store: Store) -> tuple[Any, ...]:
    counts = (sa.func.count(), sa.func.max(_g.id), sa.func.sum(sa.case((_g.is_current, 1), else_=0)))
    with store._read() as connection:
        events = connection.scalar(sa.select(sa.func.max(t.events.c.id)))
        return (*connection.execute(sa.select(*counts).select_from(t.ratings)).one(), events)


def _some(found: Iterator[str]) -> Iterator[str]:
    """The first of many sentences of one kind."""
    yield from islice(found, MOST_OF_A_KIND)
    if more := sum(1 for _ in found):
        yield f"And {more} more of this kind."


def _rows(connection: sa.Connection, query: sa.Select) -> Iterator[Any]:
    """Rows of a query, some at a time."""
    yield from connection.execute(query.execution_options(yield_per=AT_ONCE)).mappings()


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
            for row in _rows(connection, query.where(column.is_not(None), ~there)):
                which = ", ".join(f"{name} {row[name]}" for name in table.primary_key.columns.keys())  # noqa: SIM118
                yield (
                    f"In {table.name} ({which}), {column.name} points to {row['points_to']}, "
                    f"which is not in {key.column.table.name}."
                )


# ---- rows by themselves


def _prompts(connection: sa.Connection) -> Iterator[str]:
    query = sa.select(*prompt_columns(), t.prompts.c.sha256).order_by(t.prompts.c.id)
    for row in _rows(connection, query):
        try:
            found = prompt_of(row)
        except (RateloopError, TypeError, KeyError) as error:
            yield f"Prompt {row['id']} is not well formed: {error}"
            continue
        if prompt_sha256(found) != row["sha256"]:
            yield f"Prompt {row['id']} was altered: its messages do not have the hash they are kept under."


def _responses(connection: sa.Connection) -> Iterator[str]:
    for row in _rows(connection, sa.select(*response_columns()).order_by(_r.id)):
        try:
            response_of(row)
        except (RateloopError, TypeError) as error:
            yield f"Response {row['id']} is not well formed: {error}"
    rounds = {row.number: row.version_number for row in connection.execute(sa.select(t.rounds))}
    query = sa.select(_r.round_number, _r.version_number, sa.func.count().label("n"))
    for number, version, n in connection.execute(query.group_by(_r.round_number, _r.version_number)):
        by = rounds.get(number)
        if version is not None and by is not None and version > by:
            yield f"In round {number}, which version {by} wrote, {n} responses are of the later version {version}."


def _ratings(connection: sa.Connection) -> Iterator[str]:
    scale = SCALES.get(setting_in(connection, "scale", DEFAULT_SCALE))
    if scale is None:
        yield "The scale of this home is none that is known."
    query = sa.select(*rating_columns(), _g.sha256).order_by(_g.id)
    for row in _rows(connection, query):
        try:
            rating = rating_of({c.name: row[c.name] for c in RATING})
        except (RateloopError, TypeError) as error:
            yield f"Rating {row['id']} is not well formed: {error}"
            continue
        if scale is not None and rating.scale != scale.name:
            yield f"Rating {rating.id} is on the scale {rating.scale}, but this home's is {scale.name}."
        if SCALES[rating.scale].paired != (rating.other_id is not None):
            yield f"Rating {rating.id} on the scale {rating.scale} compares with {rating.other_id}."
        blank = (rating.score, rating.comment, rating.flags, rating.attributes) == (None, "", (), {})
        if rating.verdict == REMOVED and not blank:
            yield f"Rating {rating.id} was removed, but something of what it said is still there."
        if rating.verdict == REMOVED and row["sha256"] is None:
            yield f"Rating {rating.id} was removed, and its hash with it."


def _hashes(connection: sa.Connection) -> Iterator[str]:
    """Every rating that was hashed for a seal says what it said then, of the same text."""
    query = sealed_rows().where(_g.sha256.is_not(None), _g.verdict != REMOVED).order_by(_g.id)
    for row in connection.execute(query.execution_options(yield_per=AT_ONCE)):
        if row_digest(row) != row[-1]:
            yield f"Rating {row.id} or its response was altered: together they do not have the hash of their seal."


def _people(connection: sa.Connection) -> Iterator[str]:
    for row in _rows(connection, sa.select(*user_columns(), t.users.c.name_key)):
        if row["name_key"] != name_key(row["name"]):
            yield f"User {row['id']} is called {row['name']}, but is found under {row['name_key']!r}."


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
    for row in _rows(connection, sa.select(rows).where(wrong)):
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
    for row in _rows(connection, query):
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
    for found in connection.execute(sa.select(t.rounds).order_by(t.rounds.c.number)).all():
        if found.number == IMPORTED_ROUND or found.config.get(RESTORED):
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
    query = sa.select(e.what, e.data).where(e.what.like("sealed round %")).order_by(e.id)
    told = {}
    for what, data in connection.execute(query):
        number = what.rsplit(" ", 1)[1]
        if number.isdigit():
            told[int(number)] = dict(data)
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
    for row in _rows(connection, query):
        who = f"Rater {row['rater_id']} holds the card of response {row['response_id']}"
        if row["rated"]:
            yield f"{who}, which they have rated."
        if not row["active"]:
            yield f"{who}, but is kept out."
        if row["other_id"] == row["response_id"]:
            yield f"{who} beside itself."


def _adapters(store: Store, connection: sa.Connection) -> Iterator[str]:
    """The files of every version are those that were published."""
    rows = connection.execute(
        sa.select(_v.number, _v.folder, _v.sha256, _v.metrics).order_by(_v.number)
    ).all()
    for row in rows:
        if not row.folder or row.metrics.get(RESTORED):
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
    "prompts": _prompts,
    "responses": _responses,
    "ratings": _ratings,
    "hashes of ratings": _hashes,
    "people": _people,
    "revisions": _revisions,
    "comparisons": _comparisons,
    "versions": _versions,
    "rounds": _rounds,
    "snapshots": _snapshots,
    "leases": _leases,
}
