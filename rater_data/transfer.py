"""In: prompts and ratings from files, all of a file or nothing. Out is in `exporting`."""

import json
import math
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.reading import Row, rows_of
from rater_data.records import Message, Prompt
from rater_data.scales import Scale
from rater_data.store import Store
from rater_data.store_imports import DEFAULT_RATER, ImportedRating

PROMPT_NAMES = ("prompt", "text")
RESPONSE_NAMES = ("response", "completion")
SCORE_NAMES = ("rating", "score", "reward")

Wrap = Callable[[list[Row]], Iterable[Row]]
"""Goes around the rows while they are read: a progress bar, or nothing."""


def bundled_prompts() -> list[Prompt]:
    """The everyday prompts that come with the program."""
    file = resources.files("rater_data").joinpath("prompts", "everyday.jsonl")
    with resources.as_file(file) as path:
        return [_prompt(row, None, "everyday") for row in rows_of(path)]


def import_prompts(store: Store, path: Path, split: str | None = None, wrap: Wrap = iter) -> tuple[int, int]:
    """Adds the prompts of a .jsonl, .csv or .txt file; returns how many were new and how many known.

    A row has `prompt` (or `text`, or `messages`), and if it likes `tags` and `split`. Rows that do not say
    get `split`, or the split of their text's hash. Raises BadInput with file and line; then nothing was
    added.
    """
    prompts = [_prompt(row, split, path.name) for row in wrap(rows_of(path))]
    return store.add_prompts(prompts)


def import_ratings(store: Store, path: Path, wrap: Wrap = iter) -> tuple[int, int]:
    """Adds ratings that were given elsewhere; returns how many were new and how many were there already.

    A row of the .jsonl or .csv file has `prompt`, `response` (or `completion`), `rating` (or `score`,
    `reward`) on the home's scale, and if it likes `rater`, `comment` and `split`. The responses go to round 0; they
    teach the reward head and move no policy, because no version of ours wrote them. Raises BadInput with file
    and line; then nothing was added.
    """
    scale = store.scale()
    found: list[ImportedRating] = []
    seen: dict[tuple[Any, ...], ImportedRating] = {}
    for row in wrap(rows_of(path, (".jsonl", ".csv"))):
        one = _rating(row, path.name, scale)
        who = (one.prompt.messages, one.response, one.rater.casefold())
        before = seen.setdefault(who, one)
        if before.score != one.score:
            raise row.wrong(
                f"{one.rater} rated this response with {before.score:g} before and now with {one.score:g}: "
                "tell raters apart in a column rater, or leave one out"
            )
        found.append(one)
    return store.add_imported(found)


def _prompt(row: Row, split: str | None, source: str) -> Prompt:
    tags, chosen = _tags(row), row.first("split") or split
    try:
        messages = row.first("messages")
        if messages is not None:
            text = _messages(row, messages)
            # what a text's own hash says, its last message says for a chat
            chosen = chosen or Prompt.of(text[-1].content).split
            return Prompt(messages=text, tags=tags, split=chosen, source=source)
        text = row.first(*PROMPT_NAMES)
        if text is None:
            raise row.wrong("there is no prompt: name the column prompt, text or messages, and fill it")
        return Prompt.of(text, tags=tags, split=chosen, source=source)
    except BadInput as error:
        raise error if str(error).startswith(row.file) else row.wrong(str(error)) from None


def _messages(row: Row, value: Any) -> tuple[Message, ...]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            raise row.wrong("the messages are no JSON list") from None
    if not isinstance(value, list) or not value:
        raise row.wrong("messages have to be a list with at least one message")
    for message in value:
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise row.wrong("each message has to be an object with role and content")
    return tuple(Message(**message) for message in value)


def _tags(row: Row) -> tuple[str, ...]:
    tags = row.first("tags")
    if tags is None:
        return ()
    if isinstance(tags, str):
        tags = tags.replace(";", ",").split(",")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise row.wrong("tags have to be a list of words, or words with commas between")
    return tuple(tag.strip() for tag in tags if tag.strip())


def _rating(row: Row, source: str, scale: Scale) -> ImportedRating:
    response, rater = row.first(*RESPONSE_NAMES), row.first("rater") or DEFAULT_RATER
    if response is None:
        raise row.wrong("there is no response: name the column response or completion, and fill it")
    # A prompt that comes with its rating is there to be learned from, so it is no holdout unless the row says
    # so
    prompt = _prompt(row, "train", source)
    try:
        return ImportedRating(
            prompt=prompt,
            response=response,
            score=scale.check(_number(row)),
            scale=scale.name,
            rater=str(rater),
            comment=row.first("comment") or "",
        )
    except BadInput as error:
        raise error if str(error).startswith(row.file) else row.wrong(str(error)) from None


def _number(row: Row) -> float:
    value = row.first(*SCORE_NAMES)
    if value is None:
        raise row.wrong("there is no score: name the column rating, score or reward, and fill it")
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise row.wrong(f"the score {value!r} is no number") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise row.wrong(f"the score {value} is no number on the scale")
    return value
