"""What a row of a file may hold. Responses and ratings are checked when they are built."""

from dataclasses import dataclass, field
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.values import DEFAULT_RATER
from rater_data.names import check_name
from rater_data.records import FINISH_REASONS, IMPORTED_ROUND, STRATA, Prompt, check_edit_text
from rater_data.round_settings import CHAT, PLAIN
from rater_data.scales import SCALES, VERDICTS

MAX_ATTRIBUTES = 200  # of one rating
LARGEST_SMALL_INT = 2**31 - 1  # what a column of whole numbers holds in PostgreSQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a response of our own export came from. `response`: its id in the store that was exported.

    `prompt_format` and `system_prompt` are its round's; None where an old export does not say.
    """

    response: int
    round_number: int
    version_number: int | None
    stratum: str
    seed: int = 0
    temperature: float = 1.0
    finish_reason: str = "eos"
    overlap: int = 1
    propensity: float = 1.0
    ref_logprob: float | None = None
    head_score: float | None = None
    base_model: str = ""
    base_revision: str = ""
    adapter_sha256: str = ""
    slot: int | None = None
    prompt_format: str | None = None
    system_prompt: str = ""

    def __post_init__(self) -> None:
        for name in ("response", "round_number", "seed"):
            checks.whole(f"The {name.replace('_', ' ')}", getattr(self, name))
        if (self.round_number == IMPORTED_ROUND) != (self.version_number is None):
            raise BadInput("A response of a round needs its policy version, and one of round 0 has none.")
        for number in (self.round_number, self.version_number or 0, self.overlap, self.slot or 0):
            checks.whole(
                "The number of a round, a version or a slot, and the overlap,", number, high=LARGEST_SMALL_INT
            )
        checks.one_of("The stratum of a response", self.stratum, STRATA)
        checks.number("The temperature of a response", self.temperature, low=0)
        checks.one_of("The finish reason of a response", self.finish_reason, FINISH_REASONS)
        checks.whole("The overlap of a response", self.overlap, low=1)
        checks.number("The propensity of a response", self.propensity, low=0, high=1)
        for value in (self.ref_logprob, self.head_score):
            if value is not None:
                checks.number("The reference log-probability and the head's score", value)
        checks.text("The base model", self.base_model)
        checks.text("The base model's revision", self.base_revision)
        checks.text("The adapter's sha256", self.adapter_sha256)
        if self.prompt_format is not None:
            checks.one_of("The prompt format", self.prompt_format, (CHAT, PLAIN))
        checks.text("The system prompt", self.system_prompt)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedResponse:
    """A text that answers a prompt. Without an origin nobody knows who or what wrote it."""

    prompt: Prompt
    text: str
    origin: Origin | None = None

    def __post_init__(self) -> None:
        checks.text("The response", self.text)  # a model may have said nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedEdit:
    """What the rater of a row wrote in place of a response. A time that is None: now."""

    text: str
    given_at: float | None = None
    active_ms: int = 0

    def __post_init__(self) -> None:
        check_edit_text(self.text)
        checks.whole("The active time of a better answer", self.active_ms)
        if self.given_at is not None:
            checks.seconds("The time of a better answer", self.given_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRating:
    """A rating in points of the home's scale, and what its rater wrote in place of the responses.

    `other`: what the response was compared with. `pseudonym`: `rater` is a pseudonym, not a name. Times that are None:
    now.
    """

    response: ImportedResponse
    score: float | None
    scale: str
    rater: str = DEFAULT_RATER
    comment: str = ""
    verdict: str = "rated"
    flags: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    other: ImportedResponse | None = None
    swapped: bool = False
    shown_at: float | None = None
    submitted_at: float | None = None
    given_at: float | None = None
    active_ms: int = 0
    position: int = 1
    guideline_version: int = 1
    revision: int = 1
    is_current: bool = True
    pseudonym: bool = False
    excluded: bool = False
    active: bool = True
    key: str = ""
    edit: ImportedEdit | None = None
    other_edit: ImportedEdit | None = None

    def __post_init__(self) -> None:
        checks.one_of("The scale of a rating", self.scale, SCALES)
        checks.one_of("The verdict", self.verdict, VERDICTS)
        scale = SCALES[self.scale]
        if (self.verdict == "rated") != (self.score is not None):
            raise BadInput(f"The verdict {self.verdict} does not go with the score {self.score!r}.")
        if self.score is not None:
            scale.check(self.score)
        if scale.paired != (self.other is not None):
            raise BadInput("A comparison, and nothing else, needs a second response.")
        check_name(self.rater, "The name of a rater")
        checks.text("The comment", self.comment)
        checks.text("The key of a rating", self.key)
        for flag in self.flags:
            checks.text("A flag", flag, empty=False)
        check_attributes(self.attributes)
        checks.whole("The active time", self.active_ms)
        for name in ("position", "revision"):
            checks.whole(f"The {name} of a rating", getattr(self, name), low=1, high=LARGEST_SMALL_INT)
        checks.whole("The guideline version of a rating", self.guideline_version, high=LARGEST_SMALL_INT)
        for value in (self.shown_at, self.submitted_at, self.given_at):
            if value is not None:
                checks.seconds("A time of a rating", value)


def check_attributes(attributes: Any) -> None:
    """Raises BadInput for anything but a dict of names and, for each, a number, a text, a bool or None."""
    if not isinstance(attributes, dict) or len(attributes) > MAX_ATTRIBUTES:
        raise BadInput("The attributes have to be an object of names and values.")
    for name, value in attributes.items():
        checks.text("The name of an attribute", name)
        if isinstance(value, str):
            checks.text(f"The attribute {name}", value)
        elif value is not None and not isinstance(value, bool):
            checks.number(f"The attribute {name}", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredResponse:
    """A response with a score, in `score_range` (lowest, highest) where the layout has one of its own.

    A score that is true or false is a thumb, up or down.
    """

    prompt: Prompt
    response: str
    score: float | bool
    rater: str = DEFAULT_RATER
    comment: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    score_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Two responses of which the first was preferred, and what the file says that each is worth, if it does."""

    prompt: Prompt
    chosen: str
    rejected: str
    chosen_score: float | None = None
    rejected_score: float | None = None
    rater: str = DEFAULT_RATER
    comment: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """Why a row cannot be used."""

    reason: str


@dataclass(frozen=True, slots=True)
class IgnoredRow:
    """Why a row holds nothing to use, though nothing is wrong with it."""

    reason: str


Record = (
    Prompt
    | ImportedResponse
    | ImportedRating
    | tuple[ImportedRating, ...]
    | ScoredResponse
    | Preference
    | BadRow
    | IgnoredRow
)
"""What a row holds. Several ratings are of one row: all of them count, or none."""
