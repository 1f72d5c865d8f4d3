"""The formats `prompt-completion` and `unpaired`: each text with its score, or called good or not.

Source: TRL, "Dataset formats and types" (prompt-completion, unpaired preference; standard = strings, conversational =
lists of messages).
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from rater_data.exporting.formats.base import RATERS, FormatRows, RowStream
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.prompt_rows import PromptContext, stream_prompt_rows
from rater_data.exporting.formats.text_scores import DIGITS, ScoredPrompt, TextScores
from rater_data.store import Store


def stream_completions(store: Store, request: ExportRequest) -> RowStream:
    """Each text with its score, and only those from the threshold on where there is one."""
    threshold = -math.inf if request.threshold is None else request.threshold
    scores = TextScores(store, request.rating_filter)
    return _stream_texts(
        store, request, scores, [], lambda score: {} if score >= threshold else None, better=True
    )


def stream_labelled_texts(store: Store, request: ExportRequest) -> RowStream:
    """Each text, good (true) from the threshold on: without one, from the middle of the scale."""
    scores = TextScores(store, request.rating_filter)
    middle = (scores.scale.low + scores.scale.high) / 2
    threshold = middle if request.threshold is None else request.threshold
    label = [("label", pa.bool_())]
    return _stream_texts(store, request, scores, label, lambda score: {"label": score >= threshold})


def _stream_texts(
    store: Store,
    request: ExportRequest,
    scores: TextScores,
    columns: list[tuple[str, pa.DataType]],
    values_of: Callable[[float], dict[str, Any] | None],
    better: bool = False,
) -> RowStream:
    """A row for each text; `values_of` a score are the values of `columns`, None leaves the text out.

    With `better` a row for each better answer, too, with what it replaces and without a score.
    """

    def rows(prompt: ScoredPrompt, context: PromptContext) -> Iterator[dict[str, Any]]:
        raters = [text.raters for text in prompt.texts]
        for comparison in prompt.comparisons:
            raters[comparison.first].add(comparison.rater)
            raters[comparison.second].add(comparison.rater)
        for text, raters_of_text in zip(prompt.texts, raters, strict=True):
            score = round(text.score, DIGITS)
            if (values := values_of(score)) is not None:
                row = {"prompt": context.prompt_value, "completion": context.answer(text.text)}
                yield row | values | {"score": score, "raters": context.pseudonyms(raters_of_text)}
        for one in prompt.better if better else ():
            row = {"prompt": context.prompt_value, "completion": context.answer(one.text)}
            replaces = context.answer(one.replaces)
            yield row | {"score": None, "raters": context.pseudonyms(set(one.raters)), "replaces": replaces}

    all_columns = [("prompt", None), ("completion", None), *columns, ("score", pa.float64()), RATERS]
    all_columns += [("replaces", None)] if better else []
    return stream_prompt_rows(store, request, scores, all_columns, rows)


PROMPT_COMPLETION = FormatRows(
    stream=stream_completions,
    source="rated texts",
    about="""\
Texts with what people think of them, in the form that TRL reads: `prompt`, `completion`.

`score` is the mean of its raters' scores in points of the scale, after each rater's habit of scoring high or low was
taken off; of comparisons, a strength from −1 to 1. Where `replaces` is filled, the rater wrote the completion in place
of that text: it has no score, and no threshold leaves it out.""",
)
UNPAIRED = FormatRows(
    stream=stream_labelled_texts,
    source="rated texts",
    about="""\
Texts that people call good or not, in the form that TRL reads: `prompt`, `completion`, `label`.

`label` is true from a threshold on `score`: the mean of its raters' scores in points of the scale, after each rater's
habit of scoring high or low was taken off (of comparisons, a strength from −1 to 1).""",
)
