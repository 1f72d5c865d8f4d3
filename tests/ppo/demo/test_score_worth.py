"""ppo/demo/score_worth.py: the favourite of many against counting by hand."""

import math

import numpy as np
import pytest

from ppo.demo.score_worth import JudgedTexts, best_of, score_gain
from ppo.reward import reward_head
from ppo.reward.judgements import of_scores

SCALE = (1.0, 10.0)


@pytest.fixture(scope="module")
def head():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(200, 7))
    y = 5 + x @ np.array([1.0, 0.5, 0, 0, 0, 0, 0]) + 0.1 * draw.normal(size=200)
    return reward_head.fit(x, of_scores(y, SCALE), np.arange(200), np.ones(200, dtype=bool)).head


@pytest.mark.parametrize("sign", [1, -1])
def test_the_favourite_of_each_prompt(head, sign):
    x = np.random.default_rng(1).normal(size=(12, 7))
    true = 5 + sign * x[:, 0]  # −1: a taste that the head has the wrong way round
    found = best_of(head, JudgedTexts(x, true, 4))
    wanted = []
    for prompt in range(3):
        rows = range(4 * prompt, 4 * prompt + 4)
        favourite = max(rows, key=lambda row: head.score(x[row : row + 1])[0])
        wanted.append(true[favourite] - sum(true[row] for row in rows) / 4)
    assert found["gain"] == pytest.approx(sum(wanted) / 3)
    assert (found["gain"] > 0) == (sign > 0)
    assert found["score_gain"] > 0, "its own score always gains"
    low, high = found["gain_ci"]
    assert low < found["gain"] < high
    assert found["kl"] == pytest.approx(math.log(4) - 3 / 4)


def test_a_score_that_rises_without_the_rating_is_seen(head):
    before = np.random.default_rng(2).normal(size=(8, 7))
    after = before + head.weights  # as far as the head can see, better
    same = np.full(8, 5.0)
    assert score_gain(head, JudgedTexts(before, same, 4), JudgedTexts(after, same, 4)) > 0
    assert JudgedTexts(before, same, 4).owners() == [0, 0, 0, 0, 1, 1, 1, 1]
