"""ppo/reward/reward_head.py: the head against closed forms, its units, what it must not do."""

import numpy as np
import pytest

from ppo.reward import reward_head
from ppo.reward.judgements import of_scores

SCALE = (1.0, 10.0)


def data(seed=0, prompts=16, per=4, features=40, signal=1.5, noise=0.5):
    draw = np.random.default_rng(seed)
    n = prompts * per
    x = np.hstack([draw.normal(size=(n, features)), draw.normal(size=(n, 2))])
    y = np.clip(5.5 + signal * x[:, 0] + noise * draw.normal(size=n), *SCALE)
    return x, y, np.repeat(np.arange(prompts), per)


def fitted(x, y, prompts, reference=None):
    reference = np.ones(len(y), dtype=bool) if reference is None else reference
    return reward_head.fit(x, of_scores(y, SCALE), prompts, reference)


def test_more_features_than_rows_do_not_overfit():
    x, y, prompts = data(features=500, signal=0.0, noise=2.0)
    head = fitted(x, y, prompts).head
    fresh, _, _ = data(seed=9, features=500, signal=0.0)
    assert head.rating(fresh).std() < 0.5 * y.std(), "pure noise must not be reproduced"


def test_scores_have_mean_0_and_deviation_1_on_the_reference_after_every_fit():
    x, y, prompts = data(signal=2.0)
    reference = np.arange(len(y)) < 40
    for rows in (slice(None), slice(8, None)):
        scores = fitted(x[rows], y[rows], prompts[rows], reference[rows]).head.score(x[rows][reference[rows]])
        assert scores.mean() == pytest.approx(0, abs=1e-9)
        assert scores.std() == pytest.approx(1, abs=1e-9)


def test_a_line_does_not_leave_the_scale():
    x, y, prompts = data(signal=3.0)
    head = fitted(x, y, prompts).head
    far = np.zeros((2, x.shape[1]))
    far[0, 0], far[1, 0] = 1e6, -1e6
    assert head.rating(far)[0] <= SCALE[1]
    assert head.rating(far)[1] >= SCALE[0]


def test_equal_ratings_are_a_defined_result():
    x, y, prompts = data()
    found = fitted(x, np.full_like(y, 7.0), prompts)
    assert np.allclose(found.head.rating(x), 7.0)
    assert np.allclose(found.head.score(x), 0.0)
    assert np.allclose(found.rated, 0.0)
