"""Rounds and versions that an export names, made anew as records without weights; and round 0, which holds the rest."""

from typing import Any

import sqlalchemy as sa

from rater_data.records import IMPORTED_ROUND, RESTORED
from rater_data.store.database import schema as t


class Restored:
    """The rounds and versions of a home during an import."""

    def __init__(self, connection: sa.Connection, now: float) -> None:
        self.connection, self.now, self.made = connection, now, 0
        n = t.rounds.c
        own = connection.execute(
            sa.select(n.number, n.config, n.version_number).where(n.number != IMPORTED_ROUND)
        ).all()
        self.rounds = {row.number for row in own}
        self.versions = set(connection.scalars(sa.select(t.policy_versions.c.number)))
        # nothing here was written by a version of this home: an export keeps its rounds
        self.possible = all(row.config.get(RESTORED) for row in own) and bool(own or not self.versions)
        # of rounds made from exports, the newest version in them
        self.wrote: dict[int, int] = {
            row.number: row.version_number for row in own if row.config.get(RESTORED)
        }
        self.before = dict(self.wrote)

    def make_imported(self) -> None:
        """Round 0, once something is imported."""
        if (
            self.connection.scalar(sa.select(t.rounds.c.number).where(t.rounds.c.number == IMPORTED_ROUND))
            is None
        ):
            self._add_round(IMPORTED_ROUND, None, {})

    def make(self, number: int, origin: dict[str, Any]) -> None:
        """A round, and the version of one of its responses."""
        version = origin["version_number"]
        for one in (0, version):
            if one not in self.versions:
                self._add_version(one, origin)
        if number not in self.rounds:
            self._add_round(number, version, {"quota": 0, RESTORED: True})
            self.rounds.add(number)
            self.made += 1
            self.before[number] = version
        self.wrote[number] = max(version, self.wrote.get(number, version))

    def finish(self) -> None:
        """A round is of the newest version in it: what older ones wrote there was for comparison."""
        for number, version in self.wrote.items():
            if version != self.before[number]:
                where = t.rounds.c.number == number
                self.connection.execute(t.rounds.update().where(where).values(version_number=version))

    def _add_version(self, number: int, origin: dict[str, Any]) -> None:
        row = {
            "number": number,
            "parent": None,
            "folder": f"versions/imported-{number:04d}" if number else "",
            "sha256": origin["adapter_sha256"] if number == origin["version_number"] else "",
            "base_model": origin["base_model"],
            "base_revision": origin["base_revision"],
            "metrics": {RESTORED: True},
            "status": "kept" if number else "current",
            "created_at": self.now,
            "notes": "Known from an import: its weights are not here." if number else "",
        }
        self.connection.execute(t.policy_versions.insert().values(row))
        self.versions.add(number)

    def _add_round(self, number: int, version: int | None, config: dict[str, Any]) -> None:
        row = {"number": number, "state": "published", "config": config, "version_number": version}
        times = {"created_at": self.now, "updated_at": self.now}
        self.connection.execute(t.rounds.insert().values(row | times))
