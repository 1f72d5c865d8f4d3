"""The layout `openwebui`: the feedback that Open WebUI exports (Admin panel, Evaluations), a JSON array.

A thumb on a message, or its mark from 1 to 10 (`data.details.rating`) where the person gave one. The conversation is
the snapshot that was kept with it, up the tree from the message. Where raters compare, a thumb up in the arena prefers
the message to those of the models beside it, and a thumb down the other way round; feedback without others beside it
says nothing there.
"""

from collections.abc import Iterable
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.chats import parse_messages
from rater_data.importing.cells.values import parse_rater
from rater_data.importing.layouts.base import Layout, ParsedRows, ParseOptions
from rater_data.importing.layouts.prompts import chat_prompt
from rater_data.importing.layouts.records import BadRow, IgnoredRow, Preference, Record, ScoredResponse
from rater_data.importing.readers.row import Row
from rater_data.records import Prompt

MARKS = (1.0, 10.0)
MAX_DEPTH = 500  # messages in one conversation
THUMBS = {"1": True, "-1": False}


def _parse_rows(rows: Iterable[Row], options: ParseOptions) -> ParsedRows:
    for row in rows:
        if row.fault:
            yield row, BadRow(row.fault)
            continue
        try:
            yield from [(row, record) for record in _parse_feedback(row, options)]
        except BadInput as error:
            yield row, BadRow(str(error))


def _parse_feedback(row: Row, options: ParseOptions) -> list[Record]:
    data = _object(row.values, "data")
    thumb = THUMBS.get(str(data.get("rating")))
    if thumb is None:
        return [IgnoredRow("feedback without a thumb")]
    messages = _messages(row)
    message_id = _object(row.values, "meta").get("message_id")
    rated = messages.get(message_id) if isinstance(message_id, str) else None
    if rated is None or not isinstance(rated.get("content"), str):
        raise BadInput("the message that was rated is not in the snapshot of its chat")
    prompt = chat_prompt(row, options, parse_messages(_conversation(row, messages, rated)))
    comment = data.get("comment") or data.get("reason") or ""
    comment = comment if isinstance(comment, str) else ""
    rater = _rater(row)
    if options.scale.paired:
        beside = _beside(messages, rated, data.get("sibling_model_ids"))
        return [_preference(prompt, rated, other, thumb, rater, comment) for other in beside] or [
            IgnoredRow("feedback on a response with no other beside it")
        ]
    mark: Any = _object(data, "details").get("rating")
    is_mark = checks.is_number(mark)
    return [
        ScoredResponse(
            prompt=prompt,
            response=rated["content"],
            score=float(mark) if is_mark else thumb,
            rater=rater,
            comment=comment,
            score_range=MARKS if is_mark else None,
        )
    ]


def _preference(
    prompt: Prompt, rated: dict[str, Any], other: dict[str, Any], thumb: bool, rater: str, comment: str
) -> Record:
    chosen, rejected = (rated, other) if thumb else (other, rated)
    if chosen["content"] == rejected["content"]:
        return BadRow("chosen and rejected are the same text")
    return Preference(
        prompt=prompt, chosen=chosen["content"], rejected=rejected["content"], rater=rater, comment=comment
    )


def _beside(messages: dict[str, Any], rated: dict[str, Any], models: Any) -> list[dict[str, Any]]:
    """The answers of the other models to the same message."""
    if not isinstance(models, list):
        return []
    return [
        other
        for other in messages.values()
        if other is not rated
        and other.get("parentId") == rated.get("parentId")
        and other.get("role") == "assistant"
        and other.get("model") in models
        and isinstance(other.get("content"), str)
    ]


def _messages(row: Row) -> dict[str, Any]:
    """The messages of the chat by their id."""
    chat = _object(_object(_object(row.values, "snapshot"), "chat"), "chat")
    kept = _object(_object(chat, "history"), "messages")
    listed = chat.get("messages")
    if not kept and isinstance(listed, list):
        kept = {str(message.get("id")): message for message in listed if isinstance(message, dict)}
    if not all(isinstance(message, dict) for message in kept.values()):
        raise BadInput("the messages of a chat have to be objects")
    return kept


def _conversation(row: Row, messages: dict[str, Any], rated: dict[str, Any]) -> list[dict[str, Any]]:
    """What came before the message, the first first, with the chat's system prompt."""
    found: list[dict[str, Any]] = []
    parent = rated.get("parentId")
    while isinstance(parent, str) and parent in messages:
        found.append(messages[parent])
        if len(found) > MAX_DEPTH:
            raise BadInput("its conversation is too long")
        parent = messages[parent].get("parentId")
    chat = _object(_object(_object(row.values, "snapshot"), "chat"), "chat")
    system = _object(chat, "params").get("system") or chat.get("system")
    if isinstance(system, str) and system.strip():
        found.append({"role": "system", "content": system})
    return found[::-1]


def _rater(row: Row) -> str:
    user = row.values.get("user")
    name = user.get("email") or user.get("name") if isinstance(user, dict) else None
    return parse_rater(Row(file=row.file, line=row.line, values={"rater": name or row.values.get("user_id")}))


def _object(values: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key; an empty one where there is none."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


OPEN_WEBUI = Layout(
    name="openwebui",
    holds="ratings",
    parse_rows=_parse_rows,
    matches=lambda row, columns: {"data", "snapshot", "user_id"} <= columns and "snapshot" in row.values,
    maps_columns=False,
)
