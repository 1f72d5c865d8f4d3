"""The layout `hh`, Anthropic's Helpful and Harmless: two transcripts of a conversation, the chosen and the rejected."""

from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.preferences import (
    Conversation,
    check_shared_start,
    has_pair,
    is_bare_text_pair,
    preference_of,
)
from rater_data.importing.layouts.prompts import chat_prompt
from rater_data.importing.layouts.records import Preference
from rater_data.importing.readers.row import Row
from rater_data.records import Message

TURN_MARKS = {"\n\nHuman:": "user", "\n\nAssistant:": "assistant"}


def _parse_row(row: Row, options: ParseOptions) -> Preference:
    chosen, rejected = _parse_transcript(row.first("chosen")), _parse_transcript(row.first("rejected"))
    check_shared_start(chosen, rejected)
    return preference_of(row, chat_prompt(row, options, chosen[0]), chosen[1], rejected[1])


def _parse_transcript(text: Any) -> Conversation:
    """Of a text "\\n\\nHuman: … \\n\\nAssistant: …" the last turn is the response."""
    checks.text("A transcript", text, empty=False)
    turns: list[tuple[str, str]] = []
    rest = text if text.startswith("\n\n") else f"\n\n{text.lstrip()}"
    while rest:
        role = next((role for mark, role in TURN_MARKS.items() if rest.startswith(mark)), None)
        if role is None:
            raise BadInput('a transcript has to begin with "Human:" or "Assistant:"')
        body = rest.partition(":")[2]
        end = min((at for mark in TURN_MARKS if (at := body.find(mark)) >= 0), default=len(body))
        turns.append((role, body[:end].strip()))
        rest = body[end:]
    *before, (last_role, response) = turns
    if last_role != "assistant":
        raise BadInput("a transcript has to end with what the assistant said")
    checks.text("The response", response, empty=False)
    return tuple(Message(role=role, content=content) for role, content in before), response


HH_TRANSCRIPTS = Layout(
    name="hh",
    holds="ratings",
    parse_rows=row_by_row(_parse_row),
    matches=lambda row, columns: has_pair(columns) and is_bare_text_pair(row, columns),
)
