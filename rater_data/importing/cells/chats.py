"""Chats as people's files have them, in the roles and forms of the usual tools: messages and ShareGPT's.

A role is ours in the end: who answers is the assistant, who instructs the system. What a tool returned stands as a
message of the user, and the assistant's call of it as JSON. What is no text of a turn (name, weight, reasoning) is left
out.
"""

import json
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.literals import parse_duckdb, parse_literal
from rater_data.records import SPEAKERS, Message

ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "tool", "function", "observation", "ipython"), "user"),
    **dict.fromkeys(("tool_response", "function_response", "tool_result"), "user"),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "ai", "chatgpt", "bard", "bing"), "assistant"),
    **dict.fromkeys(("function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
CALLS = ("tool_calls", "function_call")
TEXT_PARTS = ("text", "input_text", "output_text")
THOUGHTS = ("thinking", "redacted_thinking", "reasoning")
"""Parts that nobody was shown."""


def parse_messages(value: Any) -> tuple[Message, ...]:
    """A chat, as a list or as a text that spells one. Raises BadInput for anything else."""
    return tuple(Message(role=role, content=content) for role, content in parse_turns(value))


def parse_conversation(value: Any) -> tuple[tuple[Message, ...], str]:
    """A conversation that ends with the assistant: what came before, and the response, which may be empty."""
    *before, (role, response) = parse_turns(value)
    if role != "assistant":
        raise BadInput(f"a response has to be of the assistant, not of the {role}")
    checks.text("The response", response)
    return tuple(Message(role=role, content=content) for role, content in before), response


def parse_list(text: str) -> list[Any] | dict[str, Any] | None:
    """The list or dict that a text spells, as JSON or as Python, numpy and DuckDB print it; None where it does not."""
    if not text.lstrip().startswith(("[", "{", "array(")):
        return None
    for parse in (json.loads, parse_literal, parse_duckdb):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return value if isinstance(value, list | dict) else None
    return None


def is_chat(value: Any) -> bool:
    """Whether it is a list of messages, or of what can only be meant as messages."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in value)
    )


def parse_turns(value: Any) -> list[tuple[str, str]]:
    """Roles of ours, and the contents. There is at least one."""
    if isinstance(value, str):
        value = parse_list(value)
        if value is None:
            raise BadInput("the messages are no JSON list")
    value = [value] if isinstance(value, dict) else value
    if not isinstance(value, list) or not value:
        raise BadInput("messages have to be a list with at least one message")
    turns = [_parse_turn(message) for message in value]
    # an empty system message is how many files say that there is none
    said = [(role, content) for role, content in turns if role != "system" or content.strip()]
    if not said:
        raise BadInput("messages have to be a list with at least one message that says something")
    return said


def _parse_turn(message: Any) -> tuple[str, str]:
    # Parquet has every key in every message, null where it was not set
    turn = {k: v for k, v in message.items() if v is not None} if isinstance(message, dict) else {}
    role, content = (
        turn.get("role", turn.get("from")),
        turn.get("content", turn.get("value", turn.get("parts"))),
    )
    calls = next((turn[key] for key in CALLS if turn.get(key)), None)
    if role is None or (content is None and calls is None):
        raise BadInput("each message has to be an object with role and content")
    if not isinstance(role, str) or role.lower() not in ROLES:
        checks.one_of("The role of a message", role, SPEAKERS)
    text = "" if content is None else _parse_content(content)
    if calls is not None:
        text = "\n".join(
            part for part in (text, json.dumps(_without_nulls(calls), ensure_ascii=False)) if part
        )
    return ROLES[role.lower()], text


def _parse_content(content: Any) -> str:
    """A text, or the texts of a list of parts."""
    if not isinstance(content, list):
        checks.text("The content of a message", content)
        return str(content)
    return "".join(_parse_part(part) for part in content)


def _parse_part(part: Any) -> str:
    if isinstance(part, dict):
        kind = part.get("type", "text" if isinstance(part.get("text"), str) else None)
        if kind in THOUGHTS:
            return ""
        if kind not in TEXT_PARTS:
            raise BadInput(
                f"a message has a part that is no text ({checks.quoted(kind)}): images, sound and files are not read"
            )
        part = part.get("text")
    checks.text("The content of a message", part)
    return str(part)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value
