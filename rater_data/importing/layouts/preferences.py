"""The layout `preference`: a prompt with a chosen and a rejected response, as TRL's trainers read them."""

from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.cells import find_answer, find_text_or_chat, parse_conversation, parse_rater
from rater_data.importing.layouts.prompts import chat_prompt, parse_prompt
from rater_data.importing.layouts.records import Preference
from rater_data.importing.readers.row import Row
from rater_data.records import Message, Prompt

Conversation = tuple[tuple[Message, ...], str]
"""What came before the response, and the response."""


def has_pair(columns: set[str]) -> bool:
    return {"chosen", "rejected"} <= columns


def is_bare_text_pair(row: Row, columns: set[str]) -> bool:
    """Whether chosen and rejected are texts that have to have their prompt in them: there is no other column for it."""
    texts = all(isinstance(find_text_or_chat(row, column), str) for column in ("chosen", "rejected"))
    return texts and not columns & {"prompt", "text", "messages"}


def preference_of(row: Row, prompt: Prompt, chosen: Any, rejected: Any) -> Preference:
    """Raises BadInput for what is no text, and for two that are the same."""
    for text in (chosen, rejected):
        checks.text("The response", text)
    if chosen == rejected:
        raise BadInput("chosen and rejected are the same text")
    comment = row.first("comment") or ""
    return Preference(
        prompt=prompt, chosen=chosen, rejected=rejected, rater=parse_rater(row), comment=comment
    )


def check_shared_start(chosen: Conversation, rejected: Conversation) -> None:
    if chosen[0] != rejected[0]:
        raise BadInput("chosen and rejected do not share the conversation before them")


def _parse_row(row: Row, options: ParseOptions) -> Preference:
    chosen, rejected = find_answer(row, "chosen"), find_answer(row, "rejected")
    if chosen is None or rejected is None:
        raise BadInput("chosen and rejected have to be there, and filled")
    if isinstance(chosen, str) != isinstance(rejected, str):
        raise BadInput("chosen and rejected have to be of one kind, texts or messages")
    if isinstance(chosen, str):
        return preference_of(row, parse_prompt(row, options, "train"), chosen, rejected)
    chosen, rejected = parse_conversation(chosen), parse_conversation(rejected)
    check_shared_start(chosen, rejected)
    before = chosen[0]
    has_prompt = row.first("prompt", "messages") is not None and (
        not before or isinstance(find_text_or_chat(row, "prompt"), list)
    )
    prompt = parse_prompt(row, options, "train") if has_prompt else chat_prompt(row, options, before)
    return preference_of(row, prompt, chosen[1], rejected[1])


PREFERENCES = Layout(
    name="preference",
    holds="ratings",
    parse_rows=row_by_row(_parse_row),
    matches=lambda row, columns: has_pair(columns) and not is_bare_text_pair(row, columns),
)
