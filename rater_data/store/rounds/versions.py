"""Policy versions: which there are, which one is in use, and the way back."""

import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.errors import BadInput, Busy, Missing, Refused
from rater_data.lifecycle import Version
from rater_data.round_settings import RETURNED_FROM
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import version_of, version_row
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.round_states import move_rounds_that_may
from rater_data.store.rounds.settings import read_setting, write_setting


def require_version(connection: sa.Connection, number: int) -> Version:
    """The version of a number. Raises Missing."""
    query = sa.select(t.policy_versions).where(t.policy_versions.c.number == number)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise Missing(f"There is no version {number}.")
    return version_of(row)


def insert_version(connection: sa.Connection, version: Version) -> None:
    """Adds a version; if it is current, the one before is kept. Raises BadInput for a taken number."""
    numbers = set(connection.scalars(sa.select(t.policy_versions.c.number)))
    if version.number in numbers:
        raise BadInput(f"There is a version {version.number} already.")
    if version.parent is not None and version.parent not in numbers:
        raise BadInput(f"Version {version.number} cannot come from version {version.parent}: there is none.")
    if version.status == "current":
        set_status(connection, "kept", t.policy_versions.c.status == "current")
    connection.execute(t.policy_versions.insert().values(version_row(version)))


def set_status(connection: sa.Connection, status: str, where: sa.ColumnElement[bool]) -> None:
    connection.execute(t.policy_versions.update().where(where).values(status=status))


class Versions(Database):
    """Policy versions."""

    def add_version(self, version: Version) -> None:
        """Raises BadInput for a number that is taken or a parent that does not exist."""
        with self.writing() as connection:
            insert_version(connection, version)
            record_event(connection, "trainer", f"added version {version.number}")

    def version(self, number: int) -> Version:
        """Raises Missing."""
        with self.reading() as connection:
            return require_version(connection, number)

    def versions(self) -> list[Version]:
        """All versions, oldest first."""
        with self.reading() as connection:
            rows = connection.execute(
                sa.select(t.policy_versions).order_by(t.policy_versions.c.number)
            ).mappings()
            return [version_of(row) for row in rows]

    def note_version(self, number: int, notes: str, actor: str) -> Version:
        """Replaces what people noted about a version. Raises BadInput for no text, Missing."""
        checks.text("The notes of a version", notes)
        with self.writing() as connection:
            require_version(connection, number)
            where = t.policy_versions.c.number == number
            connection.execute(t.policy_versions.update().where(where).values(notes=notes.strip()))
            record_event(connection, actor, f"noted something about version {number}")
            return require_version(connection, number)

    def current_version(self) -> Version | None:
        """The version that writes the next responses."""
        query = sa.select(t.policy_versions).where(t.policy_versions.c.status == "current")
        with self.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else version_of(row)

    def base_model(self, wanted: str | None = None) -> str | None:
        """The base model that this home was begun with; None in a new one.

        Raises BadInput when `wanted`, a name or a folder, is another: the versions here are adapters of the first.
        """
        versions = self.versions()
        if not versions:
            return None
        own = versions[0].base_model
        if wanted is not None:
            folder = Path(wanted).expanduser()
            if own not in (wanted, str(folder.resolve()) if folder.is_dir() else wanted):
                raise BadInput(
                    f"This home was begun with the model {own!r}, and its versions are adapters of it; {wanted!r} "
                    "cannot go on from there. Leave --model out, or name another home with RATELOOP_HOME."
                )
        return own

    def next_version_number(self) -> int:
        """One more than the highest number so far; 0 when there is none."""
        with self.reading() as connection:
            highest = connection.scalar(sa.select(sa.func.max(t.policy_versions.c.number)))
            return 0 if highest is None else highest + 1

    def roll_back(self, to: int, actor: str) -> Version:
        """Puts version `to` in use again and returns it.

        The versions from there to the one in use count as rolled back, and so do the rounds that published
        them and the open round whose responses they wrote: its ratings are kept and teach the reward head.
        Rolling "back" to a version that was itself rolled back takes that back. Raises Missing for an unknown
        version, Refused when it is in use already, Busy while a round is in training.
        """
        with self.writing() as connection:
            return _roll_back(connection, to, actor)

    def return_from(self, number: int, actor: str, **evidence: Any) -> Version:
        """Puts the parent of the version in use, `number`, in its place, because people find it worse; returns that.

        As `roll_back`, with `evidence` in the event; using the version again takes it back. Raises Refused where it is
        not in use, has no parent, or was returned from before (then somebody wanted it all the same); Busy, Missing.
        """
        with self.writing() as connection:
            version = require_version(connection, number)
            before = list(read_setting(connection, RETURNED_FROM, []))
            if version.status != "current" or version.parent is None or number in before:
                raise Refused(
                    f"Version {number} is not in use, is the first one, or was put in use again by hand: it stays."
                )
            write_setting(connection, RETURNED_FROM, [*before, number])
            return _roll_back(connection, version.parent, actor, **evidence)


def _roll_back(connection: sa.Connection, to: int, actor: str, **evidence: Any) -> Version:
    now = time.time()
    target = require_version(connection, to)
    if target.status == "current":
        raise Refused(f"Version {to} is in use already.")
    in_training = sa.select(t.rounds.c.number).where(t.rounds.c.state == "training")
    if connection.scalar(in_training) is not None:
        raise Busy("A round is in training: cancel it first, then roll back.")
    abandoned, ancestors = _branches(connection, to)
    v, published = t.policy_versions.c.number, t.rounds.c.published_version
    set_status(connection, "rolled_back", v.in_(abandoned))
    set_status(connection, "kept", v.in_(ancestors))
    set_status(connection, "current", v == to)
    move_rounds_that_may(connection, published.in_(abandoned), "rolled_back", now)
    move_rounds_that_may(connection, published.in_([*ancestors, to]), "published", now)
    open_round = published.is_(None) & t.rounds.c.version_number.in_(abandoned)
    move_rounds_that_may(connection, open_round, "rolled_back", now)
    _stop_jobs(connection, now)
    record_event(
        connection, actor, f"rolled back to version {to}", now, to=to, abandoned=abandoned, **evidence
    )
    return require_version(connection, to)


def _branches(connection: sa.Connection, to: int) -> tuple[list[int], list[int]]:
    """The versions left behind on the way from the current one to `to`, and the ancestors of `to`."""
    v = t.policy_versions.c
    rows = connection.execute(sa.select(v.number, v.parent, v.status))
    parents, current = {}, None
    for row in rows:
        parents[row.number] = row.parent
        current = row.number if row.status == "current" else current

    def line(number: int | None) -> list[int]:
        numbers = []
        while number is not None:
            numbers.append(number)
            number = parents[number]
        return numbers

    new = line(to)
    return [n for n in line(current) if n not in new], new[1:]


def _stop_jobs(connection: sa.Connection, now: float) -> None:
    """What was being written or was waiting to be trained came from a version that is left behind."""
    j = t.jobs.c
    connection.execute(
        t.jobs.update()
        .where(j.state == "queued")
        .values(state="cancelled", error="A roll-back came first.", updated_at=now)
    )
    connection.execute(
        t.jobs.update().where(j.state == "running").values(cancel_requested=True, updated_at=now)
    )
