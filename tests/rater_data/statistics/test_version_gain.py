"""Did the new version help, by hand; and the interval under it."""

import numpy as np
import pytest
from scipy import stats

from rater_data.statistics.intervals import t_interval
from rater_data.statistics.version_gain import version_gain
from tests.rater_data.statistics.rated_world import rated


def test_the_interval_is_students_and_a_point_where_nothing_varies():
    found = t_interval([1.0, 2.0, 4.0, 4.5])
    low, high = stats.t.interval(0.95, 3, loc=2.875, scale=stats.sem([1.0, 2.0, 4.0, 4.5]))
    assert (found.low, found.mean, found.high) == pytest.approx((low, 2.875, high))
    assert found.n == 4
    equal = t_interval([5.0, 5.0])  # scipy says NaN
    assert (equal.low, equal.mean, equal.high) == (5, 5, 5)
    assert t_interval([5.0]) is None


def test_did_it_help_by_hand():
    """New minus control, paired by prompt: gains 2, 4, 3 → 3 ± t(0.975, 2) · 1/√3."""
    rows = []
    for p, (old, new) in enumerate(((3, 5), (2, 6), (4, 7)), start=1):
        rows.append(rated(10 * p, 1, old, prompt=p, round_number=2, version_number=0, stratum="control"))
        rows.append(rated(10 * p + 1, 1, new, prompt=p, round_number=2, version_number=1))
    rows.append(rated(99, 1, 10, prompt=9, round_number=2, version_number=1))  # no control: not in it
    rows.append(rated(98, 1, 1, prompt=1, round_number=1, version_number=0))  # another round
    rows.append(rated(97, 1, 1, prompt=1, round_number=2, version_number=0, stratum="anchor"))
    found = version_gain(rows, 2)
    assert (found.mean, found.n) == (3.0, 3)
    assert found.high - 3 == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert found.low == pytest.approx(6 - found.high)
    assert version_gain(rows, 1) is None
    assert version_gain([], 1) is None
