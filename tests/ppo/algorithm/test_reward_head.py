"""ppo/algorithm/reward_head.py: the ridge against scikit-learn and brute force; the gate against chance."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ppo.algorithm import reward_head

SCALE = (1.0, 10.0)


def data(seed=0, prompts=16, per=4, features=40, signal=1.5, noise=0.5):
    draw = np.random.default_rng(seed)
    n = prompts * per
    x = np.hstack([draw.normal(size=(n, features)), draw.normal(size=(n, 2))])
    y = np.clip(5.5 + signal * x[:, 0] + noise * draw.normal(size=n), *SCALE)
    return x, y, np.repeat(np.arange(prompts), per)


def test_ridge_is_scikit_learns_with_the_best_leave_one_out_penalty():
    x, y, _ = data()
    weights, bias = reward_head._ridge(x, y)
    errors = []
    for penalty in reward_head.PENALTIES * len(y):
        left_out = []
        for i in range(len(y)):
            rest = np.arange(len(y)) != i
            # The shortcut penalises around the mean of *all* rows: with an intercept the two differ by O(1/n²)
            model = Ridge(alpha=penalty).fit(x[rest], y[rest])
            left_out.append(y[i] - model.predict(x[i : i + 1])[0])
        errors.append(np.mean(np.square(left_out)))
    best = Ridge(alpha=reward_head.PENALTIES[int(np.argmin(errors))] * len(y)).fit(x, y)
    np.testing.assert_allclose(weights, best.coef_, atol=1e-8)
    assert bias == pytest.approx(best.intercept_, abs=1e-8)


def test_more_features_than_rows_do_not_overfit():
    x, y, _ = data(features=500, signal=0.0, noise=2.0)
    head = reward_head.fit(x, y, np.ones(len(y), dtype=bool), SCALE)
    fresh, _, _ = data(seed=9, features=500, signal=0.0)
    assert head.rating(fresh).std() < 0.5 * y.std(), "pure noise must not be reproduced"


def test_scores_have_mean_0_and_deviation_1_on_the_reference_after_every_fit():
    x, y, _ = data(signal=2.0)
    reference = np.arange(len(y)) < 40
    for rows in (slice(None), slice(8, None)):
        head = reward_head.fit(x[rows], y[rows], reference[rows], SCALE)
        scores = head.score(x[rows][reference[rows]])
        assert scores.mean() == pytest.approx(0, abs=1e-9)
        assert scores.std() == pytest.approx(1, abs=1e-9)


def test_a_line_does_not_leave_the_scale():
    x, y, _ = data(signal=3.0)
    head = reward_head.fit(x, y, np.ones(len(y), dtype=bool), SCALE)
    far = np.zeros((2, x.shape[1]))
    far[0, 0], far[1, 0] = 1e6, -1e6
    assert head.rating(far)[0] <= SCALE[1]
    assert head.rating(far)[1] >= SCALE[0]


def test_people_and_head_speak_in_the_same_units():
    x, y, _ = data()
    head = reward_head.fit(x, y, np.ones(len(y), dtype=bool), SCALE)
    scores = head.normalise_ratings(y)
    assert scores.mean() == pytest.approx(0, abs=1e-9)
    assert scores.std() == pytest.approx(1, abs=1e-9)


def test_equal_ratings_are_a_defined_result():
    x, y, prompts = data()
    flat = np.full_like(y, 7.0)
    head = reward_head.fit(x, flat, np.ones(len(y), dtype=bool), SCALE)
    assert np.allclose(head.rating(x), 7.0)
    assert np.allclose(head.score(x), 0.0)
    found = reward_head.cross_validate(x, flat, prompts, 8, SCALE, 0)
    assert not found.passed
    assert "all ratings are equal" in found.reason


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_ratings_are_refused_with_a_reason(n):
    x, y, prompts = data()
    found = reward_head.cross_validate(x[:n], y[:n], prompts[:n], 8, SCALE, 0)
    assert not found.passed
    assert "too few ratings" in found.reason


def test_the_gate_passes_a_real_preference():
    x, y, prompts = data()
    found = reward_head.cross_validate(x, y, prompts, 8, SCALE, 0)
    assert found.passed
    assert found.spearman > 0.5
    assert found.spearman_ci[0] < found.spearman < found.spearman_ci[1]
    assert found.pair_accuracy > 0.7


def test_the_gate_refuses_random_ratings_as_often_as_it_says():
    passed = []
    for seed in range(40):
        x, _, prompts = data(seed)
        y = np.random.default_rng(1000 + seed).uniform(*SCALE, size=len(prompts))
        passed.append(reward_head.cross_validate(x, y, prompts, 8, SCALE, seed).passed)
    # 10 % of 40 is 4; 11 or more would come up once in 700 times
    assert sum(passed) <= 10


def test_pairs_count_only_what_people_told_apart():
    said = np.array([1.0, 2.0, 3.0, 0.0])
    people = np.array([5.0, 5.0, 9.0, 1.0])
    groups = [np.array([0, 1]), np.array([2, 3])]
    assert reward_head.pair_accuracy(said, people, groups) == 1.0
    assert reward_head.pair_accuracy(-said, people, groups) == 0.0
    assert reward_head.pair_accuracy(said, np.ones(4), groups) == 0.5
