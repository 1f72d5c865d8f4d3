"""What is to be exported: checked, and written as the command that exports the same again."""

import shlex
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.exporting.formats.options import EXPORT_OPTIONS
from rater_data.exporting.formats.table import EXPORT_FORMATS, formats_with
from rater_data.store.reports.export_rows import RatingFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """A format, a file type, which ratings (`split`, `round_number`, `since`), and what some formats take besides.

    Of pairs: `min_margin` in points of the scale, only of texts that the `same_rater` scored, `ties` too.
    `threshold`: the score from which a text is good. `conversational`: lists of messages even where strings would do.
    """

    format: str = "ratings"
    file_type: str = "jsonl"
    split: str | None = None
    round_number: int | None = None
    since: float | None = None
    min_margin: float = 0.0
    same_rater: bool = False
    ties: bool = False
    threshold: float | None = None
    conversational: bool = False

    def __post_init__(self) -> None:
        checks.one_of("The format", self.format, EXPORT_FORMATS)
        _ = self.rating_filter  # checks what it is made of
        checks.number("The smallest margin", self.min_margin, low=0)
        if self.threshold is not None:
            checks.number("The threshold", self.threshold)
        for name, _ in self._given_options():
            formats = formats_with(name)
            if formats and self.format not in formats:
                flag = EXPORT_OPTIONS[name].flag
                raise BadInput(f"{flag} is for {' and '.join(formats)}, not for {self.format}.")
        if self.ties and self.min_margin > 0:
            raise BadInput("Ties have no margin: leave --ties or --min-margin out.")

    @property
    def rating_filter(self) -> RatingFilter:
        """Which ratings are meant."""
        return RatingFilter(split=self.split, round_number=self.round_number, since=self.since)

    def command(self, out: str) -> str:
        """The command line that makes this export."""
        words = ["python", "-m", "rater_data", "export"]
        words += ["--format", self.format, "--as", self.file_type, "--out", out]
        if self.split is not None:
            words += ["--split", self.split]
        for name, value in self._given_options():
            words.append(EXPORT_OPTIONS[name].flag)
            if name == "since":
                words.append(datetime.fromtimestamp(value, UTC).isoformat())
            elif value is not True:
                words.append(repr(value) if isinstance(value, float) else str(value))
        return shlex.join(words)

    def _given_options(self) -> list[tuple[str, Any]]:
        """Names and values of the options that are not left at their defaults."""
        defaults = {field.name: field.default for field in fields(self)}
        values = [(name, getattr(self, option.request_field)) for name, option in EXPORT_OPTIONS.items()]
        return [
            (name, value) for name, value in values if value != defaults[EXPORT_OPTIONS[name].request_field]
        ]


def parse_since(text: str) -> float:
    """UTC epoch seconds of a date or an ISO 8601 time; without a zone it is UTC. Raises BadInput."""
    try:
        moment = datetime.fromisoformat(text.strip())
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no date or time: write 2026-01-31 or 2026-01-31T18:00:00Z.") from None
    if not 0 <= seconds <= checks.LATEST_SECOND:
        raise BadInput(f"{text.strip()} is not between 1970 and the year 9999: no rating is of such a time.")
    return seconds
