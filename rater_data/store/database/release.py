"""Which release of the program this is, and whether two that share a database fit together."""

import functools
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rater_data.errors import Refused
from rater_data.store.database.migrate import newest_schema

CHECKPOINTS = 1
"""The layout of versions and checkpoints (ppo/training/checkpoint.py): one more with every change of it."""
PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What has to be the same on both sides: the program, the tables, and how checkpoints are laid out."""

    version: str
    schema: str
    checkpoints: int

    def __str__(self) -> str:
        return f"{self.version} (schema {self.schema}, checkpoints {self.checkpoints})"

    def to_json(self) -> dict[str, Any]:
        """As the store keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Release":
        """What `to_json` gave; what a release did not know yet is the oldest there is."""
        return cls(
            version=str(kept.get("version", "0")),
            schema=str(kept.get("schema", "")),
            checkpoints=int(kept.get("checkpoints", 0)),
        )

    def is_newer_than(self, other: "Release") -> bool:
        """By the program's version, then the tables, then the layout."""
        return self._order() > other._order()

    def _order(self) -> tuple[list[int], str, int]:
        return [int(n) for n in re.findall(r"\d+", self.version)], self.schema, self.checkpoints


@functools.cache
def own_release() -> Release:
    """The release of this checkout."""
    version = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"]
    return Release(version=version, schema=newest_schema(), checkpoints=CHECKPOINTS)


def check_same(trainer: Release, server: Release) -> None:
    """Raises Refused with which side is newer, and what to do."""
    if trainer == server:
        return
    older, newer = ("server", "trainer") if trainer.is_newer_than(server) else ("trainer", "server")
    raise Refused(
        f"The trainer is of release {trainer}, the server of {server}: the {newer} is newer. Update the {older}'s "
        "checkout to the same release, start the server first, and then the trainer."
    )
