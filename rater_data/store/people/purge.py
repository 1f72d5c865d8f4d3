"""Taking a person out: their name and their access, and if they want it their ratings.

What a version has learned cannot be taken out of it; which versions learned from them is reported. Rows stay, so that
everything that points to them still does: the name becomes the pseudonym, a removed rating or better answer is blank.
Of every removed one in a snapshot the hash is kept that it was sealed with, so the hashes of sealed rounds can still be
checked; the salt that is in it goes, so nobody can find the score by trying.
"""

import glob
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rater_data.errors import RateloopError
from rater_data.lifecycle import Lessons
from rater_data.names import name_key
from rater_data.records import User
from rater_data.scales import REMOVED
from rater_data.store.database import schema as t
from rater_data.store.database.addresses import DATABASE
from rater_data.store.database.engine import BUSY_TIMEOUT_MS, Database, driver_connection, explain_errors
from rater_data.store.people.people import KEPT_OUT, user_in
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.rating_hashes import SALTED, hashed_edits_query, hashed_rows_query, keep_hashes

OLD_HASHES = (
    "an older release made the hash that is kept: whoever has the database can find their scores by trying."
)
REWRITE_TIMEOUT_MS = 2000  # how long rewriting the file waits for others, who wait for it meanwhile

_ratings, _snapshots, _versions = t.ratings.c, t.snapshot_ratings.c, t.policy_versions.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """What there is of a person. `edits`: better answers they wrote, all revisions. `sealed`: (round, their frozen
    ratings, the version that came of it or None).

    `versions`: all that have learned from them, also through the version they came from; `current`: the one in use,
    when it is among them. `remaining`: sentences about what a purge could not do.
    """

    user: User
    ratings: int
    current_ratings: int
    edits: int
    links: int
    events: int
    sealed: tuple[tuple[int, int, int | None], ...]
    versions: tuple[int, ...]
    current: int | None
    remaining: tuple[str, ...] = ()


