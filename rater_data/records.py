"""Frozen records of prompts, responses, ratings and people, checked when they are built.

All times are UTC epoch seconds. The records of versions, rounds and jobs are in `lifecycle`.
"""

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.scales import SCALES, VERDICTS

SPLITS = ("train", "holdout")
STRATA = ("train", "calibration", "holdout", "anchor", "control", "imported")
"""Why a response is shown.

`imported`: its text was written elsewhere; it has no token ids and teaches the head only.
"""
FINISH_REASONS = ("eos", "length")
ROLES = ("rater", "operator")
SPEAKERS = ("system", "user", "assistant")
HOLDOUT_EVERY = 10
IMPORTED_ROUND = 0
"""The number of the round that holds imported responses. It is published or in rating, and never the latest."""
RESTORED = "imported"
"""In the config of a round, and the metrics of a version, that were made from an export: there are no weights."""

Split = Literal["train", "holdout"]


LONGEST_EDIT = 40_000
"""Characters of a better answer: what fits a request, however many bytes each takes."""


def stored_id(record: "Prompt | Response | Rating | Edit") -> int:
    """The id of a record that came out of the store. Raises ValueError for one that was not stored yet."""
    if record.id is None:
        raise ValueError(f"This {type(record).__name__.lower()} has no id: it was not stored yet.")
    return record.id


def judged_ids(response_id: int, other_id: int | None) -> tuple[int, int]:
    """What a rating is of: a response (both), or the two that were compared, the lower id first.

    Whichever of the two was named first: a rater has one current rating of either.
    """
    if other_id is None:
        return response_id, response_id
    return (response_id, other_id) if response_id < other_id else (other_id, response_id)


