"""What the rows of a file mean, by its shape: how others lay out prompts, responses and judgements.

A shape goes over rows and says of each what it holds: prompts, responses, scores or preferences, or `Wrong` with the
reason. `settle` makes ratings of the scores and preferences: points of the home's scale, or comparisons where raters
compare. Our own export is in `own_export`, message trees are in `trees`.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.records import DEFAULT_RATER, ImportedRating, ImportedResponse
from rater_data.importing.readers.text_files import Row
from rater_data.records import SPEAKERS, Message, Prompt
from rater_data.scales import ATTRIBUTE_LOW, Scale

PROMPT_NAMES = ("prompt", "text")
RESPONSE_NAMES = ("response", "completion")
SCORE_NAMES = ("rating", "score", "reward")
HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
MOST_NAMED = 12  # columns that are named to somebody who looks for one
HELPSTEER_SCORES = (0.0, 4.0)
TURNS = {"\n\nHuman:": "user", "\n\nAssistant:": "assistant"}
DECIMAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
"""What we take for a number: Python would also take 1_0 and digits of other scripts. Our CSV writes 1e-05."""
FIRST_BETTER, SECOND_BETTER = -1.0, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a file is to be read. `scores`: the range that its scores lie in, when that is not the home's scale."""

    scale: Scale
    source: str
    split: str | None = None
    chosen: float | None = None
    rejected: float | None = None
    scores: tuple[float, float] | None = None
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a row cannot be used."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a row holds nothing to use, though nothing is wrong with it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A response with a number that says how good it is, in the range that the file has."""

    prompt: Prompt
    response: str
    value: float
    rater: str = DEFAULT_RATER
    comment: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    scores: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred:
    """Two responses of which the first was preferred."""

    prompt: Prompt
    chosen: str
    rejected: str
    rater: str = DEFAULT_RATER
    comment: str = ""


Thing = (
    Prompt
    | ImportedResponse
    | ImportedRating
    | tuple[ImportedRating, ...]
    | Scored
    | Preferred
    | Wrong
    | LeftOut
)
"""What a row says. Several ratings are of one row: all of them count, or none."""
Found = Iterator[tuple[Row, Thing]]
Shape = Callable[[Iterable[Row], How], Found]


def each(of: Callable[[Row, How], Thing]) -> Shape:
    """A shape in which every row stands for itself."""

    def over(rows: Iterable[Row], how: How) -> Found:
        for row in rows:
            try:
                yield row, Wrong(row.fault) if row.fault else of(row, how)
            except BadInput as error:
                yield row, Wrong(str(error))

    return over


def named(rows: Iterable[Row], columns: dict[str, str]) -> Iterator[Row]:
    """The rows with our names beside those of the file: {"prompt": "question"}. Raises BadInput for no such column."""
    rows = iter(rows)
    first = list(islice(rows, 1))
    for ours, theirs in columns.items():
        if first and not first[0].fault and theirs not in first[0].values:
            there = ", ".join(str(name) for name in list(first[0].values)[:20]) or "none"
            raise BadInput(
                f"{first[0].file} has no column {theirs} to take as {ours}: its columns are {there}."
            )
    for row in chain(first, rows):
        if columns and not row.fault:
            taken = {ours: row.values.get(theirs) for ours, theirs in columns.items()}
            row = replace(row, values={**row.values, **taken})
        yield row


# ---- rows that stand for themselves


def prompt_of(row: Row, how: How, split: str | None = None) -> Prompt:
    """The prompt of a row: `messages`, or `prompt` or `text`, which may hold messages, too."""
    tags, chosen = _tags(row), row.first("split") or how.split or split
    found = row.first("messages")
    if found is None:
        found = said_in(row, *PROMPT_NAMES)
    if found is None:
        raise BadInput(
            f"there is no prompt: name the column prompt, text or messages, and fill it{_seen(row)}"
        )
    if isinstance(found, list) or row.first("messages") is not None:
        messages = messages_of(found)
        # what a text's own hash says, its last message says for a chat
        chosen = chosen or Prompt.of(messages[-1].content).split
        return Prompt(messages=messages, tags=tags, split=chosen, source=how.source)
    return Prompt.of(found, tags=tags, split=chosen, source=how.source)


