"""ppo/reward/evaluation: what is said of held-out prompts, the gate's level and power, what more ratings buy."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from ppo.reward.evaluation import gate, learning_curve
from ppo.reward.evaluation.agreement import Pairs, favourite_gains, groups_of, spearman, weighted_spearman
from ppo.reward.evaluation.held_out import HeldOut, prompt_folds
from ppo.reward.evaluation.people import values_of_people
from ppo.reward.evaluation.report import cross_validate
from ppo.reward.features import block_edges
from ppo.reward.hyperparameters import expected
from ppo.reward.judgements import COMPARISON, SCORE, THUMB, WORSE_THAN_USUAL, of_scores
from ppo.reward.posterior import condition
from tests.ppo.reward.made_up import SCALE, judgements, responses


def test_equal_ratings_and_few_are_refused_with_a_reason():
    x, y, prompts = responses()
    found = cross_validate(x, of_scores(np.full_like(y, 7.0), SCALE), prompts, 8, 0)
    assert not found.passed and "all ratings are equal" in found.reason
    for n in (0, 1, 3):
        found = cross_validate(x[:n], of_scores(y[:n], SCALE), prompts[:n], 8, 0)
        assert not found.passed and "too few ratings" in found.reason


def test_ratings_of_one_prompt_alone_are_refused_as_that():
    x, y, _ = responses()
    found = cross_validate(x, of_scores(y, SCALE), np.zeros(len(y), int), 8, 0)
    assert not found.passed and "all ratings are of one prompt" in found.reason
    assert found.reason.endswith("Rate answers to at least one more prompt.") and "few" not in found.reason


@pytest.mark.parametrize("kinds", [[SCORE], [THUMB], [COMPARISON, WORSE_THAN_USUAL], [SCORE, COMPARISON]])
def test_a_real_preference_passes_and_its_report_is_whole(kinds):
    x, found, prompts = judgements(kinds, n=96, count=64, likes=2.5)
    report = cross_validate(x, found, prompts, 8, 0, depths=3, ceiling={"spearman": 0.9, "n": 12})
    assert report.passed
    assert report.spearman > 0.3 and report.spearman_ci[0] < report.spearman < report.spearman_ci[1]
    assert report.pair_accuracy > 0.6 and report.favourite_gain > 0
    assert report.calibration_ci[0] < report.calibration < report.calibration_ci[1]
    assert report.length_pair_accuracy < report.pair_accuracy
    assert len(report.curve) == 4 and [a.more for a in report.advice] == [16, 32, 64]
    assert json.loads(json.dumps(asdict(report)))["ceiling"] == {"spearman": 0.9, "n": 12}


def test_spearman_of_weighted_rows_is_that_of_as_many_rows():
    draw = np.random.default_rng(0)
    a, b = draw.integers(6, size=30).astype(float), draw.normal(size=30)
    times = draw.integers(4, size=(5, 30)).astype(float)
    times[0], times[1] = 1, np.eye(30)[3]
    found = weighted_spearman(a, b, times)
    rows = [np.repeat(np.arange(30), one.astype(int)) for one in times]
    np.testing.assert_allclose(found, [spearman(a[r], b[r]) for r in rows], atol=1e-12)
    assert found[1] == 0, "one row alone"


def test_sizes_are_told_by_what_people_said_and_not_by_shrunken_values():
    """Of a rating whose noise is as large as quality, half would be taken for noise: so would half of each gain."""
    x, y, prompts = responses(seed=1, prompts=60, per=2, noise=1.5)
    found = of_scores(y, SCALE)
    h = replace(expected(found, 1), blocks=np.array([0.25]), own=0.25, noise=0.5**0.5)
    people = values_of_people(found, (y - y.mean()) / y.std(), h)
    np.testing.assert_allclose(people.said, (y - y.mean()) / y.std(), atol=1e-6)
    assert np.polyfit(people.said, people.known, 1)[0] == pytest.approx(0.5, abs=0.01)
    assert cross_validate(x, found, prompts, 8, 0).calibration == pytest.approx(1, abs=0.15), (
        "0.76 against shrunken ones"
    )


def test_equal_scores_are_equal_values_and_no_pair_that_people_told_apart():
    draw = np.random.default_rng(3)
    rater, score = draw.integers(3, size=80), draw.integers(4, 7, size=80).astype(float)
    found = of_scores(score, SCALE, rater)
    h = replace(expected(found, 1), offsets=0.1)
    people = values_of_people(found, (score - score.mean()) / score.std(), h)
    for values in (people.known, people.said):
        assert len(np.unique(values)) == len(np.unique(3 * score + rater))
    pairs = Pairs.within_prompts(people.known, np.arange(80) // 20)
    alike = (rater[pairs.better] == rater[pairs.worse]) & (score[pairs.better] == score[pairs.worse])
    assert len(alike) and not alike.any()


def test_a_fold_left_out_is_a_head_that_never_saw_it():
    x, found, prompts = judgements([SCORE, SCORE], n=40)
    h, edges, held_out = expected(found, 5), block_edges(14, 3), prompts < 3
    whole = HeldOut(x, edges, found, found.said, h, np.ones(40))
    left = ~held_out[found.row]
    alone = condition(x, edges, found.take(left), found.said[left], h, np.ones(left.sum()))
    np.testing.assert_allclose(whole.predict(~left), x @ alone.weights, atol=1e-10)


def test_a_prompt_is_never_on_both_sides():
    prompts = np.repeat(np.arange(10), 3)
    folds = list(prompt_folds(prompts, 4))
    assert (np.sum(folds, axis=0) == 1).all()
    assert all(not set(prompts[f]) & set(prompts[~f]) for f in folds)


@pytest.mark.long
def test_the_gate_refuses_random_raters_as_often_as_it_says(monkeypatch):
    monkeypatch.setattr(gate, "PERMUTATIONS", 99)
    passed = 0
    for seed in range(60):
        x, y, prompts = responses(seed, prompts=8)
        draw = np.random.default_rng(1000 + seed)
        rater = draw.integers(3, size=len(y))
        said = of_scores(draw.uniform(*SCALE, size=len(y)) + 2 * rater, SCALE, rater)
        found = gate.chance_probability(
            x, block_edges(42, 1), said, said.said - said.said.mean(), prompts, seed
        )
        passed += found <= gate.LEVEL
    assert passed <= 7, "5 % of 60 is 3; 8 or more would come up once in 100 times"


@pytest.mark.long
def test_raters_who_agree_on_what_no_feature_tells_are_refused_too(monkeypatch):
    """Three read the same responses: that a response has one value for all is no sign that features tell it."""
    monkeypatch.setattr(gate, "PERMUTATIONS", 99)
    passed = 0
    for seed in range(30):
        x, _, prompts = responses(seed, prompts=6)
        draw = np.random.default_rng(2000 + seed)
        rows, rater = np.repeat(np.arange(24), 3), np.tile(np.arange(3), 24)
        value = draw.uniform(*SCALE, size=24)
        said = of_scores(value[rows] + 0.5 * draw.normal(size=72), SCALE, rater, rows)
        answers = said.said - said.said.mean()
        passed += gate.chance_probability(x, block_edges(42, 1), said, answers, prompts, seed) <= gate.LEVEL
    assert passed <= 5, "5 % of 30 is 1.5; shuffled rating by rating nearly all of them pass"


@pytest.mark.parametrize("kind", [THUMB, COMPARISON])
def test_the_gate_tells_thumbs_and_comparisons_from_chance(kind, monkeypatch):
    monkeypatch.setattr(gate, "PERMUTATIONS", 99)
    x, found, prompts = judgements([kind], n=60, count=200, likes=2.0)
    edges = block_edges(14, 3)
    assert gate.chance_probability(x, edges, found, found.said, prompts, 0) <= 0.05
    at_random = np.random.default_rng(0).permutation(found.said)
    assert gate.chance_probability(x, edges, replace(found, said=at_random), at_random, prompts, 0) > 0.05


def test_shuffling_keeps_a_rater_s_answers_with_the_rater():
    _, found, prompts = judgements([SCORE, COMPARISON], n=40)
    shuffled = gate.shuffle(found, found.said, prompts, 5, np.random.default_rng(0))
    for rater in range(3):
        own = (found.rater == rater) & (found.kind == SCORE)
        assert (np.sort(shuffled[:, own]) == np.sort(found.said[own])).all()
    compared = found.kind == COMPARISON
    assert (np.abs(shuffled[:, compared]) == np.abs(found.said[compared])).all()


def test_pairs_and_gains_count_only_what_people_told_apart():
    said, people = np.array([1.0, 2.0, 3.0, 0.0]), np.array([5.0, 5.0, 9.0, 1.0])
    prompts = np.array([0, 0, 1, 1])
    pairs = Pairs.within_prompts(people, prompts)
    assert (pairs.accuracy(said), pairs.accuracy(-said)) == (1.0, 0.0)
    assert Pairs.within_prompts(np.ones(4), prompts).accuracy(said) == 0.5
    assert favourite_gains(said, people, groups_of(prompts)).tolist() == [0.0, 4.0]


def test_the_law_of_learning_is_found_again():
    ratings = np.array([16.0, 32, 48, 64])
    top, half = learning_curve.fit_law(ratings, 0.8 * np.sqrt(ratings / (ratings + 50)))
    assert top == pytest.approx(0.8, abs=0.02) and half == pytest.approx(50, rel=0.15)