def split_of(text: str) -> Split:
    """A tenth of all texts is holdout, always the same ones: by the sha256 of the text."""
    digest = hashlib.sha256(text.strip().encode()).digest()
    return "holdout" if int.from_bytes(digest[:8], "big") % HOLDOUT_EVERY == 0 else "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of a chat."""

    role: str
    content: str

    def __post_init__(self) -> None:
        checks.one_of("The role of a message", self.role, SPEAKERS)
        checks.text("The content of a message", self.content, empty=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the model answers: a chat that ends with the user. `id` is None until it is stored."""

    id: int | None = None
    messages: tuple[Message, ...]
    tags: tuple[str, ...] = ()
    split: str = "train"
    source: str = ""
    retired_at: float | None = None

    def __post_init__(self) -> None:
        if not self.messages:
            raise BadInput("A prompt needs at least one message.")
        if self.messages[-1].role != "user":
            raise BadInput(f"A prompt ends with a message of the user, not of the {self.messages[-1].role}.")
        for tag in self.tags:
            checks.text("A tag", tag, empty=False)
        checks.one_of("The split of a prompt", self.split, SPLITS)
        checks.text("The source of a prompt", self.source)

    @property
    def text(self) -> str:
        """The last user message: what a rater reads first."""
        return self.messages[-1].content

    @property
    def chat(self) -> list[dict[str, str]]:
        """The messages as JSON has them."""
        return [{"role": m.role, "content": m.content} for m in self.messages]

    @property
    def sha256(self) -> str:
        """The prompt's identity: of its messages' canonical JSON, so tags and split do not matter."""
        canonical = json.dumps(self.chat, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @classmethod
    def of(cls, text: str, *, tags: tuple[str, ...] = (), split: str | None = None, source: str = "") -> Self:
        """A prompt of one user message; without a split, the text's own hash decides."""
        checks.text("A prompt", text, empty=False)
        chosen = split_of(text) if split is None else split
        return cls(messages=(Message(role="user", content=text),), tags=tags, split=chosen, source=source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a version wrote, exactly as sampled: token ids and their log-probabilities.

    `logprobs` in nats, of logits / temperature, one a token.
    `slot` numbers the responses of a round; `overlap` is how many raters shall see it; `propensity` the
    probability with which its prompt was chosen. Imported text (round 0) has no version, no token ids and no
    log-probabilities.
    `ref_logprob`: nats of the whole response under the base model; `head_score`: what the reward head said of
    it when its round was trained, in standard deviations. Both None where nobody computed them.
    """

    id: int | None = None
    prompt_id: int
    round_number: int
    version_number: int | None
    slot: int
    text: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    seed: int
    temperature: float
    finish_reason: str
    stratum: str
    overlap: int = 1
    propensity: float = 1.0
    ref_logprob: float | None = None
    head_score: float | None = None

    def __post_init__(self) -> None:
        for what in ("prompt_id", "round_number", "slot", "seed"):
            checks.whole(f"The {what} of a response", getattr(self, what))
        if self.version_number is not None:
            checks.whole("The version_number of a response", self.version_number)
        if (self.version_number is None) != (self.round_number == IMPORTED_ROUND):
            raise BadInput(
                "A response is of a version and a round, or imported: then it is in round 0 and of no version."
            )
        checks.text("The text of a response", self.text)
        if len(self.token_ids) != len(self.logprobs):
            raise BadInput(
                f"A response needs one log-probability for every token: "
                f"{len(self.token_ids)} tokens came with {len(self.logprobs)}."
            )
        if not all(isinstance(t, int) and t >= 0 for t in (*self.prompt_ids, *self.token_ids)):
            raise BadInput("The token ids of a response have to be whole numbers from 0.")
        if not all(isinstance(p, float | int) and math.isfinite(p) for p in self.logprobs):
            raise BadInput("The log-probabilities of a response have to be finite numbers.")
        checks.number("The temperature of a response", self.temperature, low=0)
        checks.one_of("The finish reason of a response", self.finish_reason, FINISH_REASONS)
        checks.one_of("The stratum of a response", self.stratum, STRATA)
        checks.whole("The overlap of a response", self.overlap, low=1)
        checks.number("The propensity of a response", self.propensity, low=0, high=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What one rater said about one response.

    `key` is the client's own for this decision: sent twice, stored once.
    `active_ms`: time spent with the card in view; `position`: its place among the responses to its prompt for this
    rater. A comparison is of `response_id` (the first) with `other_id` (the second), whichever of them was
    shown first: `swapped` when it was the other.
    """

    id: int | None = None
    response_id: int
    rater_id: int
    score: float | None
    verdict: str = "rated"
    comment: str = ""
    flags: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    shown_at: float
    submitted_at: float
    active_ms: int
    position: int
    guideline_version: int
    scale: str = "score_1_10"
    key: str
    revision: int = 1
    is_current: bool = True
    other_id: int | None = None
    swapped: bool = False

    def __post_init__(self) -> None:
        checks.one_of("The scale of a rating", self.scale, SCALES)
        checks.one_of("The verdict", self.verdict, VERDICTS)
        if self.verdict == "rated":
            if self.score is None:
                raise BadInput(
                    "A rating needs a score; to give none, choose skip, cannot judge, broken or unsafe."
                )
            SCALES[self.scale].check(self.score)
        elif self.score is not None:
            raise BadInput(f"The verdict {self.verdict} comes without a score, but {self.score!r} was given.")
        checks.text("The comment", self.comment)
        checks.text("The key of a rating", self.key, empty=False)
        for flag in self.flags:
            checks.text("A flag", flag, empty=False)
        for what, low in (
            ("response_id", 1),
            ("rater_id", 1),
            ("active_ms", 0),
            ("position", 1),
            ("revision", 1),
        ):
            checks.whole(f"The {what} of a rating", getattr(self, what), low=low)
        checks.whole("The guideline_version of a rating", self.guideline_version)
        checks.seconds("The time a card was shown", self.shown_at)
        checks.seconds("The time a rating was given", self.submitted_at)


def check_edit_text(text: str) -> None:
    """Raises BadInput for what is no text, or none, or too long, for a better answer."""
    checks.text("The better answer", text, empty=False)
    if len(text) > LONGEST_EDIT:
        raise BadInput(
            f"A better answer has at most {LONGEST_EDIT:,} characters, not {len(text):,}: shorten it."
        )


def is_same_answer(one: str, other: str) -> bool:
    """Whether two texts say the same: blanks round them make no difference."""
    return one.strip() == other.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A better answer: what a rater wrote in place of a response.

    `key` is the client's own for it: sent twice, stored once. `active_ms`: time spent writing. A change is a revision
    of its own.
    """

    id: int | None = None
    response_id: int
    rater_id: int
    text: str
    given_at: float
    active_ms: int = 0
    key: str
    revision: int = 1
    is_current: bool = True

    def __post_init__(self) -> None:
        check_edit_text(self.text)
        checks.text("The key of a better answer", self.key, empty=False)
        for what, low in (("response_id", 1), ("rater_id", 1), ("active_ms", 0), ("revision", 1)):
            checks.whole(f"The {what} of a better answer", getattr(self, what), low=low)
        checks.seconds("The time a better answer was given", self.given_at)

    def check_differs(self, original: str) -> None:
        """Raises BadInput for the text of the response itself."""
        if is_same_answer(self.text, original):
            raise BadInput("This is the response as it was: change something, or leave it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person.

    `excluded`: their ratings are kept but not trained on. `pseudonym` is what exports say instead.
    """

    id: int
    name: str
    role: str
    active: bool
    excluded: bool
    created_at: float
    pseudonym: str = ""
    session_epoch: int = 0
    """Sessions begun in an earlier one have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that still works, without the secret, which nobody keeps."""

    id: int
    user: User
    created_at: float
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """All that a rater sees of a response: no version, no stratum, no score.

    `position` of `of`: the place among the responses to this prompt in this rater's queue, from 1. `other_id` and
    `other_text`: where raters compare, the second response; `swapped` when it is shown before the first. `system`: what
    the model was told before the prompt ("" = nothing); `continuation`: the response goes on with the prompt's text.
    """

    response_id: int
    prompt: Prompt
    text: str
    round_number: int
    position: int
    of: int
    lease_until: float
    shown_at: float
    other_id: int | None = None
    other_text: str | None = None
    swapped: bool = False
    system: str = ""
    continuation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedResponse:
    """A rating with what it is about."""

    rating: Rating
    response: Response
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedResponse:
    """A better answer with the response that it replaces."""

    edit: Edit
    response: Response
    prompt: Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterStats:
    """How one rater works. `median_s`: seconds in view per card, with its 95 % interval `median_range`, None below six
    ratings; `mean` and `sd` in points of the scale, of `scores`, the ratings that teach something.

    `shared`: ratings of responses that others rated, too. `agreement`: Spearman correlation with the mean of the others
    on those, None below five of them.
    """

    user: User
    ratings: int
    median_s: float | None
    mean: float | None
    sd: float | None
    last_seen: float | None
    agreement: float | None
    scores: int = 0
    shared: int = 0
    median_range: tuple[float, float] | None = None
