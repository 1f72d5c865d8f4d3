"""The table of layouts. A new layout is a module that declares a `Layout`, and a line here."""

from collections.abc import Iterable

from rater_data.importing.layouts.argilla import ARGILLA
from rater_data.importing.layouts.base import Kind, Layout
from rater_data.importing.layouts.helpsteer import HELPSTEER
from rater_data.importing.layouts.hh_transcripts import HH_TRANSCRIPTS
from rater_data.importing.layouts.label_studio import LABEL_STUDIO
from rater_data.importing.layouts.open_webui import OPEN_WEBUI
from rater_data.importing.layouts.openassistant import OPENASSISTANT
from rater_data.importing.layouts.own_export import OWN_EXPORT
from rater_data.importing.layouts.preferences import PREFERENCES
from rater_data.importing.layouts.prompts import PROMPTS
from rater_data.importing.layouts.ratings import RATINGS, RESPONSES
from rater_data.importing.readers.row import Row

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        PROMPTS,
        RESPONSES,
        RATINGS,
        OWN_EXPORT,
        LABEL_STUDIO,
        ARGILLA,
        OPEN_WEBUI,
        PREFERENCES,
        HH_TRANSCRIPTS,
        HELPSTEER,
        OPENASSISTANT,
    )
}
"""Layouts by name. A file has the first of its kind that matches; where none does, that of the kind's name."""


def detect_layout(kind: Kind, first_rows: Iterable[Row], mapped_columns: Iterable[str]) -> Layout:
    """The layout of a file from which this kind is imported, going by the first of its rows that can be read."""
    row = next((row for row in first_rows if not row.fault), None)
    if row is not None:
        columns = set(row.values) | set(mapped_columns)
        for layout in LAYOUTS.values():
            if layout.holds == kind and layout.matches(row, columns):
                return layout
    return LAYOUTS[kind]
