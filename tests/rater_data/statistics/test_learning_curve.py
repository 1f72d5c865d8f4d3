"""The learning curve by hand: gains add up along the way from the first version."""

import math

import pytest

from rater_data.statistics.intervals import Interval
from rater_data.statistics.learning_curve import learning_curve
from rater_data.statistics.round_verdict import OPEN, RoundVerdict

PARENTS = {0: None, 1: 0, 2: 1, 3: 1}


def verdict(gain, se):
    interval = Interval(mean=gain, low=gain - 1, high=gain + 1, n=10)
    return RoundVerdict(word=OPEN, gain=interval, se=se, blind=10, planned=10)


def test_gains_add_up_and_so_do_their_variances():
    """Version 2 hurt and was rolled back; version 3 comes from 1 again, and wrote two rounds of unlike certainty."""
    rounds = [(1, 0), (2, 1), (3, 2), (4, 3), (5, 3)]
    verdicts = {2: verdict(1.0, 0.3), 3: verdict(-2.0, 0.4), 4: verdict(0.5, 0.2), 5: verdict(1.4, 0.4)}
    curve = learning_curve(rounds, PARENTS, verdicts, paired=False)
    assert [(p.round_number, p.version) for p in curve] == rounds
    pooled = (0.5 / 0.04 + 1.4 / 0.16) / (1 / 0.04 + 1 / 0.16)
    assert [p.value.mean for p in curve] == pytest.approx([0, 1, -1, 1 + pooled, 1 + pooled])
    half = [(p.value.high - p.value.low) / 2 for p in curve]
    together = math.sqrt(0.09 + 1 / (1 / 0.04 + 1 / 0.16))
    assert half == pytest.approx([0, 1.96 * 0.3, 1.96 * 0.5, 1.96 * together, 1.96 * together], rel=1e-3)


def test_what_was_not_measured_leaves_a_gap_from_there_on():
    verdicts = {3: verdict(1.0, 0.3), 2: RoundVerdict(word=OPEN, blind=0, planned=0)}
    values = [p.value for p in learning_curve([(1, 0), (2, 1), (3, 2)], PARENTS, verdicts, paired=False)]
    assert values[0].mean == 0 and values[1:] == [None, None]
    assert learning_curve([], {}, {}, paired=False) == []


def test_comparisons_add_up_as_odds():
    """Three of four prefer 1 to 0, and three of four 2 to 1: nine of ten would prefer 2 to 0."""
    verdicts = {2: verdict(0.5, 0.1), 3: verdict(0.5, 0.1)}
    values = [p.value for p in learning_curve([(1, 0), (2, 1), (3, 2)], PARENTS, verdicts, paired=True)]
    assert [v.mean for v in values] == pytest.approx([0.5, 0.75, 0.9])
    assert all(0 < v.low <= v.mean <= v.high < 1 for v in values)
    assert learning_curve([(2, 1)], PARENTS, {2: verdict(1.0, 0.0)}, paired=True)[0].value.high < 1
