"""What JSON cannot hold is turned into what it can; and addresses of servers."""

import json
import math

import numpy as np
import pytest

from rater_data import checks
from rater_data.checks import to_json_value
from rater_data.errors import BadInput


def test_numbers_are_finite_and_plain_and_keys_are_text():
    value = {1: (math.nan, -math.inf, np.float32(0.5), np.int64(7)), "text": ["ü", None, True]}
    assert to_json_value(value) == {"1": [None, None, 0.5, 7], "text": ["ü", None, True]}
    assert json.loads(json.dumps(to_json_value(value), allow_nan=False)) == to_json_value(value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://gpu:8000", "http://gpu:8000"),
        (" http://gpu:8000/v1/ ", "http://gpu:8000"),
        ("https://gpu.example/vllm/", "https://gpu.example/vllm"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_address_of_a_server(written, read):
    assert checks.server_address("--generator", written, "A_KEY") == read


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "gpu:8000",
        "ftp://gpu",
        "http://",
        "http://gpu:port",
        "http://gpu:99999",
        "http://[gpu",
        "http://gpu?a=1",
    ],
)
def test_what_is_no_address_is_one_sentence(wrong):
    with pytest.raises(BadInput, match=r"^--generator has to be like http://127.0.0.1:8000, not "):
        checks.server_address("--generator", wrong, "A_KEY")


def test_an_address_with_a_key_is_refused_and_not_shown():
    with pytest.raises(BadInput, match="put it into A_KEY") as caught:
        checks.server_address("--generator", "http://me:secret@gpu:8000", "A_KEY")
    assert "secret" not in str(caught.value)
