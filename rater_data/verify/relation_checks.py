"""What `verify` asks of rows among each other: references, revisions, comparisons, versions, rounds, seals, leases."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from rater_data.artifacts.artifacts import Artifacts
from rater_data.errors import BadInput
from rater_data.records import IMPORTED_ROUND, RESTORED
from rater_data.store.database import schema as t
from rater_data.store.rounds.snapshots import snapshot_digest
from rater_data.verify.damaged_rows import json_as_text, parse_json_or, stream_rows

SEALED_STATES = ("sealed", "training", "refused", "published")
"""States that a round reaches with a snapshot. (A failed one has it too, a rolled-back one perhaps.)"""

_g, _r, _s, _v = t.ratings.c, t.responses.c, t.snapshot_ratings.c, t.policy_versions.c


# ---- the database itself


def check_database(connection: sa.Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for message in connection.exec_driver_sql("PRAGMA quick_check").scalars():
            if message != "ok":
                yield f"The database file is damaged: {message}."


def check_references(connection: sa.Connection) -> Iterator[str]:
    """Whatever points to a row points to one that is there."""
    for table in t.metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda key: key.parent.name):
            column, parent = key.parent, key.column.table.alias()
            exists = sa.select(sa.literal(1)).where(parent.c[key.column.name] == column).exists()
            query = sa.select(*table.primary_key.columns, column.label("points_to"))
            for row in stream_rows(connection, query.where(column.is_not(None), ~exists)):
                key_values = ", ".join(f"{name} {row[name]}" for name in table.primary_key.columns.keys())  # noqa: SIM118
                yield (
                    f"In {table.name} ({key_values}), {column.name} points to {row['points_to']}, "
                    f"which is not in {key.column.table.name}."
                )


# ---- ratings among each other


def check_revisions(connection: sa.Connection) -> Iterator[str]:
    """Of a rater on a response or on two: one current revision at most, the newest; numbered from 1 without a gap."""
    current = sa.func.sum(sa.case((_g.is_current, 1), else_=0))
    newest = sa.func.max(sa.case((_g.is_current, _g.revision)))
    groups = sa.select(
        _g.low_id,
        _g.high_id,
        _g.rater_id,
        sa.func.count().label("n"),
        sa.func.min(_g.revision).label("lowest"),
        sa.func.max(_g.revision).label("highest"),
        current.label("current"),
        newest.label("newest"),
    ).group_by(_g.low_id, _g.high_id, _g.rater_id)
    rating = groups.order_by(_g.low_id, _g.high_id, _g.rater_id).subquery()
    c = rating.c
    wrong = (c.lowest != 1) | (c.highest != c.n) | (c.current > 1) | (c.newest < c.highest)
    for row in stream_rows(connection, sa.select(rating).where(wrong)):
        one, other = row["low_id"], row["high_id"]
        what = f"response {one}" if one == other else f"responses {one} and {other}"
        of = f"of rater {row['rater_id']} on {what}"
        if row["current"] > 1:
            yield f"There are {row['current']} current ratings {of}: there may be one."
        if row["lowest"] != 1 or row["highest"] != row["n"]:
            yield f"Of the revisions {of} some are missing: {row['n']} are there, numbered up to {row['highest']}."
        if row["newest"] is not None and row["newest"] < row["highest"]:
            yield f"Revision {row['newest']} {of} is current, but there is a later one."


def check_edit_revisions(connection: sa.Connection) -> Iterator[str]:
    """The same of better answers: numbered from 1 without a gap, and only the newest may be current."""
    e = t.edits.c
    newest = sa.func.max(sa.case((e.is_current, e.revision)))
    groups = sa.select(
        e.response_id,
        e.rater_id,
        sa.func.count().label("n"),
        sa.func.max(e.revision).label("highest"),
        newest.label("newest"),
    ).group_by(e.response_id, e.rater_id)
    edit = groups.order_by(e.response_id, e.rater_id).subquery()
    wrong = (edit.c.highest != edit.c.n) | (edit.c.newest < edit.c.highest)
    for row in stream_rows(connection, sa.select(edit).where(wrong)):
        of = f"of the better answer by rater {row['rater_id']} to response {row['response_id']}"
        if row["highest"] != row["n"]:
            yield f"Of the revisions {of} some are missing: {row['n']} are there, numbered up to {row['highest']}."
        else:
            yield f"Revision {row['newest']} {of} is current, but there is a later one."


def check_comparisons(connection: sa.Connection) -> Iterator[str]:
    """The two that were compared are two responses to one prompt."""
    other = t.responses.alias("other")
    query = (
        sa.select(_g.id, _r.id.label("first"), other.c.id.label("second"))
        .select_from(t.ratings)
        .join(t.responses, _r.id == _g.response_id)
        .join(other, other.c.id == _g.other_id)
        .where((other.c.id == _r.id) | (other.c.prompt_id != _r.prompt_id))
    )
    for row in stream_rows(connection, query):
        yield f"Rating {row['id']} compares responses {row['first']} and {row['second']}, not two of one prompt."


# ---- versions, rounds, snapshots


def check_versions(connection: sa.Connection) -> Iterator[str]:
    rows = connection.execute(sa.select(_v.number, _v.parent, _v.status).order_by(_v.number)).all()
    current = [row.number for row in rows if row.status == "current"]
    if rows and len(current) != 1:
        numbers = " and ".join(map(str, current)) or "none"
        yield f"Exactly one version has to be in use, and it is {numbers}."
    for row in rows:
        if row.parent is not None and row.parent >= row.number:
            yield f"Version {row.number} comes from version {row.parent}, which is not older."


def check_rounds(connection: sa.Connection) -> Iterator[str]:
    published = Counter(
        connection.scalars(
            sa.select(t.rounds.c.published_version).where(t.rounds.c.published_version.is_not(None))
        )
    )
    for number, count in sorted(published.items()):
        if count > 1:
            yield f"Version {number} came out of {count} rounds: a version comes out of one."
    for row in connection.execute(sa.select(*json_as_text(t.rounds.c)).order_by(t.rounds.c.number)).all():
        if row.number == IMPORTED_ROUND or parse_json_or(row.config, dict, {}).get(RESTORED):
            continue
        if row.state in SEALED_STATES and row.snapshot_sha256 is None:
            yield f"Round {row.number} is {row.state}, but was never sealed."
        if row.state == "published" and row.published_version is None:
            yield f"Round {row.number} is published, but no version came out of it."


def check_snapshots(connection: sa.Connection) -> Iterator[str]:
    """The hash of every sealed round, how many ratings the journal says, and no frozen ratings without a hash."""
    sealed = {
        row.number: row.snapshot_sha256
        for row in connection.execute(sa.select(t.rounds.c.number, t.rounds.c.snapshot_sha256))
    }
    frozen = sa.select(_s.round_number, sa.func.count()).group_by(_s.round_number)
    counts: dict[int, int] = dict(connection.execute(frozen).all())
    in_journal = _sealed_in_journal(connection)
    for number, sha256 in sorted(sealed.items()):
        if sha256 is None:
            if counts.get(number):
                yield f"Round {number} has {counts[number]} frozen ratings, but no hash of them."
            continue
        if snapshot_digest(connection, number) != sha256:
            yield f"The frozen ratings of round {number} are not those that were sealed: their hash differs."
        if number in in_journal and in_journal[number].get("ratings") not in (None, counts.get(number, 0)):
            yield (
                f"The journal says that round {number} was sealed with {in_journal[number]['ratings']} ratings; "
                f"its snapshot has {counts.get(number, 0)}."
            )


def _sealed_in_journal(connection: sa.Connection) -> dict[int, dict[str, Any]]:
    """What the journal says of the last seal of each round."""
    e = t.events.c
    query = sa.select(*json_as_text((e.what, e.data))).where(e.what.like("sealed round %")).order_by(e.id)
    in_journal = {}
    for what, data in connection.execute(query):
        number = what.rsplit(" ", 1)[1]
        if number.isdigit():
            in_journal[int(number)] = parse_json_or(data, dict, {})
    return in_journal


def check_leases(connection: sa.Connection) -> Iterator[str]:
    """Who holds a card may rate, has not rated it, and has two different responses on it."""
    held = sa.select(t.leases, t.users.c.active).join(t.users, t.users.c.id == t.leases.c.rater_id)
    first, other = t.leases.c.response_id, t.leases.c.other_id
    low = sa.case((other < first, other), else_=first)
    high = sa.case((other > first, other), else_=first)
    is_of_card = (_g.low_id == low) & (_g.high_id == high)
    rated = sa.select(_g.id).where(_g.rater_id == t.leases.c.rater_id, is_of_card, _g.is_current)
    query = held.add_columns(rated.exists().label("rated")).order_by(t.leases.c.rater_id)
    for row in stream_rows(connection, query):
        who = f"Rater {row['rater_id']} holds the card of response {row['response_id']}"
        if row["rated"]:
            yield f"{who}, which they have rated."
        if not row["active"]:
            yield f"{who}, but is kept out."
        if row["other_id"] == row["response_id"]:
            yield f"{who} beside itself."


def check_adapters(artifacts: Artifacts, connection: sa.Connection) -> Iterator[str]:
    """The files of every version are those that were published."""
    columns = json_as_text((_v.number, _v.folder, _v.sha256, _v.metrics))
    rows = connection.execute(sa.select(*columns).order_by(_v.number)).all()
    for row in rows:
        if not row.folder or parse_json_or(row.metrics, dict, {}).get(RESTORED):
            continue  # the base itself, or known from an import
        try:
            if artifacts.exists(row.folder):
                faults = artifacts.find_faults(row.folder, row.sha256)
                yield from (f"Version {row.number}: {fault}" for fault in faults)
            else:
                yield f"The folder {row.folder} of version {row.number} is not there."
        except BadInput as error:
            yield f"Version {row.number}: {error}"
