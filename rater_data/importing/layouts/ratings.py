"""The layout `ratings`: a prompt, a response and a score. A file of ratings with no other layout has this one."""

from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.cells import SCORE_COLUMNS, parse_rater, parse_score
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.layouts.records import ScoredResponse
from rater_data.importing.layouts.responses import parse_response_text
from rater_data.importing.readers.row import Row


def _parse_row(row: Row, options: ParseOptions) -> ScoredResponse:
    # A prompt that comes with its rating is there to be learned from, so it is no holdout unless the row says so
    return ScoredResponse(
        prompt=parse_prompt(row, options, "train"),
        response=parse_response_text(row),
        score=parse_score(row, *SCORE_COLUMNS),
        rater=parse_rater(row),
        comment=row.first("comment") or "",
    )


RATINGS = Layout(name="ratings", holds="ratings", parse_rows=row_by_row(_parse_row))
