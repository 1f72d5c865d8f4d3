"""ppo/reward/posterior.py, influence.py: the same as ridge regression where it has to be, and how raters count."""

from dataclasses import replace

import numpy as np
import pytest

from ppo.reward import posterior, reward_head
from ppo.reward.features import Standard, block_edges
from ppo.reward.hyperparameters import expected
from ppo.reward.influence import judgement_weights, shares
from ppo.reward.judgements import COMPARISON, SCORE, THUMB, WORSE_THAN_USUAL, of_scores
from tests.ppo.reward.made_up import SCALE, judgements, responses


def conditioned(x, found, h=None):
    h = expected(found, 5) if h is None else h
    edges = block_edges(x.shape[1], 3)
    return posterior.condition(x, edges, found, found.said, h, np.ones(len(found))), h, edges


def test_weights_and_variance_are_those_of_bayesian_linear_regression():
    """In the space of weights: precision S⁻¹ + XᵀX/σ²; own deviation is in σ², the constant one more feature."""
    x, found, _ = judgements([SCORE], n=24, raters=1)
    found = replace(found, row=np.arange(24))
    known, h, edges = conditioned(x, found)
    prior = np.append(posterior.prior_variances(h, edges, 14), h.constant)
    rows = np.hstack([x, np.ones((24, 1))])
    covariance = np.linalg.inv(np.diag(1 / prior) + rows.T @ rows / (h.own + h.noise**2))
    wanted = covariance @ rows.T @ found.said / (h.own + h.noise**2)
    np.testing.assert_allclose(known.weights, wanted[:-1], atol=1e-10)
    assert known.constant == pytest.approx(wanted[-1])
    np.testing.assert_allclose(
        np.diag(known.prior) - known.factor @ known.factor.T, covariance[:-1, :-1], atol=1e-10
    )
    line = rows @ wanted
    share = h.own / (h.own + h.noise**2)  # a response's own value lies between the line and its rating
    np.testing.assert_allclose(known.mean, line + share * (found.said - line), atol=1e-10)


def test_a_factor_that_is_cut_leaves_the_head_less_sure_and_never_more(monkeypatch):
    x, found, _ = judgements([SCORE, COMPARISON], n=60)
    whole = conditioned(x, found)[0]
    monkeypatch.setattr(posterior, "RANK", 6)
    cut = conditioned(x, found)[0]
    lost = whole.factor @ whole.factor.T - cut.factor @ cut.factor.T
    assert cut.factor.shape == (14, 6)
    assert np.linalg.eigvalsh(lost).min() > -1e-6
    assert np.trace(lost) < 0.6 * np.trace(whole.factor @ whole.factor.T), "and most of it is kept"


@pytest.mark.parametrize("count", [20, posterior.RANK + 40])
def test_responses_that_no_feature_tells_apart_teach_what_is_usual(count):
    x, y = np.ones((count, 14)), np.random.default_rng(0).integers(1, 11, count)
    head = reward_head.fit(x, of_scores(y, SCALE), np.arange(count), np.ones(count, dtype=bool), 3).head
    assert np.ptp(head.rating(x)) == 0 and head.rating(x)[0] == pytest.approx(y.mean(), abs=0.5)
    assert np.isfinite(head.covariance_times(np.ones(14))).all()


def test_a_response_that_more_people_rated_is_taken_more_at_their_word():
    x, y, prompts = responses()
    odd = y.copy()
    odd[0] = 1.0 if y[0] > 5.5 else 10.0  # what no feature of it tells
    alone = reward_head.fit(x, of_scores(odd, SCALE), prompts, np.ones(len(y), dtype=bool))
    rows = np.concatenate([np.arange(len(y)), np.zeros(6, dtype=int)])
    scores = of_scores(np.concatenate([odd, np.full(6, odd[0])]), SCALE, rows=rows)
    often = reward_head.fit(x, scores, prompts, np.ones(len(y), dtype=bool))
    off = [abs(one.head.rating_of_score(one.rated[0]) - odd[0]) for one in (alone, often)]
    assert off[1] < 0.6 * off[0]


def test_comparisons_teach_which_is_better_and_have_their_own_zero():
    x, found, prompts = judgements([COMPARISON], n=150, likes=2.0)
    fitted = reward_head.fit(x, found, prompts, np.ones(24, dtype=bool), depths=3)
    assert fitted.head.link == "pair"
    assert np.corrcoef(fitted.head.score(x), x[:, 0])[0, 1] > 0.8
    assert np.abs(fitted.head.rating(x)).max() < 1
    assert (fitted.offsets == 0).all()


