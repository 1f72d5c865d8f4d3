"""The mixed model of ratings against the same likelihood written out with whole matrices."""

import numpy as np
import pytest

from rater_data.statistics.mixed_model import PRIOR_SD, Level, MixedModel


@pytest.fixture(scope="module")
def ratings():
    """(scores, design, response, prompt, rater): 12 prompts of 4 responses, some rated twice, by 3 raters."""
    random = np.random.default_rng(4)
    response = np.r_[np.arange(48), np.arange(0, 48, 5)]
    prompt, new = response // 4, (response % 4 < 2).astype(float)
    rater = random.integers(0, 3, len(response))
    scores = 5 + new + random.normal(0, 1, 12)[prompt] + random.normal(0, 1, 48)[response]
    scores = scores + np.array([-1.0, 0.2, 0.8])[rater] + random.normal(0, 1, len(response))
    return scores, np.column_stack([np.ones(len(response)), new]), response, prompt, rater


def test_the_likelihood_is_that_of_the_whole_covariance_matrix(ratings):
    scores, design, response, prompt, rater = ratings
    levels = [Level(response, 0.8), Level(prompt, 1.0)]
    model = MixedModel(scores, design, levels, Level(rater, 0.7), rounding=1e-9)
    guesses, found = np.log([0.8, 1.0, 0.7]), []
    for logs in (guesses, np.log([0.5, 1.4, 0.3]), np.log([2.0, 0.2, 1.5])):
        covariance = np.eye(len(scores))
        for codes, log in zip((response, prompt, rater), logs, strict=True):
            covariance += np.exp(2 * log) * (codes[:, None] == codes)
        inverse = np.linalg.inv(covariance)
        information = design.T @ inverse @ design
        coefficients = np.linalg.solve(information, design.T @ inverse @ scores)
        left = scores - design @ coefficients
        freedom = len(scores) - 2
        noise = left @ inverse @ left / freedom
        wanted = (
            freedom * np.log(noise) + np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
        )
        point = model._at(logs)
        assert point.coefficients == pytest.approx(coefficients, abs=1e-6)
        assert point.noise == pytest.approx(noise, rel=1e-6)
        assert point.unit_covariance == pytest.approx(np.linalg.inv(information), abs=1e-6)
        found.append(point.objective - wanted - (((logs - guesses) / PRIOR_SD) ** 2).sum())
    assert found == pytest.approx([0, 0, 0], abs=1e-4)


def test_a_balanced_design_gives_the_difference_of_means_and_its_classical_error():
    """New and old once on each of 40 prompts, by one rater: with nothing to borrow it is the paired t-test."""
    random = np.random.default_rng(0)
    prompt = np.repeat(np.arange(40), 2)
    new = np.tile([0.0, 1.0], 40)
    scores = random.normal(0, 2, 40)[prompt] + 0.7 * new + random.normal(0, 1, 80)
    model = MixedModel(scores, np.column_stack([np.ones(80), new]), [Level(prompt, 1.0)], None, 1e-9)
    effect = model.effect(np.array([0.0, 1.0]))
    differences = scores[1::2] - scores[::2]
    assert effect.value == pytest.approx(differences.mean())
    assert effect.se == pytest.approx(differences.std(ddof=1) / np.sqrt(40), rel=0.02)
    assert effect.freedom == pytest.approx(39, rel=0.15)


def test_raters_cross_prompts(ratings):
    """A strict rater who read most of the old responses is not taken for a gain."""
    _, _, response, prompt, _ = ratings
    random = np.random.default_rng(1)
    new = response % 4 < 2
    rater = np.where(random.random(len(response)) < 0.8, new, ~new).astype(int)
    scores = 5 + 3.0 * rater + random.normal(0, 0.3, len(response))
    design = np.column_stack([np.ones(len(response)), new.astype(float)])
    level = [Level(prompt, 1.0)]
    seen = MixedModel(scores, design, level, Level(rater, 0.7), 1e-9).effect(np.array([0.0, 1.0]))
    blind = MixedModel(scores, design, level, None, 1e-9).effect(np.array([0.0, 1.0]))
    assert abs(seen.value) < 0.3 < 1 < blind.value


def test_scores_that_are_all_alike_have_the_error_of_their_rounding():
    prompt = np.repeat(np.arange(4), 4)
    design = np.column_stack([np.ones(16), np.tile([0.0, 1.0], 8)])
    effect = MixedModel(np.full(16, 7.0), design, [Level(prompt, 1.0)], None, 1 / 12).effect(
        np.array([0.0, 1.0])
    )
    assert effect.value == pytest.approx(0, abs=1e-6)
    assert 0.1 < effect.se < 0.3
    with pytest.raises(ValueError, match="no more ratings"):
        MixedModel(np.ones(2), design[:2], [Level(prompt[:2], 1.0)], None, 1 / 12).effect(
            np.array([0.0, 1.0])
        )
