"""What a check found, as it travels from its process to the page."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Table:
    """Rows of a check, as they stand on the page."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)


@dataclass
class Outcome:
    """Whether what was to hold held, in a sentence, and the numbers."""

    ok: bool
    says: str
    tables: list[Table] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Outcome":
        """What `write` wrote."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            found["ok"], found["says"], [Table(**table) for table in found["tables"]], found["numbers"]
        )


class Held:
    """Measurements against limits, one row each; one that raises is a row too."""

    def __init__(self, title: str):
        self.table = Table(title, ["what", "found", "at most", "holds"])
        self.failed: list[str] = []
        self.numbers: dict[str, float] = {}

    def hold(self, what: str, limit: float, measure: Any) -> None:
        """Calls `measure` and holds what it gives to `limit`."""
        try:
            found = float(measure())
        except Exception as error:  # whatever goes wrong on an unknown card is what is to be found out
            lines = str(error).strip().splitlines() or [""]
            self.table.rows.append(
                [what, f"{type(error).__name__}: {lines[0][:200]}", f"{limit:.0e}", "FAILED"]
            )
            self.failed.append(what)
            return
        holds = found <= limit
        self.numbers[what] = found
        self.table.rows.append([what, f"{found:.1e}", f"{limit:.0e}", "yes" if holds else "NO"])
        if not holds:
            self.failed.append(what)

    def outcome(self, more: list[Table] | None = None, **numbers: Any) -> Outcome:
        """All rows as one check."""
        says = (
            f"{len(self.table.rows)} measurements hold"
            if not self.failed
            else f"failed: {', '.join(self.failed)}"
        )
        return Outcome(not self.failed, says, [self.table, *(more or [])], {**self.numbers, **numbers})
