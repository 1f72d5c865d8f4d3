"""What single cells of a row mean, in whichever layout: texts, chats, scores, raters, tags."""

import json
import math
import re
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.records import DEFAULT_RATER
from rater_data.importing.readers.row import Row
from rater_data.records import SPEAKERS, Message

PROMPT_COLUMNS = ("prompt", "text")
RESPONSE_COLUMNS = ("response", "completion")
SCORE_COLUMNS = ("rating", "score", "reward")
DECIMAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
"""What we take for a number: Python would also take 1_0 and digits of other scripts. Our CSV writes 1e-05."""


# ---- texts and chats


def parse_messages(value: Any) -> tuple[Message, ...]:
    """A chat, as a list or as JSON. Raises BadInput for anything else."""
    return tuple(Message(**message) for message in _parse_turns(value))


def _parse_turns(value: Any) -> list[dict[str, Any]]:
    """Dicts of role and content, whatever these two are."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise BadInput("the messages are no JSON list") from None
    if not isinstance(value, list) or not value:
        raise BadInput("messages have to be a list with at least one message")
    turns = []
    for message in value:
        # Parquet has every key in every message, null where it was not set
        turn = {k: v for k, v in message.items() if v is not None} if isinstance(message, dict) else {}
        if set(turn) != {"role", "content"}:
            raise BadInput("each message has to be an object with role and content")
        turns.append(turn)
    return turns


def parse_conversation(value: Any) -> tuple[tuple[Message, ...], str]:
    """A conversation that ends with the assistant: what came before, and the response, which may be empty."""
    *before, last = _parse_turns(value)
    checks.one_of("The role of a message", last["role"], SPEAKERS)
    if last["role"] != "assistant":
        raise BadInput(f"a response has to be of the assistant, not of the {last['role']}")
    checks.text("The response", last["content"])
    return tuple(Message(**message) for message in before), last["content"]


def _parse_json_list(text: str) -> list[Any] | None:
    """The list that a cell of our own CSV holds; None for a text that is none."""
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def find_text_or_chat(row: Row, *columns: str) -> Any:
    """The first of these columns that is filled. A cell of a CSV that holds a chat as JSON is that chat."""
    value = row.first(*columns)
    if not row.text_only or not isinstance(value, str):
        return value
    chat = _parse_json_list(value)
    is_chat = chat and all(isinstance(turn, dict) and set(turn) == {"role", "content"} for turn in chat)
    return chat if is_chat else value


def find_answer(row: Row, *columns: str) -> Any:
    """As `find_text_or_chat`, of a response, which may be empty: a model may have said nothing.

    An empty cell of somebody else's CSV is one that was not filled in; ours (with `raters`) leaves no response out.
    """
    value = find_text_or_chat(row, *columns)
    empty_is_answer = not row.text_only or "raters" in row.values
    if value is None and empty_is_answer and any(row.values.get(column) == "" for column in columns):
        return ""
    return value


# ---- numbers, raters, tags


def parse_decimal(what: str, value: Any) -> Any:
    """The number that a text is; anything else as it is. `what` names it in the error."""
    if not isinstance(value, str):
        return value
    if not DECIMAL.fullmatch(value):
        raise BadInput(f"the {what} {checks.quoted(value)} is no number")
    return float(value)


def parse_score(row: Row, *columns: str) -> float:
    """The score in the first of these columns that is filled. Raises BadInput where none is, or it is no number."""
    value = row.first(*columns)
    if value is None:
        *others, last = columns
        listed = f"{', '.join(others)} or {last}" if others else last
        raise BadInput(f"there is no score: name the column {listed}, and fill it")
    value = parse_decimal("score", value)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"the score {value} is no number on the scale")
    checks.number("the score", value)
    return value


def parse_rater(row: Row) -> str:
    rater = row.first("rater")
    if rater is None:
        return DEFAULT_RATER
    # 0 and false are somebody's number or answer, and tell people apart
    if not isinstance(rater, str | int | float):
        raise BadInput(f"the rater has to be a name or a number, not {checks.quoted(rater)}")
    return str(rater)


def parse_tags(row: Row) -> tuple[str, ...]:
    tags = row.first("tags")
    if tags is None:
        return ()
    if isinstance(tags, str):
        listed = _parse_json_list(tags)
        tags = tags.replace(";", ",").split(",") if listed is None else listed
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BadInput("tags have to be a list of words, or words with commas between")
    return tuple(tag.strip() for tag in tags if tag.strip())
