"""Rounds and versions that an export names, made anew as records without weights; and round 0, which holds the rest."""

from typing import Any

import sqlalchemy as sa

from rater_data.records import IMPORTED_ROUND, RESTORED
from rater_data.store.database import schema as t
from rater_data.store.rounds.round_states import create_round, set_round_version


class RestoredRounds:
    """The rounds and versions of a home during an import.

    `restores`: whether rounds and versions are made anew here; `numbers`: the rounds there are; `new`: how many were
    made.
    """

    def __init__(self, connection: sa.Connection, now: float) -> None:
        self.connection, self.now, self.new = connection, now, 0
        r = t.rounds.c
        rounds = connection.execute(
            sa.select(r.number, r.config, r.version_number).where(r.number != IMPORTED_ROUND)
        ).all()
        self.numbers = {row.number for row in rounds}
        self._versions = set(connection.scalars(sa.select(t.policy_versions.c.number)))
        # nothing here was written by a version of this home: an export keeps its rounds
        self.restores = all(row.config.get(RESTORED) for row in rounds) and bool(rounds or not self._versions)
        # of rounds made from exports, the newest version in them
        self._newest_version: dict[int, int] = {
            row.number: row.version_number for row in rounds if row.config.get(RESTORED)
        }
        self._stored_version = dict(self._newest_version)

    def add_imported_round(self) -> None:
        """Round 0, once something is imported."""
        query = sa.select(t.rounds.c.number).where(t.rounds.c.number == IMPORTED_ROUND)
        if self.connection.scalar(query) is None:
            self._add_round(IMPORTED_ROUND, None, {})

    def restore(self, number: int, origin: dict[str, Any]) -> None:
        """A round, and the version of one of its responses."""
        version = origin["version_number"]
        for needed in (0, version):
            if needed not in self._versions:
                self._add_version(needed, origin)
        if number not in self.numbers:
            self._add_round(number, version, {"quota": 0, RESTORED: True, **_told(origin)})
            self.numbers.add(number)
            self.new += 1
            self._stored_version[number] = version
        self._newest_version[number] = max(version, self._newest_version.get(number, version))

    def finish(self) -> None:
        """A round is of the newest version in it: what older ones wrote there was for comparison."""
        for number, version in self._newest_version.items():
            if version != self._stored_version[number]:
                set_round_version(self.connection, number, version)

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
        self._versions.add(number)

    def _add_round(self, number: int, version: int | None, config: dict[str, Any]) -> None:
        create_round(self.connection, number, "published", config, version, self.now)


def _told(origin: dict[str, Any]) -> dict[str, Any]:
    """What stood before a round's responses, as its config has it; nothing where an old export does not say."""
    if origin["prompt_format"] is None:
        return {}
    return {"sample": {"prompt_format": origin["prompt_format"], "system": origin["system_prompt"]}}
