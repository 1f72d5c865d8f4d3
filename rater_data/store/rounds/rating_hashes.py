"""The hash of a rating or a better answer: of all that it says and what it is about, with a salt of its rater.

Seals are made of them.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from rater_data.checksums import new_salt
from rater_data.scales import REMOVED
from rater_data.store.database import schema as t

SALTED = "2:"
"""Begins hashes that are made with the rater's salt. Those without it are of before there were any."""
COLUMNS_OF_UNSALTED = 12  # columns that those were made of, and then what the response was compared with


def hashed_rows_query() -> sa.Select:
    """Ratings as snapshots are sealed with them, and last the hash that is kept of them; rows for `rating_hash`.

    Token ids are not in: a response never changes, and its id is.
    """
    g, r, p = t.ratings.c, t.responses.c, t.prompts.c
    first = (g.id, g.rater_id, g.score, g.verdict, g.scale, g.revision, r.id, r.version_number, r.stratum)
    json_texts = (sa.cast(column, sa.Text).label(column.name) for column in (g.flags, g.attributes))
    since = (g.comment, *json_texts, g.shown_at, g.submitted_at, g.active_ms, g.position, g.swapped)
    return (
        sa.select(*first, r.text, p.sha256, p.split, g.other_id, *since, g.sha256)
        .select_from(t.ratings)
        .join(t.responses, r.id == g.response_id)
        .join(t.prompts, p.id == r.prompt_id)
    )


def hashed_edits_query() -> sa.Select:
    """The same of better answers: rows for `rating_hash`, too."""
    e, r, p = t.edits.c, t.responses.c, t.prompts.c
    said = (e.id, e.rater_id, e.response_id, e.revision, e.text, e.given_at, e.active_ms)
    return (
        sa.select(*said, r.text.label("original"), p.sha256.label("prompt"), p.split, e.sha256)
        .select_from(t.edits)
        .join(t.responses, r.id == e.response_id)
        .join(t.prompts, p.id == r.prompt_id)
    )


def rating_hash(row: Any, salt: str) -> str:
    """The hash of a rating with what it is about: of the rater's salt and all that the row says.

    Nearly all of it stays in the database when the rating is removed; without the salt, which goes then, trying the
    ten scores would find the one that fits.
    """
    return SALTED + _sha256_of([salt, *row[:-1]])


def matches_its_hash(row: Any, salts: dict[int, str | None]) -> bool:
    """Whether a row says what the hash was made of that is kept of it. `salts`: of every rater, by id."""
    kept, salt = str(row[-1]), salts.get(row.rater_id)
    if kept.startswith(SALTED):
        return salt is not None and rating_hash(row, salt) == kept
    # an older release hashed neither a salt nor the comment and what follows it
    values, other = row[:COLUMNS_OF_UNSALTED], row[COLUMNS_OF_UNSALTED]
    return _sha256_of([*values] if other is None else [*values, other]) == kept


def _sha256_of(values: list[Any]) -> str:
    line = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()


def keep_hashes(connection: sa.Connection, rows: Iterable[Any], table: sa.Table = t.ratings) -> None:
    """Writes down the hashes of ratings (or of what else is in `table`) that have none."""
    rows = list(rows)
    if rows:
        salts = _salts(connection, {row.rater_id for row in rows})
        wanted = [{"rating": row.id, "hash": rating_hash(row, salts[row.rater_id])} for row in rows]
        change = table.update().where(table.c.id == sa.bindparam("rating"))
        connection.execute(change.values(sha256=sa.bindparam("hash")), wanted)


def _salts(connection: sa.Connection, raters: set[int]) -> dict[int, str]:
    """The salts of raters; those who joined before there were any get theirs."""
    u = t.users.c
    salts = {
        i: salt for i, salt in connection.execute(sa.select(u.id, u.salt).where(u.id.in_(raters))) if salt
    }
    fresh = {i: new_salt() for i in sorted(raters - salts.keys())}
    if fresh:
        change = t.users.update().where(u.id == sa.bindparam("rater")).values(salt=sa.bindparam("made"))
        connection.execute(change, [{"rater": i, "made": salt} for i, salt in fresh.items()])
    return salts | fresh


UNHASHED = (
    hashed_rows_query()
    .where(t.ratings.c.sha256.is_(None), t.ratings.c.verdict != REMOVED)
    .order_by(t.ratings.c.id)
)
UNHASHED_EDITS = (
    hashed_edits_query().where(t.edits.c.sha256.is_(None), t.edits.c.text != "").order_by(t.edits.c.id)
)
