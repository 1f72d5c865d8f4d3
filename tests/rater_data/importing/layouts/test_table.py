"""The table of layouts is all that names them: detection, imports and the command line go by it."""

import pytest

from rater_data.cli.import_commands import LayoutName
from rater_data.importing.layouts.base import Layout, row_by_row
from rater_data.importing.layouts.records import ScoredResponse
from rater_data.importing.layouts.table import LAYOUTS, detect_layout
from rater_data.importing.readers.row import Row
from rater_data.records import Prompt
from tests.rater_data.importing.import_world import import_rows_as_ratings, judgements

HASHED = {"completion_sha256", "revision", "is_current", "verdict", "rater", "response_id"}
TRANSCRIPT = "\n\nHuman: Hi?\n\nAssistant: "


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"prompt": "p", "response": "r", "rating": 5}, "ratings"),
        ({"anything": 1}, "ratings"),
        (dict.fromkeys(HASHED, "x"), "rateloop"),
        (dict.fromkeys(HASHED | {"chosen", "rejected"}, "x"), "rateloop"),
        ({"prompt": "p", "chosen": "a", "rejected": "b"}, "preference"),
        ({"chosen": [{"role": "user", "content": "a"}], "rejected": []}, "preference"),
        ({"chosen": TRANSCRIPT + "a", "rejected": TRANSCRIPT + "b"}, "hh"),
        ({"chosen": TRANSCRIPT + "a", "rejected": None}, "preference"),
        ({"prompt": "p", "response": "r", "helpfulness": 3}, "helpsteer"),
        ({"prompt": "p", "response": "r", "helpfulness": 3, "score": 3}, "ratings"),
        ({"message_id": "a", "helpfulness": 3}, "helpsteer"),
        ({"message_id": "a", "text": "b"}, "oasst"),
        ({"prompt": {"text": "a", "role": "prompter"}}, "oasst"),
    ],
)
def test_a_file_of_ratings_has_the_layout_of_its_first_good_row(values, name):
    rows = [Row(file="a", line=1, values={"chosen": 1}, fault="broken"), Row(file="a", line=2, values=values)]
    assert detect_layout("ratings", rows, []).name == name
    assert detect_layout("prompts", rows, []).name == "prompts"
    assert detect_layout("responses", rows, []).name == "responses"


def test_mapped_columns_count_and_no_good_row_is_the_plain_layout():
    row = Row(file="a", line=1, values={"prompt": "p", "good": "a", "bad": "b"})
    assert detect_layout("ratings", [row], ["chosen", "rejected"]).name == "preference"
    assert detect_layout("ratings", [], []).name == "ratings"


def test_the_command_line_offers_what_is_in_the_table():
    assert [shape.value for shape in LayoutName] == ["auto", *LAYOUTS]
    assert all(layout.name == name for name, layout in LAYOUTS.items())


def test_a_new_layout_is_a_line_in_the_table(store, tmp_path, monkeypatch):
    def parse_row(row, _options):
        question, answer = row.first("exchange").split("|")
        return ScoredResponse(prompt=Prompt.of(question), response=answer, score=row.first("stars"))

    stars = Layout(
        name="stars",
        holds="ratings",
        parse_rows=row_by_row(parse_row),
        matches=lambda _row, columns: "stars" in columns,
    )
    monkeypatch.setitem(LAYOUTS, "stars", stars)
    rows = [{"exchange": "Q?|A", "stars": 4}, {"exchange": "Q?|B", "stars": 5}]
    assert import_rows_as_ratings(store, tmp_path, *rows).layout == "stars"
    assert judgements(store) == [("Q?", "A", 4), ("Q?", "B", 5)]
