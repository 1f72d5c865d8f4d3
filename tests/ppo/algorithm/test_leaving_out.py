"""What leaving a rater out does to a head: as if it were fitted anew, with an interval, and never claimed lightly."""

import numpy as np
import pytest

from ppo.algorithm import leaving_out
from ppo.algorithm.kernel_ridge import kernel_of
from ppo.algorithm.leaving_out import effects_of_leaving_out
from tests.ppo.algorithm.test_rater_review import two_rounds


@pytest.fixture(scope="module")
def small():
    """Forty rows of twenty prompts; rater 1 alone has said the first ten, and is lower on the next ten."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(40, 6))
    prompts = np.arange(40) // 2
    scores = features @ draw.normal(size=6) + draw.normal(size=40)
    everybody = dict(enumerate(scores))
    others = {row: score + (1.0 if row < 20 else 0.0) for row, score in everybody.items() if row >= 10}
    return kernel_of(features), prompts, everybody, others


def refitted(kernel, prompts, taught, asked, penalty):
    """Rows by rows: every fold's head from its own equations."""
    said = {}
    folds = leaving_out.GroupKFold(8)
    rows = np.arange(len(prompts))
    for train, held_out in folds.split(rows, groups=prompts):
        kept = [i for i in train if i in taught]
        y = np.array([taught[i] for i in kept])
        weights = np.linalg.solve(kernel[np.ix_(kept, kept)] + penalty * np.eye(len(kept)), y - y.mean())
        said |= {i: float(kernel[i, kept] @ weights) for i in held_out if i in asked}
    return said


def test_a_rater_is_taken_out_as_if_the_head_were_fitted_anew(small, monkeypatch):
    kernel, prompts, everybody, others = small
    monkeypatch.setattr(leaving_out, "PENALTIES", np.array([0.1]))
    found = effects_of_leaving_out(kernel, prompts, everybody, {1: others})[1]
    ranks = [list(others.values())]
    for taught in (everybody, others):
        said = refitted(kernel, prompts, taught, others, 0.1 * 40)
        ranks.append([said[i] for i in others])
    people, before, after = (np.argsort(np.argsort(one)) for one in ranks)
    assert found.with_rater == pytest.approx(np.corrcoef(before, people)[0, 1], abs=1e-9)
    assert found.without == pytest.approx(np.corrcoef(after, people)[0, 1], abs=1e-9)
    assert found.responses == 30


def test_the_penalty_is_that_of_leaving_out_one_after_the_other(small, monkeypatch):
    kernel, _, everybody, others = small
    scores = [np.array([one.get(i, np.nan) for i in range(40)]) for one in (everybody, others)]

    def error(taught, penalty):
        kept = np.flatnonzero(np.isfinite(taught))
        y = taught[kept] - taught[kept].mean()
        errors = []
        for i in range(len(kept)):
            rest = np.delete(np.arange(len(kept)), i)
            inner = kernel[np.ix_(kept[rest], kept[rest])] + penalty * 40 * np.eye(len(rest))
            errors.append(y[i] - kernel[kept[i], kept[rest]] @ np.linalg.solve(inner, y[rest]))
        return np.mean(np.square(errors))

    best = [min(leaving_out.PENALTIES, key=lambda p, one=one: error(one, p)) for one in scores]
    assert leaving_out._best_penalties(kernel, scores) == pytest.approx([40 * p for p in best])


def test_one_who_is_reversed_costs_the_head_and_honest_ones_are_hardly_ever_said_to():
    claims = []
    reversed_gains = []
    for seed in range(8):
        honest = two_rounds(seed + 1000)[1].effects([])
        claims += [one["low"] > 0 for one in honest.values()]
        turned = two_rounds(seed, turned=0)[1].effects([])["1"]
        reversed_gains.append(turned["without"] - turned["with"])
        assert turned["low"] < turned["without"] - turned["with"] < turned["high"]
    assert np.mean(reversed_gains) > 0.1
    assert np.mean(claims) <= 0.05


def test_of_many_responses_some_are_enough_and_of_few_nothing_is_said(small, monkeypatch):
    kernel, prompts, everybody, others = small
    monkeypatch.setattr(leaving_out, "MOST_RESPONSES", 24)
    assert effects_of_leaving_out(kernel, prompts, everybody, {1: others})[1].responses < 24
    few = {i: everybody[i] for i in range(6)}
    assert effects_of_leaving_out(kernel, prompts, few, {1: few}) == {1: None}
    equal = dict.fromkeys(range(40), 5.0)
    assert effects_of_leaving_out(kernel, prompts, equal, {1: equal}) == {1: None}
    one_left = {0: 1.0, 1: 2.0}
    assert effects_of_leaving_out(kernel, prompts, everybody, {1: one_left}) == {1: None}
