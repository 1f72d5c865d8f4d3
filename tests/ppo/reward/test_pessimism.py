"""ppo/reward/pessimism.py: the lower bound of a gain, against its definition and against a head that is sure."""

from dataclasses import replace

import numpy as np
import pytest

from ppo.reward import reward_head
from ppo.reward.judgements import of_scores
from ppo.reward.pessimism import doubt_along, lowered_scores, lowered_weights, way_since

N, F = 48, 12
KNOWN, UNKNOWN = 0, 5  # features along which people rated much, and nothing


@pytest.fixture(scope="module")
def fitted():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(N, F))
    x[:, UNKNOWN] = 0.0
    y = np.clip(5.5 + 1.5 * x[:, KNOWN] + 0.3 * draw.normal(size=N), 1, 10)
    prompts = np.repeat(np.arange(N // 4), 4)
    found = reward_head.fit(x, of_scores(y, (1.0, 10.0)), prompts, np.ones(N, dtype=bool))
    # one feature never varied where people rated; a unit of it is a unit
    return replace(found, head=replace(found.head, scale=np.ones(F)))


def moved(fitted, feature, far, spread=0.0):
    """Sixteen responses to four prompts, whose mean lies `far` from the start along a feature."""
    x = np.tile(fitted.start, (16, 1))
    x[:, feature] += far + spread * np.tile([-1.0, -1, 1, 1], 4)
    return x, np.repeat(np.arange(4), 4)


def pessimistic_scores(fitted, features, groups, multiple):
    """Lowered by the way that these very features went."""
    way = way_since(fitted.head, fitted.start, features, groups)
    return lowered_scores(fitted, features, doubt_along(fitted.head, way, multiple)), way


def test_on_the_whole_it_takes_off_a_multiple_of_the_ways_deviation(fitted):
    x, groups = moved(fitted, UNKNOWN, 0.5, spread=0.3)
    lowered, way = pessimistic_scores(fitted, x, groups, 2.0)
    d = x.mean(0) - fitted.start
    assert way.sd == pytest.approx(float(d @ fitted.head.covariance_times(d)) ** 0.5)
    assert way.share == pytest.approx(1.0), "all prompts moved alike"
    assert (fitted.head.score(x) - lowered).mean() == pytest.approx(2 * way.sd)


def test_the_slope_is_that_of_the_deviation(fitted):
    """A policy that climbs the lowered scores climbs the gain less its deviation: by finite differences."""
    x, groups = moved(fitted, UNKNOWN, 0.5)
    d = x.mean(0) - fitted.start

    def bound(direction):
        return -1.5 * float(direction @ fitted.head.covariance_times(direction)) ** 0.5

    nudge = np.zeros(F)
    nudge[UNKNOWN] = 1e-5
    by_hand = (bound(d + nudge) - bound(d - nudge)) / 2e-5
    # Two responses that differ by one unit of the feature: what that unit costs, while the head says nothing of it
    head = replace(fitted.head, weights=np.zeros(F))
    apart = x.copy()
    apart[0, UNKNOWN] += 1e-6
    lowered, _ = pessimistic_scores(replace(fitted, head=head), apart, groups, 1.5)
    assert (lowered[0] - lowered[1]) / 1e-6 == pytest.approx(by_hand, rel=1e-3)


def test_where_people_rated_little_it_is_less_sure(fitted):
    lost = []
    for feature in (KNOWN, UNKNOWN):
        x, groups = moved(fitted, feature, 0.5)
        lost.append((fitted.head.score(x) - pessimistic_scores(fitted, x, groups, 1.0)[0]).mean())
    assert lost[1] > 1.5 * lost[0] > 0


def test_a_way_that_the_draw_of_prompts_explains_costs_little(fitted):
    x, groups = moved(fitted, UNKNOWN, 0.05)
    x[:, UNKNOWN] += np.repeat([-1.0, 1, 1, -1], 4)  # prompts differ by far more than all have moved
    lowered, way = pessimistic_scores(fitted, x, groups, 1.0)
    assert way.share == 0
    np.testing.assert_array_equal(lowered, fitted.head.score(x))


def test_without_pessimism_or_a_way_scores_are_the_heads(fitted):
    x, groups = moved(fitted, UNKNOWN, 0.5)
    np.testing.assert_array_equal(pessimistic_scores(fitted, x, groups, 0.0)[0], fitted.head.score(x))
    still, groups = moved(fitted, UNKNOWN, 0.0)
    np.testing.assert_array_equal(pessimistic_scores(fitted, still, groups, 1.0)[0], fitted.head.score(still))


def test_tokens_are_credited_with_what_the_lowered_score_owes_them(fitted):
    """Or the critic would pay a token for what the score takes off at the end."""
    x, groups = moved(fitted, UNKNOWN, 0.5)
    doubt = doubt_along(fitted.head, way_since(fitted.head, fitted.start, x, groups), 1.0)
    weights = lowered_weights(fitted.head, doubt)
    for feature in (KNOWN, UNKNOWN):
        nudged = x.copy()
        nudged[:, feature] += 1e-3
        gained = lowered_scores(fitted, nudged, doubt) - lowered_scores(fitted, x, doubt)
        np.testing.assert_allclose(gained, 1e-3 * weights[feature], rtol=1e-6)
    assert weights[UNKNOWN] < fitted.head.hidden_weights()[UNKNOWN] - 0.1
