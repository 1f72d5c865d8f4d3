"""What came of an import, as numbers and as the lines that say it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rater_data.errors import NOTHING_IMPORTED
from rater_data.importing.layouts.base import Kind
from rater_data.importing.layouts.table import LAYOUTS
from rater_data.store.transfer.imports import ImportCounts

MAX_BAD_SENTENCES = 10  # all bad rows are in the file beside the one that was imported


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What came of an import.

    `form`: what the file was taken for, as "CSV with semicolons"; empty for a dataset of the hub.
    `duplicates`: what is in the file twice. `ignored`: how many rows were left out, by reason. `bad`: the first bad
    rows as sentences. `rejects_file`: where all of them are. `joined`: comparisons that a person made from both
    sides. `renumbered`: ratings with missing revisions. `in_file`: how many different ones of each kind the file has.
    """

    kind: Kind
    layout: str
    form: str = field(default="", compare=False)
    dry_run: bool = False
    rows: int = 0
    duplicates: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    bad_rows: int = 0
    rejects_file: Path | None = None
    joined: int = 0
    renumbered: int = 0
    in_file: dict[str, int] = field(default_factory=dict)
    stored: ImportCounts = field(default_factory=ImportCounts)

    def add_bad_row(self, sentence: str) -> None:
        self.bad_rows += 1
        if len(self.bad) < MAX_BAD_SENTENCES:
            self.bad.append(sentence)

    def refusal(self) -> str:
        """Why nothing was imported: the first bad row, and where the others are."""
        others = self.bad_rows - 1
        if others == 0:
            return f"{self.bad[0]} {NOTHING_IMPORTED}"
        more = "one row more is bad" if others == 1 else f"{others} more rows are bad"
        all_of_them = "both" if others == 1 else "all of them"
        where = f" ({self.rejects_file} has {all_of_them})" if self.rejects_file else ""
        return f"{self.bad[0]} And {more}{where}. {NOTHING_IMPORTED}"

    def recognised(self) -> str:
        """What the file was taken for."""
        rows = "1 row" if self.rows == 1 else f"{self.rows} rows"
        return f"{rows} read as {self.layout}{f' from {self.form}' if self.form else ''}."

    def summary(self) -> Iterator[str]:
        """What was imported and what was not, a sentence or two a line."""
        stored, kind = self.stored, self.kind
        if self.dry_run:
            yield "This is a dry run: nothing was imported."
        yield self.recognised()
        added, in_file = getattr(stored, kind), self.in_file[kind]
        known = self.duplicates + (stored.existing if kind == "ratings" else in_file - added)
        not_added = f"{known} duplicates left out" if kind == "prompts" else f"{known} were there already"
        yield f"{added} {kind} {'would be added' if self.dry_run else 'added'}, {not_added}."
        if kind != "prompts" and self.duplicates:
            yield f"{self.duplicates} of those are twice in the file."
        if stored.differing:
            yield f"{stored.differing} of those that were there say something else in the file: they are as they were."
        if kind == "responses" or (
            kind == "ratings" and (self.dry_run or LAYOUTS[self.layout].is_own_export)
        ):
            counts = {name: getattr(stored, name) for name in ("prompts", "responses", "raters", "rounds")}
            new = ", ".join(f"{count} {name}" for name, count in counts.items() if count and name != kind)
            if new:
                yield f"New with them: {new}."
        if stored.edits:
            yield f"{stored.edits} better answers came with them."
        for reason, count in self.ignored.items():
            yield f"{count} {reason} left out."
        if self.joined:
            yield f"{self.joined} comparisons were made twice by one person, A with B and B with A: the later counts."
        if self.renumbered:
            yield f"Of {self.renumbered} ratings some revisions are missing: those that are there were numbered anew."
        if self.bad_rows:
            where = f" {self.rejects_file} has them with the reasons." if self.rejects_file else ""
            yield f"{self.bad_rows} bad rows left out.{where}"