def test_who_lost_and_who_won_is_told_apart():
    x, found, prompts = judgements([COMPARISON], n=60, likes=2.0)
    turned = replace(found, row=found.other, other=found.row, said=-found.said)
    one, other = (
        reward_head.fit(x, j, prompts, np.ones(24, dtype=bool), depths=3).head.score(x)
        for j in (found, turned)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)
    wrong = replace(found, said=-found.said)
    assert (
        np.corrcoef(one, reward_head.fit(x, wrong, prompts, np.ones(24, dtype=bool), depths=3).head.score(x))[
            0, 1
        ]
        < -0.9
    )


def test_two_that_are_both_bad_are_below_a_usual_one():
    x, found, prompts = judgements([COMPARISON], n=40)
    bad = replace(found, kind=np.full(40, WORSE_THAN_USUAL), other=np.full(40, -1), said=np.full(40, -1.0))
    fitted = reward_head.fit(x, bad, prompts, np.ones(24, dtype=bool), depths=3)
    quality = fitted.rated * fitted.head.reference_std + fitted.head.reference_mean
    assert quality[np.unique(found.row)].mean() < -0.3


def test_thumbs_have_each_rater_s_own_threshold():
    x, found, prompts = judgements([THUMB], n=150, likes=2.0)
    generous = replace(found, said=np.where(found.rater == 0, 1.0, found.said))
    fitted = reward_head.fit(x, generous, prompts, np.ones(24, dtype=bool), depths=3)
    assert fitted.head.link == "thumbs"
    assert fitted.offsets.argmax() == 0
    assert np.corrcoef(fitted.head.score(x), x[:, 0])[0, 1] > 0.7


def raters(seed, turned, n=160):
    """Scores of four raters, three a response of 16 prompts and more; rater 0 has the scale the wrong way round."""
    x, y, prompts = responses(seed, prompts=n // 4)
    draw = np.random.default_rng(seed)
    rater = draw.integers(4, size=n)
    said = np.where((rater == 0) & turned, 11 - y, y) + draw.normal(size=n)
    return x, of_scores(np.clip(np.round(said), 1, 10), SCALE, rater), prompts


def test_a_rater_who_answers_against_the_others_loses_influence():
    x, found, prompts = raters(0, turned=True)
    slopes = reward_head.fit(x, found, prompts, np.ones(160, dtype=bool)).hyperparameters.slopes
    assert slopes[0] < 0.25
    assert (slopes[1:] > 0.6).all()
    honest = reward_head.fit(*raters(0, turned=False), np.ones(160, dtype=bool)).hyperparameters.slopes
    assert honest[0] > 0.6


def test_beyond_half_influence_is_earned_by_ratings_and_not_by_precision():
    _, found, _ = raters(1, turned=False)
    h = expected(found, 5)
    precise = replace(h, rater_noise=np.array([0.2, 1, 1, 1]))
    assert shares(found, precise)[0] > 0.8
    weight = judgement_weights(found, precise)
    told = np.bincount(found.rater, weight / precise.noises(found) ** 2)
    assert told[0] / told.sum() == pytest.approx(0.5)
    assert (weight[found.rater != 0] == 1).all()
    busy = replace(found, rater=np.where(np.arange(160) < 120, 0, found.rater))
    assert (judgement_weights(busy, h) == 1).all(), "who says most may decide most"


def test_a_few_ratings_of_a_stranger_change_little():
    x, y, prompts = responses(prompts=24)
    rater = np.where(np.arange(96) < 5, 1, 0)
    found = reward_head.fit(x, of_scores(y + 3.0 * rater, SCALE, rater), prompts, np.ones(96, dtype=bool))
    assert abs(found.hyperparameters.slopes[1] - 1) < 0.3
    assert found.offsets[1] - found.offsets[0] == pytest.approx(3.0, abs=1.0)


def test_covariance_times_a_direction_is_the_variance_of_what_the_score_grows():
    x, y, prompts = responses()
    head = reward_head.fit(x, of_scores(y, SCALE), prompts, np.ones(64, dtype=bool)).head
    direction = Standard.of(x).scale * np.random.default_rng(0).normal(size=42)
    covariance = np.diag(head.prior) - head.factor.astype(float) @ head.factor.T.astype(float)
    drawn = np.random.default_rng(1).multivariate_normal(head.weights, covariance, size=2_000)
    unheld = [replace(head, weights=weights, low=-np.inf, high=np.inf) for weights in drawn]
    grown = [np.diff(head.score(np.stack([x[0], x[0] + direction])))[0] for head in unheld]
    assert direction @ head.covariance_times(direction) == pytest.approx(np.var(grown), rel=0.1)


def test_of_very_many_judgements_those_that_ppo_needs_come_first():
    _, found, _ = judgements([SCORE], n=40)
    prompts = np.arange(24) // 2
    first = prompts == 7
    chosen = reward_head.drawn_prompts(found, prompts, 10, first)
    assert len(chosen) == 10
    assert set(np.flatnonzero(prompts[found.row] == 7)) <= set(chosen)
