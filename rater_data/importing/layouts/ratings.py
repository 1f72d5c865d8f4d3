"""The plain layouts: `responses`, a prompt and what a model answered, and `ratings`, the same and a score or a thumb.

A file of responses or ratings with no other layout has these.
"""

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.chats import parse_conversation
from rater_data.importing.cells.texts import RESPONSE_COLUMNS, find_answer, find_chat
from rater_data.importing.cells.values import parse_comment, parse_rater, parse_rating
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.layouts.records import ImportedResponse, ScoredResponse
from rater_data.importing.readers.row import Row


def parse_response_text(row: Row) -> str:
    """The answer in its own column, or the assistant's last word in the messages."""
    value = find_answer(row, *RESPONSE_COLUMNS)
    if value is None:
        chat = find_chat(row)
        if chat is None or chat[1] is None:
            raise BadInput("there is no response: name the column response or completion, and fill it")
        return chat[1]
    if isinstance(value, list):
        return parse_conversation(value)[1]
    checks.text("The response", value)
    return str(value)


def _parse_response(row: Row, options: ParseOptions) -> ImportedResponse:
    return ImportedResponse(prompt=parse_prompt(row, options, "train"), text=parse_response_text(row))


def _parse_rating(row: Row, options: ParseOptions) -> ScoredResponse:
    # A prompt that comes with its rating is there to be learned from, so it is no holdout unless the row says so
    return ScoredResponse(
        prompt=parse_prompt(row, options, "train"),
        response=parse_response_text(row),
        score=parse_rating(row),
        rater=parse_rater(row),
        comment=parse_comment(row),
    )


RESPONSES = Layout(name="responses", holds="responses", parse_rows=row_by_row(_parse_response))
RATINGS = Layout(name="ratings", holds="ratings", parse_rows=row_by_row(_parse_rating))
