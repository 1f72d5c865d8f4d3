"""The layout `preference`: a prompt with a chosen and a rejected response, as TRL's trainers read them."""

from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.chats import parse_conversation
from rater_data.importing.cells.texts import CHAT_COLUMNS, find_answer, find_text_or_chat
from rater_data.importing.cells.values import parse_comment, parse_rater, parse_score
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.prompts import chat_prompt, parse_prompt
from rater_data.importing.layouts.records import Preference
from rater_data.importing.readers.row import Row
from rater_data.records import Message, Prompt

Conversation = tuple[tuple[Message, ...], str]
"""What came before the response, and the response."""
CHOSEN_SCORES = ("chosen_score", "score_chosen", "chosen_rating", "chosen-rating")
REJECTED_SCORES = ("rejected_score", "score_rejected", "rejected_rating", "rejected-rating")
"""What some files say that the two are worth: ours, UltraFeedback's, Argilla's."""


def has_pair(columns: set[str]) -> bool:
    return {"chosen", "rejected"} <= columns


def is_bare_text_pair(row: Row, columns: set[str]) -> bool:
    """Whether chosen and rejected are texts that have to have their prompt in them: there is no other column for it."""
    texts = all(isinstance(find_text_or_chat(row, column), str) for column in ("chosen", "rejected"))
    return texts and not columns & {"prompt", "text", *CHAT_COLUMNS}


def preference_of(row: Row, prompt: Prompt, chosen: Any, rejected: Any) -> Preference:
    """Raises BadInput for what is no text, and for two that are the same."""
    for text in (chosen, rejected):
        checks.text("The response", text)
    if chosen == rejected:
        raise BadInput("chosen and rejected are the same text")
    return Preference(
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        chosen_score=_find_score(row, *CHOSEN_SCORES),
        rejected_score=_find_score(row, *REJECTED_SCORES),
        rater=parse_rater(row),
        comment=parse_comment(row),
    )


def _find_score(row: Row, *columns: str) -> float | None:
    return None if row.first(*columns) is None else parse_score(row, *columns)


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
    has_prompt = row.first("prompt", *CHAT_COLUMNS) is not None and (
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
