"""What JSON cannot hold is turned into what it can."""

import json
import math

import numpy as np

from rater_data.checks import to_json_value


def test_numbers_are_finite_and_plain_and_keys_are_text():
    value = {1: (math.nan, -math.inf, np.float32(0.5), np.int64(7)), "text": ["ü", None, True]}
    assert to_json_value(value) == {"1": [None, None, 0.5, 7], "text": ["ü", None, True]}
    assert json.loads(json.dumps(to_json_value(value), allow_nan=False)) == to_json_value(value)
