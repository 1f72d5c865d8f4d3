"""Taking a person out: their name and their way in, and if they wish it what they said.

What a version has learned cannot be taken out of it; what it learned from whom is told. Rows stay, so that everything
that points to them still does: the name becomes the pseudonym, a removed rating is blank. Of every removed rating the
hash is kept that it was sealed with, so the hashes of sealed rounds can still be checked.
"""

import re
import time
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rater_data import schema as t
from rater_data.database import Database, told_plainly
from rater_data.records import User
from rater_data.scales import REMOVED
from rater_data.store_journal import note
from rater_data.store_people import OUT, name_key, user_in
from rater_data.store_sealing import row_digest, sealed_rows

AT_ONCE = 5000

_g, _s, _v = t.ratings.c, t.snapshot_ratings.c, t.policy_versions.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What there is of a person. `sealed`: (round, their frozen ratings, the version that came of it or None).

    `versions`: all that have learned from them, also through the version they came from; `current`: the one in use,
    when it is among them.
    """

    user: User
    ratings: int
    current_ratings: int
    links: int
    events: int
    sealed: tuple[tuple[int, int, int | None], ...]
    versions: tuple[int, ...]
    current: int | None


class Purging(Database):
    """A person's traces, and their removal."""

    def traces(self, user_id: int) -> Traces:
        """What a purge would be about. Raises Missing."""
        with self._read() as connection:
            return _traces(connection, user_id)

    def purge(self, user_id: int, actor: str, *, ratings: bool = False) -> Traces:
        """Puts a person's pseudonym wherever the program wrote their name, and takes their links and tokens away.

        They are kept out from then on. With `ratings`, also blanks everything they said, all revisions: cards they had
        filled are free for others. Without, what they said goes on counting. Texts that people wrote (comments, notes,
        guidelines) are left as they are. Returns what there was of them. Raises Missing.
        """
        with self._write() as connection:
            found = _traces(connection, user_id)
            connection.execute(t.leases.delete().where(t.leases.c.rater_id == user_id))
            connection.execute(t.links.delete().where(t.links.c.user_id == user_id))
            connection.execute(t.users.update().where(t.users.c.id == user_id).values(OUT))
            if ratings:
                _blank(connection, user_id)
            if found.user.name != found.user.pseudonym:
                _rename(connection, found.user, actor)
            actor = found.user.pseudonym if name_key(actor) == name_key(found.user.name) else actor
            what = "was purged with all ratings" if ratings else "was purged"
            note(connection, actor, what, time.time(), user=user_id)
        self._squeeze()
        return found

    def _squeeze(self) -> None:
        """Writes SQLite's file anew and empties its log: both still hold what pages said before."""
        if self._engine.dialect.name == "sqlite":
            with told_plainly(self.home), self._lock, self._engine.connect() as connection:
                driver = connection.connection.driver_connection
                for command in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                    driver.execute(command).fetchall()


def _traces(connection: sa.Connection, user_id: int) -> Traces:
    user = user_in(connection, user_id)
    mine = _g.rater_id == user_id
    counts = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((_g.is_current, 1), else_=0)), 0)
    ).where(mine, _g.verdict != REMOVED)
    ratings, current = connection.execute(counts).one()
    sealed = connection.execute(
        sa.select(_s.round_number, sa.func.count(), t.rounds.c.published_version)
        .join(t.ratings, _g.id == _s.rating_id)
        .join(t.rounds, t.rounds.c.number == _s.round_number)
        .where(mine)
        .group_by(_s.round_number, t.rounds.c.published_version)
        .order_by(_s.round_number)
    ).all()
    versions = _descended(connection, {version for _, _, version in sealed if version is not None})
    in_use = connection.scalar(sa.select(_v.number).where(_v.status == "current"))
    return Traces(
        user=user,
        ratings=ratings,
        current_ratings=int(current),
        links=_count(connection, t.links, t.links.c.user_id == user_id),
        events=_count(connection, t.events, t.events.c.actor == user.name),
        sealed=tuple((int(number), int(n), version) for number, n, version in sealed),
        versions=tuple(sorted(versions)),
        current=in_use if in_use in versions else None,
    )


def _count(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0


def _descended(connection: sa.Connection, first: set[int]) -> set[int]:
    """These versions and all that came from them."""
    found = set(first)
    for number, parent in connection.execute(sa.select(_v.number, _v.parent).order_by(_v.number)):
        if parent in found:
            found.add(number)
    return found


def _blank(connection: sa.Connection, user_id: int) -> None:
    """Takes away what a person said, and keeps the hash that each row had."""
    said = sealed_rows().where(_g.rater_id == user_id, _g.verdict != REMOVED).order_by(_g.id)
    blank = {"score": None, "verdict": REMOVED, "comment": "", "flags": [], "attributes": {}}
    change = (
        t.ratings.update().where(_g.id == sa.bindparam("rating")).values(**blank, sha256=sa.bindparam("hash"))
    )
    while rows := connection.execute(said.limit(AT_ONCE)).all():
        hashes = [{"rating": row.id, "hash": row[-1] or row_digest(row)} for row in rows]
        connection.execute(change, hashes)


def _rename(connection: sa.Connection, user: User, actor: str) -> None:
    """The pseudonym in place of the name: the person, what they did, what was done with them."""
    key = name_key(user.pseudonym)
    connection.execute(
        t.users.update().where(t.users.c.id == user.id).values(name=user.pseudonym, name_key=key)
    )
    connection.execute(
        t.guidelines.update().where(t.guidelines.c.actor == user.name).values(actor=user.pseudonym)
    )
    word = re.compile(rf"(?<!\w){re.escape(user.name)}(?!\w)")
    for table, columns in _WRITTEN:
        key_column = next(iter(table.primary_key.columns))
        for row in connection.execute(sa.select(key_column, *columns)).all():
            values = dict(zip((c.name for c in columns), row[1:], strict=True))
            new = {name: _replaced(value, word, user.pseudonym) for name, value in values.items()}
            if new != values:
                connection.execute(table.update().where(key_column == row[0]).values(new))


def _replaced(value: Any, word: re.Pattern[str], by: str) -> Any:
    if isinstance(value, str):
        return word.sub(by, value)
    if isinstance(value, list):
        return [_replaced(one, word, by) for one in value]
    if isinstance(value, dict):
        return {name: _replaced(one, word, by) for name, one in value.items()}
    return value


_e, _j = t.events.c, t.jobs.c
_WRITTEN = (
    (t.events, (_e.actor, _e.what, _e.data)),
    (t.jobs, (_j.payload, _j.progress, _j.result, _j.error, _j.log_tail)),
    (t.rounds, (t.rounds.c.decision,)),
)
"""What the program itself wrote names into."""