def _seen(row: Row) -> str:
    """Which columns there are instead, for the end of a sentence."""
    names = [str(name) for name in row.values]
    listed = ", ".join(checks.shown(name) for name in names[:MOST_NAMED]) or "none"
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    wrong = next((mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]), "")
    apart = f" (columns are parted by commas here, not by {checks.shown(wrong)})" if wrong else ""
    return f"; the columns are {listed}{more}{apart}"


def messages_of(value: Any) -> tuple[Message, ...]:
    return tuple(Message(**said) for said in _turns(value))


def _turns(value: Any) -> list[dict[str, Any]]:
    """Messages as role and content each, whatever these are."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadInput("the messages are no JSON list") from None
    if not isinstance(value, list) or not value:
        raise BadInput("messages have to be a list with at least one message")
    found = []
    for message in value:
        # tables of columns have every name in every row, empty where it was not said
        said = {k: v for k, v in message.items() if v is not None} if isinstance(message, dict) else {}
        if set(said) != {"role", "content"}:
            raise BadInput("each message has to be an object with role and content")
        found.append(said)
    return found


def _tags(row: Row) -> tuple[str, ...]:
    tags = row.first("tags")
    if tags is None:
        return ()
    if isinstance(tags, str):
        listed = _json_list(tags)
        tags = tags.replace(";", ",").split(",") if listed is None else listed
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BadInput("tags have to be a list of words, or words with commas between")
    return tuple(tag.strip() for tag in tags if tag.strip())


def _json_list(text: str) -> list[Any] | None:
    """The list that a cell of our own CSV holds; None for a text that is none."""
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def said_in(row: Row, *names: str) -> Any:
    """The first of these columns that is filled. A cell of a CSV that holds a chat as JSON is that chat."""
    found = row.first(*names)
    if not row.cells or not isinstance(found, str):
        return found
    chat = _json_list(found)
    is_chat = chat and all(isinstance(one, dict) and set(one) == {"role", "content"} for one in chat)
    return chat if is_chat else found


def _answer_in(row: Row, *names: str) -> Any:
    """As `said_in`, of what a model said, which may be nothing: a text that is there and empty.

    An empty cell of somebody else's CSV is one that was not filled in; ours (with `raters`) leaves no answer out.
    """
    found = said_in(row, *names)
    told = not row.cells or "raters" in row.values
    return "" if found is None and told and any(row.values.get(name) == "" for name in names) else found


def _response(row: Row) -> str:
    found = _answer_in(row, *RESPONSE_NAMES)
    if found is None:
        raise BadInput("there is no response: name the column response or completion, and fill it")
    if isinstance(found, list):
        return _said(found)[1]
    checks.text("The response", found)
    return str(found)


def _said(value: Any) -> tuple[tuple[Message, ...], str]:
    """A conversation that ends with the assistant: what came before, and what it said, if it said anything."""
    *before, last = _turns(value)
    checks.one_of("The role of a message", last["role"], SPEAKERS)
    if last["role"] != "assistant":
        raise BadInput(f"a response has to be of the assistant, not of the {last['role']}")
    checks.text("The response", last["content"])
    return tuple(Message(**said) for said in before), last["content"]


def _rater(row: Row) -> str:
    named = row.first("rater")
    if named is None:
        return DEFAULT_RATER
    if not isinstance(
        named, str | int | float
    ):  # 0 and false are somebody's number or answer, and tell people apart
        raise BadInput(f"the rater has to be a name or a number, not {checks.shown(named)}")
    return str(named)


def _rated(row: Row, how: How) -> Scored:
    # A prompt that comes with its rating is there to be learned from, so it is no holdout unless the row says so
    prompt, response, value = prompt_of(row, how, "train"), _response(row), number_of(row, *SCORE_NAMES)
    comment = row.first("comment") or ""
    return Scored(prompt=prompt, response=response, value=value, rater=_rater(row), comment=comment)


def number_of(row: Row, *names: str) -> float:
    value = row.first(*names)
    if value is None:
        *some, last = names
        listed = f"{', '.join(some)} or {last}" if some else last
        raise BadInput(f"there is no score: name the column {listed}, and fill it")
    if isinstance(value, str):
        if not DECIMAL.fullmatch(value):
            raise BadInput(f"the score {checks.shown(value)} is no number")
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"the score {value} is no number on the scale")
    checks.number("the score", value)
    return value


def _helpsteer(row: Row, how: How) -> Scored:
    value = number_of(row, HELPSTEER[0]) if row.first("rating") is None else number_of(row, "rating")
    further = {name: _quality(row, name) for name in HELPSTEER[1:] if row.first(name) is not None}
    return Scored(
        prompt=prompt_of(row, how, "train"),
        response=_response(row),
        value=value,
        rater=_rater(row),
        attributes=further,
        scores=how.scores or HELPSTEER_SCORES,
    )


def _quality(row: Row, name: str) -> int:
    """HelpSteer's whole number from 0 to 4, as ours from 1 to 5."""
    value, (low, high) = number_of(row, name), HELPSTEER_SCORES
    if value != int(value) or not low <= value <= high:
        raise BadInput(f"{name} has to be a whole number from {low:g} to {high:g}, not {value:g}")
    return int(value) + ATTRIBUTE_LOW