class Purging(Database):
    """A person's traces, and their removal."""

    def traces(self, user_id: int) -> Traces:
        """What a purge would be about. Raises Missing."""
        with self.reading() as connection:
            return _traces(connection, user_id)

    def lessons_of(self, user_ids: Sequence[int]) -> Lessons | None:
        """Whether the version in use has learned from any of these people; None where it has not. Raises Missing."""
        with self.reading() as connection:
            traces = [_traces(connection, user) for user in user_ids]
            taught = {version for one in traces for version in one.versions}
            in_use = next((one.current for one in traces if one.current is not None), None)
            if in_use is None:
                return None
            rows = connection.execute(sa.select(_versions.number, _versions.parent))
            parents = {row.number: row.parent for row in rows}
        before = in_use
        while before in taught:  # version 0, the base, has learned from nobody
            before = parents[before]
        names = tuple(one.user.name for one in traces if one.current is not None)
        return Lessons(version=in_use, before=before, names=names)

    def purge(self, user_id: int, actor: str, *, ratings: bool = False) -> Traces:
        """Puts a person's pseudonym wherever the program wrote their name, and takes their links and tokens away.

        They are kept out from then on. With `ratings`, also blanks everything they said, all revisions: cards they had
        filled are free for others. Without, what they said goes on counting. Texts that people wrote (comments, notes,
        guidelines) are left as they are. Returns what there was of them. Raises Missing.
        """
        with self.writing() as connection:
            traces, unsalted = _traces(connection, user_id), 0
            connection.execute(t.leases.delete().where(t.leases.c.rater_id == user_id))
            connection.execute(t.links.delete().where(t.links.c.user_id == user_id))
            connection.execute(t.users.update().where(t.users.c.id == user_id).values(KEPT_OUT))
            if ratings:
                _blank_edits(connection, user_id)  # first: the salt goes with the ratings
                unsalted = _blank_ratings(connection, user_id)
            if traces.user.name != traces.user.pseudonym:
                _rename(connection, traces.user)
            actor = traces.user.pseudonym if name_key(actor) == name_key(traces.user.name) else actor
            what = "was purged with all ratings" if ratings else "was purged"
            record_event(connection, actor, what, time.time(), user=user_id)
        old_hashes = [f"Of {unsalted} removed ratings {OLD_HASHES}"] if unsalted else []
        return replace(traces, remaining=(*old_hashes, *self._rewrite_file()))

    def old_copies(self) -> list[Path]:
        """Files in which there may be what the store held once: from before a migration, from before a move."""
        place = self.engine.url.database or ""
        file = Path(place) if self.is_file else None
        copies = set(self.home.glob("*.before-*"))
        if file is not None:
            copies |= set(file.parent.glob(f"{glob.escape(file.name)}.before-*"))
        if (own := self.home / DATABASE) != file and own.is_file():
            copies.add(own)
        return sorted(copies)

    def _rewrite_file(self) -> Iterator[str]:
        """Writes SQLite's file anew and empties its log, which both still hold what pages said before.

        The purge itself is done by then: what hinders this is reported, and is no error.
        """
        if not self.is_file:
            return
        try:
            with explain_errors(self.location), self._lock:
                self._outside_transactions("VACUUM")
        except RateloopError as error:
            yield (
                "The purge is done, but the database file could not be written anew, and what was removed can still "
                f"be found in it: run purge again for their pseudonym later. {error}"
            )
            return
        try:
            # not under the lock: it waits for readers
            with explain_errors(self.location):
                busy = self._outside_transactions("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
        except RateloopError:
            busy = True
        if busy:
            yield (
                "The purge is done, but somebody reads the database right now, so the name is still in the file until "
                "the server stops: run purge again for their pseudonym then."
            )

    def _outside_transactions(self, command: str) -> list[Any]:
        """A command outside every transaction, which waits for others for a moment only."""
        with self.engine.connect() as connection:
            driver = driver_connection(connection)
            driver.execute(f"PRAGMA busy_timeout = {REWRITE_TIMEOUT_MS}")
            try:
                return driver.execute(command).fetchall()
            finally:
                driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _traces(connection: sa.Connection, user_id: int) -> Traces:
    user = user_in(connection, user_id)
    own = _ratings.rater_id == user_id
    counts = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((_ratings.is_current, 1), else_=0)), 0)
    ).where(own, _ratings.verdict != REMOVED)
    ratings, current = connection.execute(counts).one()
    sealed = connection.execute(
        sa.select(_snapshots.round_number, sa.func.count(), t.rounds.c.published_version)
        .join(t.ratings, _ratings.id == _snapshots.rating_id)
        .join(t.rounds, t.rounds.c.number == _snapshots.round_number)
        .where(own)
        .group_by(_snapshots.round_number, t.rounds.c.published_version)
        .order_by(_snapshots.round_number)
    ).all()
    e = t.snapshot_edits.c
    by_edits = (
        sa.select(t.rounds.c.published_version)
        .join(t.snapshot_edits, e.round_number == t.rounds.c.number)
        .join(t.edits, t.edits.c.id == e.edit_id)
        .where(t.edits.c.rater_id == user_id)
    )
    taught = {version for _, _, version in sealed} | set(connection.scalars(by_edits))
    versions = _with_descendants(connection, {version for version in taught if version is not None})
    in_use = connection.scalar(sa.select(_versions.number).where(_versions.status == "current"))
    return Traces(
        user=user,
        ratings=ratings,
        current_ratings=int(current),
        edits=_count(connection, t.edits, (t.edits.c.rater_id == user_id) & (t.edits.c.text != "")),
        links=_count(connection, t.links, t.links.c.user_id == user_id),
        events=_count(connection, t.events, t.events.c.actor == user.name),
        sealed=tuple((int(number), int(n), version) for number, n, version in sealed),
        versions=tuple(sorted(versions)),
        current=in_use if in_use in versions else None,
    )


