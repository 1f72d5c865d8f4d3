"""The layout `responses`: a prompt and what a model answered, without a rating."""

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.layouts.base import Layout, ParseOptions, row_by_row
from rater_data.importing.layouts.cells import RESPONSE_COLUMNS, find_answer, parse_conversation
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.layouts.records import ImportedResponse
from rater_data.importing.readers.row import Row


def parse_response_text(row: Row) -> str:
    value = find_answer(row, *RESPONSE_COLUMNS)
    if value is None:
        raise BadInput("there is no response: name the column response or completion, and fill it")
    if isinstance(value, list):
        return parse_conversation(value)[1]
    checks.text("The response", value)
    return str(value)


def _parse_row(row: Row, options: ParseOptions) -> ImportedResponse:
    return ImportedResponse(prompt=parse_prompt(row, options, "train"), text=parse_response_text(row))


RESPONSES = Layout(name="responses", holds="responses", parse_rows=row_by_row(_parse_row))