def _preference(row: Row, how: How) -> Preferred:
    chosen, rejected = _answer_in(row, "chosen"), _answer_in(row, "rejected")
    if chosen is None or rejected is None:
        raise BadInput("chosen and rejected have to be there, and filled")
    if isinstance(chosen, str) != isinstance(rejected, str):
        raise BadInput("chosen and rejected have to be of one kind, texts or messages")
    if isinstance(chosen, str):
        return _preferred(row, prompt_of(row, how, "train"), chosen, rejected)
    (before, said), (also_before, other) = _said(chosen), _said(rejected)
    if before != also_before:
        raise BadInput("chosen and rejected do not share the conversation before them")
    if row.first("prompt", "messages") is not None and (
        not before or isinstance(said_in(row, "prompt"), list)
    ):
        return _preferred(row, prompt_of(row, how, "train"), said, other)
    return _preferred(row, _chat(row, how, before), said, other)


def _chat(row: Row, how: How, messages: tuple[Message, ...]) -> Prompt:
    split = row.first("split") or how.split or "train"
    return Prompt(messages=messages, tags=_tags(row), split=split, source=how.source)


def _preferred(row: Row, prompt: Prompt, chosen: Any, rejected: Any) -> Preferred:
    for text in (chosen, rejected):
        checks.text("The response", text)
    if chosen == rejected:
        raise BadInput("chosen and rejected are the same text")
    comment = row.first("comment") or ""
    return Preferred(prompt=prompt, chosen=chosen, rejected=rejected, rater=_rater(row), comment=comment)


def _transcripts(row: Row, how: How) -> Preferred:
    chosen, rejected = (row.first(name) for name in ("chosen", "rejected"))
    (before, said), (also_before, other) = _transcript(chosen), _transcript(rejected)
    if before != also_before:
        raise BadInput("chosen and rejected do not share the conversation before them")
    return _preferred(row, _chat(row, how, before), said, other)


def _transcript(text: Any) -> tuple[tuple[Message, ...], str]:
    """Anthropic's HH: "\\n\\nHuman: … \\n\\nAssistant: …", the last of which is the response."""
    checks.text("A transcript", text, empty=False)
    turns: list[tuple[str, str]] = []
    rest = text if text.startswith("\n\n") else f"\n\n{text.lstrip()}"
    while rest:
        role = next((role for mark, role in TURNS.items() if rest.startswith(mark)), None)
        if role is None:
            raise BadInput('a transcript has to begin with "Human:" or "Assistant:"')
        body = rest.partition(":")[2]
        end = min((at for mark in TURNS if (at := body.find(mark)) >= 0), default=len(body))
        turns.append((role, body[:end].strip()))
        rest = body[end:]
    if turns[-1][0] != "assistant":
        raise BadInput("a transcript has to end with what the assistant said")
    checks.text("The response", turns[-1][1], empty=False)
    before = tuple(Message(role=role, content=said) for role, said in turns[:-1])
    return before, turns[-1][1]


def _answered(row: Row, how: How) -> ImportedResponse:
    return ImportedResponse(prompt=prompt_of(row, how, "train"), text=_response(row))


PROMPTS: Shape = each(prompt_of)
RESPONSES: Shape = each(_answered)
RATINGS: Shape = each(_rated)
HELPSTEER_ROWS: Shape = each(_helpsteer)
PREFERENCES: Shape = each(_preference)
TRANSCRIPTS: Shape = each(_transcripts)
