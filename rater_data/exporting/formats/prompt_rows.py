"""Rows made of prompts and the scores of their texts; texts are strings, or messages where there are chats."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from rater_data.exporting.formats.base import MESSAGES, RowStream, batch_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.text_scores import ScoredPrompt, TextScores
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
    """The rows of every prompt with scores. A column without a type is text, or the messages of a chat."""
    chat = request.conversational or store.longest_chat(request.rating_filter) > 1
    schema = pa.schema([(name, type_ or (MESSAGES if chat else pa.string())) for name, type_ in columns])
    people = store.people_and_versions().people

    def context(prompt: Any) -> PromptContext:
        messages = json.loads(prompt.messages)
        return PromptContext(messages if chat else messages[-1]["content"], chat, people)

    prompt_and_row = (
        (scored.prompt, row) for scored in scores.prompts() for row in rows(scored, context(scored.prompt))
    )
    return RowStream(schema, batch_rows(prompt_and_row, schema))
