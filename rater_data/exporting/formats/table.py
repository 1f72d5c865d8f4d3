"""The table of formats. A new format is a module that declares its `FormatRows`, and an entry here.

The command line, the console's form and the routes are made of this table; none of them waits for pandas and pyarrow,
which the modules of the formats need and which take a second to import.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rater_data.exporting.formats.base import FormatRows


HASH_COLUMN = "completion_sha256"
"""In every row of our export of ratings, and in nobody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """`noun`: what its rows are called; `options`: those that not every format has, by name in `EXPORT_OPTIONS`.

    `load` imports the format's module and returns its rows. `csv_columns`: a CSV with all of these was written by this
    format, whose cells are escaped; the readers of files go by them.
    """

    name: str
    label: str
    noun: str
    load: Callable[[], FormatRows]
    csv_columns: str
    options: tuple[str, ...] = ()


def _ratings() -> FormatRows:
    from rater_data.exporting.formats.ratings import RATINGS_FORMAT

    return RATINGS_FORMAT


def _prompt_completion() -> FormatRows:
    from rater_data.exporting.formats.texts import PROMPT_COMPLETION

    return PROMPT_COMPLETION


def _preference() -> FormatRows:
    from rater_data.exporting.formats.preference import PREFERENCE

    return PREFERENCE


def _unpaired() -> FormatRows:
    from rater_data.exporting.formats.texts import UNPAIRED

    return UNPAIRED


def _helpsteer() -> FormatRows:
    from rater_data.exporting.formats.helpsteer import HELPSTEER

    return HELPSTEER


EXPORT_FORMATS: dict[str, ExportFormat] = {
    format.name: format
    for format in (
        ExportFormat(
            name="ratings",
            label="Every rating, with its lineage",
            noun="ratings",
            load=_ratings,
            csv_columns=HASH_COLUMN,
        ),
        ExportFormat(
            name="prompt-completion",
            label="Texts with their score",
            noun="texts",
            options=("threshold", "conversational"),
            load=_prompt_completion,
            csv_columns="prompt completion score raters",
        ),
        ExportFormat(
            name="preference",
            label="Pairs: prompt, chosen, rejected",
            noun="pairs",
            options=("min_margin", "same_rater", "ties", "conversational"),
            load=_preference,
            csv_columns="prompt chosen rejected margin chosen_score rejected_score raters agreement",
        ),
        ExportFormat(
            name="unpaired",
            label="Texts, good or not",
            noun="labelled texts",
            options=("threshold", "conversational"),
            load=_unpaired,
            csv_columns="prompt completion label score raters",
        ),
        ExportFormat(
            name="helpsteer",
            label="Further qualities, HelpSteer's columns",
            noun="texts",
            load=_helpsteer,
            csv_columns=("prompt response helpfulness correctness coherence complexity verbosity raters"),
        ),
    )
}
FORMATS_HELP = "Every rating with its lineage; texts, pairs or labels for TRL; qualities from 0 to 4."
"""All of them in a line."""


def is_own_csv(columns: set[str]) -> bool:
    """Whether a CSV with these columns was written by one of our exports, whose cells are escaped."""
    return any(set(format.csv_columns.split()) <= columns for format in EXPORT_FORMATS.values())


def formats_with(option: str) -> tuple[str, ...]:
    """The names of the formats that an option is for; none for an option that all have."""
    return tuple(format.name for format in EXPORT_FORMATS.values() if option in format.options)
