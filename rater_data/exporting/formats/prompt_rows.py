"""Rows made of prompts and the scores of their texts; texts are strings, or messages where there are chats.

A text that goes on with its prompt is no chat: there prompt and completion are strings, blanks as they were written,
so that prompt + completion is what was read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from rater_data.errors import BadInput
from rater_data.exporting.formats.base import MESSAGES, RowStream, batch_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.text_scores import ScoredPrompt, TextScores
from rater_data.round_settings import Told, joined_text
from rater_data.store import Store


@dataclass(frozen=True, slots=True)
class PromptContext:
    """How a prompt, its texts and its raters are written: as lists of messages where it is a `chat`."""

    prompt_value: Any
    chat: bool
    people: dict[int, Any]

    def answer(self, text: str) -> Any:
        return [{"role": "assistant", "content": text}] if self.chat else text

    def pseudonyms(self, raters: set[int]) -> list[str]:
        return sorted(self.people[rater].pseudonym for rater in raters)


RowsOfPrompt = Callable[[ScoredPrompt, PromptContext], Iterator[dict[str, Any]]]


def stream_prompt_rows(
    store: Store,
    request: ExportRequest,
    scores: TextScores,
    columns: Sequence[tuple[str, pa.DataType | None]],
    rows: RowsOfPrompt,
) -> RowStream:
    """The rows of every prompt with scores. A column without a type is text, or the messages of a chat.

    Raises BadInput where both are needed: a column has one type.
    """
    told = store.told_by_round()
    chat = _are_chats(store, request, told)
    if not chat:  # a text has no place for what was told: it tells no texts apart
        told = {number: replace(before, system="") for number, before in told.items()}
    schema = pa.schema([(name, type_ or (MESSAGES if chat else pa.string())) for name, type_ in columns])
    people = store.people_and_versions().people

    def context(scored: ScoredPrompt) -> PromptContext:
        return PromptContext(prompt_value(scored.messages, scored.told, chat), chat, people)

    prompt_and_row = (
        (scored.prompt, row) for scored in scores.prompts(told) for row in rows(scored, context(scored))
    )
    return RowStream(schema, batch_rows(prompt_and_row, schema))


def prompt_value(messages: list[dict[str, str]], told: Told, chat: bool) -> Any:
    """A prompt as a row has it: as a chat with the system prompt that it was told, or as text."""
    if not chat:
        return joined_text(messages) if told.continuation else messages[-1]["content"]
    return [*([{"role": "system", "content": told.system}] if told.system else []), *messages]


def _are_chats(store: Store, request: ExportRequest, told: Mapping[int, Told]) -> bool:
    """Whether texts are written as messages. Raises BadInput where some of them are no chats and cannot be."""
    continued, answered = store.longest_chats(request.rating_filter, told)
    chat = request.conversational or answered > 1
    if chat and continued:
        cause = (
            "--conversational makes chats of all: leave it out"
            if request.conversational
            else "some prompts are chats of several messages: export the rounds apart (--round)"
        )
        raise BadInput(f"Responses that go on with their prompt's text are no chats, and {cause}.")
    return chat
