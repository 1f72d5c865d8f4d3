"""The layout `helpsteer`, NVIDIA's: a response with its helpfulness and further qualities, each from 0 to 4."""

from rater_data.errors import BadInput
from rater_data.importing.cells.values import SCORE_COLUMNS, parse_rater, parse_score
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.layouts.ratings import parse_response_text
from rater_data.importing.layouts.records import ScoredResponse
from rater_data.importing.readers.row import Row
from rater_data.scales import ATTRIBUTE_LOW

SCORE = "helpfulness"
FURTHER_QUALITIES = ("correctness", "coherence", "complexity", "verbosity")
SCORE_RANGE = (0.0, 4.0)


def _parse_row(row: Row, options: ParseOptions) -> ScoredResponse:
    score = parse_score(row, SCORE if row.first("rating") is None else "rating")
    qualities = {name: _parse_quality(row, name) for name in FURTHER_QUALITIES if row.first(name) is not None}
    return ScoredResponse(
        prompt=parse_prompt(row, options, "train"),
        response=parse_response_text(row),
        score=score,
        rater=parse_rater(row),
        attributes=qualities,
        score_range=options.score_range or SCORE_RANGE,
    )


def _parse_quality(row: Row, name: str) -> int:
    """A whole number from 0 to 4, as an attribute from 1 to 5."""
    value, (low, high) = parse_score(row, name), SCORE_RANGE
    if value != int(value) or not low <= value <= high:
        raise BadInput(f"{name} has to be a whole number from {low:g} to {high:g}, not {value:g}")
    return int(value) + ATTRIBUTE_LOW


HELPSTEER = Layout(
    name="helpsteer",
    holds="ratings",
    parse_rows=row_by_row(_parse_row),
    matches=lambda _row, columns: SCORE in columns and not columns & set(SCORE_COLUMNS),
)
