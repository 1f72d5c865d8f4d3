"""What an import is asked to do."""

from dataclasses import dataclass, field

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.base import Kind
from rater_data.importing.layouts.table import LAYOUTS
from rater_data.scales import Scale

KINDS: tuple[Kind, ...] = ("prompts", "responses", "ratings")
AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What is to be imported from a file, and how.

    `layout`: one of LAYOUTS, or AUTO: by the columns. `columns`: our column = the file's column. `chosen_score`,
    `rejected_score`: what the two of a preference are worth. `score_range`: lowest and highest score of the file.
    `skip_bad`: import the good rows of a file with bad ones. `dry_run`: store nothing. `offer`: give the responses to
    raters whose round has no card left.
    """

    kind: Kind
    layout: str = AUTO
    columns: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    chosen_score: float | None = None
    rejected_score: float | None = None
    score_range: tuple[float, float] | None = None
    skip_bad: bool = False
    dry_run: bool = False
    offer: bool = False

    def check_names(self) -> None:
        """Raises BadInput for an unknown kind or layout."""
        checks.one_of("What is imported", self.kind, KINDS)
        checks.one_of("The shape", self.layout, (AUTO, *LAYOUTS))

    def check_scores(self, scale: Scale) -> None:
        """Raises BadInput for scores that are not on the scale, and for a range that does not go up."""
        for score in (self.chosen_score, self.rejected_score):
            if score is not None and scale.paired:
                raise BadInput("Raters of this home compare: chosen and rejected need no scores here.")
            if score is not None:
                scale.check(score)
        if self.score_range is not None:
            low, high = self.score_range
            checks.number("The lowest score", low)
            checks.number("The highest score", high)
            if low >= high:
                raise BadInput(f"The range of the scores has to go up, not from {low:g} to {high:g}.")
