"""What the JSON routes answer, for their description in OpenAPI. A test holds every answer to these.

The routes answer plain dictionaries: a card has to come fast, and validating each answer would only cost time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

Responses = dict[int | str, dict[str, Any]]
PathId = Annotated[int, Path(ge=0, le=2**53)]
"""A number in an address, of those that JSON and the databases hold exactly."""


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Error(Schema):
    """What went wrong and what to do about it, as a sentence for a person."""

    error: str


class Message(Schema):
    role: str
    content: str


class Text(Schema):
    """A response as it may be shown, and as cleaned HTML: null where that would look the same."""

    text: str
    html: str | None


class EditMark(Schema):
    """A response that may be rewritten, and this rater's better answer to it, if there is one."""

    response_id: int
    edit_id: int | None


class OwnEdit(Schema):
    edit_id: int
    response_id: int
    text: str


class TextToEdit(Schema):
    """A response as it was written, and this rater's better answer to it, if there is one."""

    response_id: int
    original: str
    edit: OwnEdit | None


class EditSaved(Schema):
    saved: OwnEdit


class EditTakenBack(Schema):
    taken_back: int


class RecentEdit(EditMark):
    """`text`: of the better answer, cut where it is long; `editable`: it can be changed, or one can be added."""

    text: str | None
    editable: bool


class Card(Text):
    """A response to rate; `other` is the second one where two are compared. Times are seconds since 1970."""

    response_id: int
    messages: list[Message]
    system: str = Field(
        description="What the model was told before the prompt; empty where it was told nothing."
    )
    continuation: bool = Field(
        description="The text goes on with the prompt's, without a break between them."
    )
    other: Text | None
    edits: list[EditMark] = Field(
        description="The responses shown, in that order; empty where no better answers are asked for."
    )
    round: int
    position: int = Field(description="Which of the responses to its prompt this is for this rater, from 1.")
    of: int
    shown_at: float
    lease_until: float = Field(description="Until then the card is this rater's; /api/heartbeat keeps it.")


class OwnRating(Schema):
    """A rating as its rater gave it. `mark` and `words`: the score as the scale writes it and says it."""

    rating_id: int
    response_id: int
    score: float | None
    verdict: str
    mark: str | None
    words: str
    comment: str
    flags: list[str]
    attributes: dict[str, int]
    key: str


class LastRating(OwnRating):
    editable: bool


class RecentRating(LastRating):
    prompt: str
    continuation: bool
    text: str
    other: str | None
    round: int
    submitted_at: float
    edits: list[RecentEdit]


class Me(Schema):
    id: int
    name: str
    role: str


class OwnCounts(Schema):
    """How many ratings of mine: since midnight, and in this round."""

    today: int
    round: int


class RoundCounts(Schema):
    number: int
    state: str
    ratings: int
    quota: int


class Scale(Schema):
    """Scores that may be given: one of `points`."""

    name: str
    low: float
    high: float
    points: list[float]


class Questions(Schema):
    """What may be answered beside the score: qualities, each with one of `points`, and flags."""

    attributes: list[str]
    points: list[int]
    words: list[str]
    flags: list[str]
    edits: bool = Field(description="Whether raters may write a better answer in place of a response.")


class Progress(Schema):
    done: float
    total: float
    left: str


class NextCard(Schema):
    """When there is one, by how long this home's last rounds took: in words, and in seconds from now where known."""

    usually: str
    left_s: float | None


class Screen(Schema):
    """All of the rating screen. Without a card, `title`, `why`, `progress`, `next_card` say what is waited for."""

    home: str = Field(description="Tells this home's screens from any other's.")
    card: Card | None
    title: str | None = None
    why: str | None = None
    progress: Progress | None = None
    next_card: NextCard | None = None
    me: Me
    mine: OwnCounts
    round: RoundCounts | None
    last: LastRating | None
    guideline_version: int
    scale: Scale
    asks: Questions


class Rated(Screen):
    """What was saved, on disk before this was sent, and the screen that comes next."""

    saved: OwnRating


class Undone(Screen):
    """What was taken back (null: there was nothing to do), and its card again."""

    undone: OwnRating | None


class Heartbeat(Schema):
    yours: bool


class RecentList(Schema):
    recent: list[RecentRating]


class Revised(Schema):
    saved: OwnRating


class NewsSample(Schema):
    prompt: str
    continuation: bool
    before: str
    after: str


class NewsItem(Schema):
    """What the version in use learned from, and one answer before and after."""

    version: int
    round: int
    ratings: int
    yours: int
    sample: NewsSample | None


class News(Schema):
    news: NewsItem | None
    consistency: str | None = Field(
        description="How often this rater said the same of what they saw again; null of fewer than four times."
    )


class Guidelines(Schema):
    version: int
    text: str
    html: str


class Link(Schema):
    link: str


class Token(Schema):
    token: str


class Version(Schema):
    number: int
    parent: int | None
    status: str
    base_model: str
    base_revision: str
    adapter_sha256: str
    metrics: dict[str, Any]
    created_at: float
    notes: str


class Versions(Schema):
    versions: list[Version]


class ExportStarted(Schema):
    """Where to ask how far it is: /api/exports/ and this."""

    export: str


class ExportState(Schema):
    """`rows` are written, `of` how many where that is known; `name` is what the file should be called."""

    state: Literal["writing", "ready", "failed"]
    rows: int
    of: int | None
    error: str
    name: str


def json_responses(schema: type[Schema], *statuses: int) -> Responses:
    """The `responses` of a route: its answer, the errors that every route has, and these further `statuses`."""
    return {200: {"model": schema}, **_error_responses(*statuses)}


def file_responses(media_types: Iterable[str], *statuses: int) -> Responses:
    """The same for a route that answers a file of one of these media types."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {200: {"content": content, "description": "The file."}, **_error_responses(*statuses)}


def _error_responses(*statuses: int) -> Responses:
    return {
        status: {"model": Error, "description": STATUS_DESCRIPTIONS[status]}
        for status in (400, 401, 403, 422, 429, 503, *statuses)
    }


STATUS_DESCRIPTIONS = {
    400: "The request's body cannot be read at all.",
    401: "No token, or one that does not hold any more.",
    403: "Not for this role, or somebody else's.",
    404: "There is no such thing.",
    409: "It does not fit the state things are in: rated already, trained already, not ready.",
    410: "The card was held too long and went to somebody else.",
    422: "The request is not right; the sentence says where.",
    429: "Too many wrong tokens from this address: wait a minute.",
    503: "The data cannot be read or written just now: ask again.",
}
