"""What may be requested of an export, and what is said of what may not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rater_data.errors import BadInput
from rater_data.exporting.formats.export_request import ExportRequest, parse_since
from tests.rater_data.exporting.helpers import (
    run_export,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400),
        ("1970-01-02T00:00:00", 86400),
        (" 1970-01-02T00:00:00.5Z ", 86400.5),
        ("1970-01-02T02:00:00+02:00", 86400),
    ],
)
def test_since_is_a_date_or_a_time(text, seconds):
    assert parse_since(text) == seconds


@given(st.text(max_size=30))
def test_what_is_no_time_is_told(text):
    try:
        assert 0 <= parse_since(text) < 253_402_300_800
    except BadInput as error:
        assert str(error).endswith(".")


def test_options_are_for_their_formats():
    for wish in (
        {"format": "ratings", "min_margin": 1.0},
        {"format": "unpaired", "same_rater": True},
        {"format": "preference", "threshold": 3.0},
        {"format": "helpsteer", "conversational": True},
        {"format": "unpaired", "threshold": math.nan},
        {"since": -1.0},
        {"round_number": -1},
    ):
        with pytest.raises(BadInput):
            ExportRequest(**wish)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--format", "preference", "--min-margin", "-1"),
            "The smallest margin has to be at least 0, not -1.\n",
        ),
        (
            ("--since", "1960-01-31"),
            "1960-01-31 is not between 1970 and the year 9999: no rating is of such a time.\n",
        ),
    ],
)
def test_limits_are_told_in_plain_words(rated, tmp_path, words, said):
    assert run_export(tmp_path, "--out", tmp_path / "a.jsonl", *words).stderr == said
