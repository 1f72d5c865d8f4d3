"""Where a row has its texts and chats: prompt, messages, answers."""

import json
import re
from typing import Any

from rater_data.errors import BadInput
from rater_data.exporting.formats.table import HASH_COLUMN
from rater_data.importing.cells.chats import ROLES, is_chat, parse_list, parse_turns
from rater_data.importing.readers.row import Row
from rater_data.records import Message

PROMPT_COLUMNS = ("prompt", "text")
SYSTEM_COLUMNS = ("system_prompt", "system_message")
CHAT_COLUMNS = ("messages", "conversations", "conversation")
PAIR_COLUMNS = ("chosen", "rejected")
RESPONSE_COLUMNS = ("response", "completion")
IMAGE_COLUMNS = ("images", "image")
_TEMPLATE = re.compile(
    r"\s*(<\|im_start\|>|<\|start_header_id\|>|<\|begin_of_text\|>|<start_of_turn>|(<s>\s*)?\[INST\])"
)
_LIKE_A_CHAT = re.compile(r"\s*(array\(\s*)?[\[(]*\s*\{\s*['\"](role|from|content|value)['\"]\s*:")


def find_text_or_chat(row: Row, *columns: str) -> Any:
    """The first of these columns that is filled. A cell of a CSV that spells a chat, in whichever way, is that chat.

    So is a text of another file that can only be one: people write chats into columns of texts, too. Raises BadInput
    for a cell that looks like a chat and cannot be read: it is nothing that anybody said.
    """
    value = row.first(*columns)
    if isinstance(value, dict) and is_chat([value]):
        return [value]
    if not isinstance(value, str):
        return value
    if row.text_only:
        return _parse_own_cell(value) if is_own_row(row) else _parse_cell(value)
    may_be_chat = value.startswith(("[", "array(")) and not is_own_row(row)
    return _parse_text(value, columns[0]) if may_be_chat else value


def _parse_text(text: str, column: str) -> Any:
    """A text that was not forced to be one. It is a chat where nothing else can be meant.

    That is a prompt that ends with the user, and one of a pair that has the user's turn and the assistant's. An answer
    may well be JSON that looks like a chat: it was perhaps asked for.
    """
    value = parse_list(text)
    turns = value if isinstance(value, list) and is_chat(value) else []
    if not all({"role", "content"} <= set(turn) or {"from", "value"} <= set(turn) for turn in turns):
        return text
    roles = [ROLES.get(str(turn.get("role", turn.get("from"))).lower()) for turn in turns]
    is_prompt = column in PROMPT_COLUMNS and roles[-1:] == ["user"]
    is_pair = column in PAIR_COLUMNS and roles[-1:] == ["assistant"] and "user" in roles
    return turns if is_prompt or is_pair else text


def _parse_cell(text: str) -> Any:
    value = parse_list(text)
    value = [value] if isinstance(value, dict) else value
    if is_chat(value):
        return value
    if value is None and _LIKE_A_CHAT.match(text):
        raise BadInput("a cell looks like a chat and cannot be read as one: write it as JSON")
    return text


def _parse_own_cell(text: str) -> Any:
    """As our own exports write chats; a response that only looks like one is a text there."""
    if not text.startswith("["):
        return text
    try:
        chat = json.loads(text)
    except (ValueError, RecursionError):
        return text
    is_ours = is_chat(chat) and all(set(turn) == {"role", "content"} for turn in chat)
    return chat if is_ours else text


def is_own_row(row: Row) -> bool:
    return "raters" in row.values or HASH_COLUMN in row.values


def find_answer(row: Row, *columns: str) -> Any:
    """As `find_text_or_chat`, of a response, which may be empty: a model may have said nothing.

    An empty cell of somebody else's CSV is one that was not filled in; ours (with `raters`) leaves no response out.
    """
    value = find_text_or_chat(row, *columns)
    empty_is_answer = not row.text_only or "raters" in row.values
    if value is None and empty_is_answer and any(row.values.get(column) == "" for column in columns):
        return ""
    return value


def find_chat(row: Row) -> tuple[tuple[Message, ...], str | None] | None:
    """The chat in the column of messages: those of the prompt, and the answer if the assistant has the last word."""
    value = row.first(*CHAT_COLUMNS)
    if value is None:
        return None
    turns = parse_turns(value)
    answer = turns.pop()[1] if turns[-1][0] == "assistant" else None
    if not turns:
        raise BadInput("there is no message of the user before that of the assistant")
    return tuple(Message(role=role, content=content) for role, content in turns), answer


def check_no_template(text: str) -> None:
    """Raises BadInput for a prompt in the signs of one model's chat template: they would be set around it once more."""
    found = _TEMPLATE.match(text)
    if found is not None:
        raise BadInput(
            f"the prompt is written in a model's chat template ({found[1]}): give its messages instead"
        )


def check_no_images(row: Row) -> None:
    """Raises BadInput for a row that is about a picture: without it the text is another one."""
    value = row.first(*IMAGE_COLUMNS)
    if isinstance(value, list | dict | bytes) and value:
        raise BadInput("the row has images: only texts are read")