def _count(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0


def _with_descendants(connection: sa.Connection, versions: set[int]) -> set[int]:
    """These versions and all that came from them."""
    descendants = set(versions)
    for number, parent in connection.execute(
        sa.select(_versions.number, _versions.parent).order_by(_versions.number)
    ):
        if parent in descendants:
            descendants.add(number)
    return descendants


def _blank_edits(connection: sa.Connection, user_id: int) -> None:
    """Takes away what a person wrote in place of responses, in the same way."""
    e, s = t.edits.c, t.snapshot_edits.c
    frozen = sa.select(s.edit_id).where(s.edit_id == e.id).exists()
    unhashed = hashed_edits_query().where(e.rater_id == user_id, frozen, e.sha256.is_(None))
    keep_hashes(connection, connection.execute(unhashed).all(), t.edits)
    kept = sa.case((frozen, e.sha256), else_=None)
    connection.execute(
        t.edits.update().where(e.rater_id == user_id).values(text="", is_current=False, sha256=kept)
    )


def _blank_ratings(connection: sa.Connection, user_id: int) -> int:
    """Takes away what a person said. Of what snapshots hold the hash stays; what it was salted with does not.

    Returns how many hashes stay that had no salt.
    """
    own = _ratings.rater_id == user_id
    frozen = sa.select(_snapshots.rating_id).where(_snapshots.rating_id == _ratings.id).exists()
    keep_hashes(
        connection,
        connection.execute(hashed_rows_query().where(own, frozen, _ratings.sha256.is_(None))).all(),
    )
    blank: dict[str, Any] = {"score": None, "verdict": REMOVED, "comment": "", "flags": [], "attributes": {}}
    kept = sa.case((frozen, _ratings.sha256), else_=None)
    connection.execute(t.ratings.update().where(own).values(**blank, sha256=kept))
    connection.execute(t.users.update().where(t.users.c.id == user_id).values(salt=None))
    return _count(connection, t.ratings, own & _ratings.sha256.not_like(f"{SALTED}%"))


def _rename(connection: sa.Connection, user: User) -> None:
    """The pseudonym in place of the name: the person, what they did, what was done with them.

    Only where a whole value is the name, however it was typed: a part of a text may be another word, or a part of
    another's name.
    """
    key = name_key(user.pseudonym)
    connection.execute(
        t.users.update().where(t.users.c.id == user.id).values(name=user.pseudonym, name_key=key)
    )
    renaming = _Renaming(name_key(user.name), user.pseudonym)
    for table, columns in _COLUMNS_WITH_NAMES.items():
        key_column = next(iter(table.primary_key.columns))
        for row in connection.execute(sa.select(key_column, *columns)).all():
            values = {column.name: value for column, value in zip(columns, row[1:], strict=True)}
            new = {name: renaming.column(name, value) for name, value in values.items()}
            if new != values:
                connection.execute(table.update().where(key_column == row[0]).values(new))


@dataclass(frozen=True, slots=True)
class _Renaming:
    """Replaces a name, recognised by its key, in values of the database."""

    key: str
    pseudonym: str

    def column(self, name: str, value: Any) -> Any:
        if name == "what":
            return self._sentence(value)
        if name == "actor" and value in PROGRAM_ACTORS:
            return value
        if isinstance(value, dict):
            # the first keys are words of the program, and a person may be called like one
            return {
                k if k.isidentifier() and k.islower() else self.value(k): self.value(v)
                for k, v in value.items()
            }
        return self.value(value)

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.pseudonym if name_key(value) == self.key else value
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.value(k): self.value(v) for k, v in value.items()}
        return value

    def _sentence(self, what: str) -> str:
        """What happened; of these sentences some end with a name."""
        for begins in ENDS_WITH_A_NAME:
            if what.startswith(begins):
                return begins + self.value(what.removeprefix(begins))
        return what


PROGRAM_ACTORS = ("trainer", "store", "worker", "import", "terminal")
"""Who does things in the journal without being a person."""
ENDS_WITH_A_NAME = ("invited ",)
_events, _jobs = t.events.c, t.jobs.c
_COLUMNS_WITH_NAMES: dict[sa.Table, tuple[sa.Column[Any], ...]] = {
    t.events: (_events.actor, _events.what, _events.data),
    t.jobs: (_jobs.payload, _jobs.progress, _jobs.result),
    t.guidelines: (t.guidelines.c.actor,),
}
"""What the program itself writes names into."""
