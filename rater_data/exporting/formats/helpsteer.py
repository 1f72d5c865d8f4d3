"""The format `helpsteer`: each text with further qualities, whole numbers from 0 to 4.

Source: HelpSteer (arXiv 2311.09528): five qualities as whole numbers from 0 to 4.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from rater_data.exporting.formats.base import RATERS, FormatRows, PromptAndRow, RowStream, batch_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.quality_scores import QualityScores
from rater_data.round_settings import joined_text
from rater_data.scales import ATTRIBUTE_HIGH, ATTRIBUTE_LOW, ATTRIBUTE_WORDS
from rater_data.store import Store

QUALITIES = {
    "helpfulness": ("helpful", "helpfulness"),
    "correctness": ("correct", "correctness", "accurate", "accuracy"),
    "coherence": ("coherent", "coherence", "clear", "clarity"),
    "complexity": ("complex", "complexity"),
    "verbosity": ("verbose", "verbosity", "long"),
}
"""HelpSteer's qualities, and the names under which ours count as one of them."""
_QUALITY_OF_NAME = {name: quality for quality, names in QUALITIES.items() for name in names}
_OTHER_COLUMNS = ("prompt", "response", "raters")


def quality_column(name: str) -> str:
    """The column of a quality: HelpSteer's, or its own name unless that is taken."""
    quality = _QUALITY_OF_NAME.get(name.strip().casefold())
    return quality or (f"quality {name}" if name in _OTHER_COLUMNS else name)


def stream_qualities(store: Store, request: ExportRequest) -> RowStream:
    """Each text with its qualities from 0 to 4: the mean of its raters' 1 to 5, less 1, to the nearest whole number.

    Of two qualities that are one column a rater says their mean.
    """
    scores = QualityScores(store, request.rating_filter, quality_column)
    other_qualities = [name for name in scores.names if name not in QUALITIES]
    schema = pa.schema(
        [("prompt", pa.string()), ("response", pa.string())]
        + [(name, pa.int64()) for name in (*QUALITIES, *other_qualities)]
        + [RATERS]
    )
    people = store.people_and_versions().people

    def rows() -> Iterator[PromptAndRow]:
        for text in scores.texts():
            prompt = _flat_prompt(json.loads(text.prompt.messages), text.continuation)
            row: dict[str, Any] = {"prompt": prompt, "response": text.text}
            for name, mean in text.means.items():
                row[name] = math.floor(min(max(mean, ATTRIBUTE_LOW), ATTRIBUTE_HIGH) - ATTRIBUTE_LOW + 0.5)
            yield text.prompt, row | {"raters": sorted(people[rater].pseudonym for rater in text.raters)}

    return RowStream(schema, batch_rows(rows(), schema))


def _flat_prompt(messages: list[dict[str, str]], continuation: bool) -> str:
    """HelpSteer's prompts are text: of a chat, its turns one after another, each with who speaks."""
    if continuation or len(messages) == 1:
        return joined_text(messages)
    return "\n\n".join(f"{message['role'].capitalize()}: {message['content']}" for message in messages)


HELPSTEER = FormatRows(
    stream=stream_qualities,
    source="ratings with further qualities",
    about=f"""\
Texts with further qualities in the shape of HelpSteer: whole numbers from 0 to 4, null where nobody answered.

The mean of the raters' answers from 1 to 5, less 1, to the nearest whole number. HelpSteer's own columns are
{", ".join(f"`{name}`" for name in QUALITIES)}; other columns are qualities that only these raters were asked for.
From 0 to 4: {", ".join(ATTRIBUTE_WORDS)}.""",
    task="text-classification",
    offsets="the qualities here are as given.",
    qualities=True,
)
