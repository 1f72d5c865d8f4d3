"""Raters who answer the other way round are named from two small rounds, honest ones are not, and the head profits."""

import numpy as np
import pytest

from ppo.algorithm import kernel_ridge, rater_review
from ppo.algorithm.rater_review import Reviewed
from tests.rater_data.statistics.rated_world import rated

RATERS, ROUNDS, FEATURES = 4, 2, 12


def two_rounds(seed, turned=None):
    """Two rounds of 32 ratings as they are planned: one prompt's two responses for all four, the others for one each.

    Quality has spread 2, of which features tell about half; noise 1, offsets of raters 1 (standard deviations).
    """
    draw = np.random.default_rng(seed)
    offsets, weights = draw.normal(0, 1, RATERS), draw.normal(0, 1, FEATURES) / FEATURES**0.5
    rows, features, prompts = [], [], []
    for prompt in range(ROUNDS * 13):
        shared = prompt % 13 == 0
        for _ in range(2):
            read = draw.normal(0, 1, FEATURES)
            quality = 5.5 + 1.5 * read @ weights + draw.normal(0, 1.3)
            features.append(np.append(read, draw.normal(0, 1, 2)))
            prompts.append(prompt)
            for rater in range(RATERS) if shared else [prompt % RATERS]:
                said = quality + draw.normal(0, 1)
                said = (11 - said if rater == turned else said) + offsets[rater]
                rows.append(rated(len(features), rater + 1, np.clip(round(said), 1, 10), prompt=prompt + 1))
    return rows, Reviewed(rows, range(1, len(features) + 1), np.array(features), np.array(prompts))


def test_one_of_four_who_is_reversed_is_named_and_honest_ones_are_not():
    """Four of five seeds; and of the runs with four honest raters at most one in twenty names anybody."""
    found, wrong, honest = 0, 0, 0
    for seed in range(20):
        findings = two_rounds(seed, turned=2)[1].review()["findings"]
        found += any(f["rater_id"] == 3 and f["kind"] == "reversed" for f in findings)
        wrong += any(f["rater_id"] != 3 for f in findings)
        honest += bool(two_rounds(seed + 1000)[1].review()["findings"])
    assert found >= 16 and wrong <= 2
    assert honest <= 1


def test_a_rater_is_judged_by_what_the_others_taught_alone():
    """What is expected of a rater's responses does not change with what that rater says of them."""
    rows, one = two_rounds(3)
    other = two_rounds(3, turned=1)[1]
    own = {key: value for key, value in one.expectations().items() if key[0] == 2}
    assert own == pytest.approx({k: v for k, v in other.expectations().items() if k[0] == 2})
    assert {key[1] for key in own} == {r.rating.response_id for r in rows if r.rating.rater_id == 2}
    assert one.expectations() != pytest.approx(other.expectations())


def test_what_leaving_out_does_is_known_of_everybody_and_of_the_named_first(monkeypatch):
    _, reviewed = two_rounds(0, turned=0)
    found = reviewed.review()["head"]
    assert set(found) == {"1", "2", "3", "4"}
    assert found["1"]["ratings"] == (reviewed.frame["rater_id"] == 1).sum()
    assert found["1"].keys() == {"with", "without", "low", "high", "responses", "ratings"}
    monkeypatch.setattr(rater_review, "MOST_LEFT_OUT", 2)
    assert list(reviewed.effects([4])) == ["4", str(reviewed.frame["rater_id"].value_counts().index[0])]


def test_one_rater_alone_and_equal_scores_are_no_trouble():
    features, prompts = np.random.default_rng(0).normal(size=(12, 6)), np.arange(12) // 2
    for scores, raters in ((range(1, 13), [1]), ([5] * 12, [1, 2]), ([5] * 12, [1])):
        rows = [rated(i + 1, raters[i % len(raters)], min(10, s)) for i, s in enumerate(scores)]
        review = Reviewed(rows, range(1, 13), features, prompts).review()
        assert len(review["raters"]) == len(raters)
        assert review["findings"] == []


def test_the_kernel_predicts_as_ridge_regression_does():
    """With the penalty of least leave-one-out error, found by leaving out one after the other."""
    draw = np.random.default_rng(1)
    rows, weights = draw.normal(size=(30, 5)), draw.normal(size=5)
    ratings = rows @ weights + draw.normal(size=30)
    train, wanted = np.arange(20), np.arange(20, 30)
    kernel = kernel_ridge.kernel_of(rows)
    scale = (rows - rows.mean(0)) / np.sqrt(np.diag((rows - rows.mean(0)) @ (rows - rows.mean(0)).T).mean())

    def ridge(which, penalty, asked):
        x = scale[which] - scale[which].mean(0)
        y = ratings[which] - ratings[which].mean()
        w = np.linalg.solve(x.T @ x + penalty * len(train) * np.eye(5), x.T @ y)
        return ratings[which].mean() + (scale[asked] - scale[which].mean(0)) @ w

    errors = [
        np.mean([(ridge(np.delete(train, i), p, [i])[0] - ratings[i]) ** 2 for i in train])
        for p in kernel_ridge.PENALTIES
    ]
    best = kernel_ridge.PENALTIES[int(np.argmin(errors))]
    said = kernel_ridge.predict(kernel, train, ratings[train], wanted)
    assert said == pytest.approx(ridge(train, best, wanted), abs=1e-6)
