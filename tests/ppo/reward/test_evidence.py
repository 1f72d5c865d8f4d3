"""ppo/reward/likelihood.py, laplace.py, evidence.py: closed forms, finite differences, a brute-force integral."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal

from ppo.reward.evidence import Evidence, Kernels
from ppo.reward.features import block_edges
from ppo.reward.judgements import COMPARISON, SCORE, THUMB, WORSE_THAN_USUAL
from ppo.reward.laplace import find_mode
from ppo.reward.likelihood import Likelihood
from tests.ppo.reward.made_up import judgements

EVERY_KIND = [[SCORE], [THUMB], [COMPARISON], [COMPARISON, WORSE_THAN_USUAL], [SCORE, THUMB, COMPARISON]]


def likelihood(said, gaussian, ties=0.4):
    n = len(said)
    return Likelihood(np.array(said), np.array(gaussian), np.full(n, 0.7), ties, np.linspace(0.5, 1.5, n))


def test_derivatives_of_the_likelihood_are_those_of_its_logarithm():
    found = likelihood([0.3, 1.0, 0.0, -1.0], [True, False, False, False])
    eta, step = np.array([0.5, -1.2, 0.7, 2.0]), 1e-5
    up, here, down = (found.terms(eta + s) for s in (step, 0, -step))
    np.testing.assert_allclose(here.slope, (up.log_p - down.log_p) / (2 * step), atol=1e-8)
    np.testing.assert_allclose(-here.curvature, (up.slope - down.slope) / (2 * step), atol=1e-8)
    np.testing.assert_allclose(-here.third, (up.curvature - down.curvature) / (2 * step), atol=1e-8)


def test_win_tie_and_loss_are_all_that_can_be_said():
    eta = np.array([-3.0, 0.0, 1.5])
    shares = [
        np.exp(replace(likelihood([y] * 3, [False] * 3), weight=np.ones(3)).terms(eta).log_p)
        for y in (-1, 0, 1)
    ]
    np.testing.assert_allclose(np.sum(shares, axis=0), 1.0)
    no_ties = replace(likelihood([1.0] * 3, [False] * 3, ties=0.0), weight=np.ones(3))
    np.testing.assert_allclose(np.exp(no_ties.terms(eta).log_p), 1 / (1 + np.exp(-eta)))


def test_a_win_that_was_never_in_doubt_stays_finite():
    terms = likelihood([1.0, -1.0], [False, False]).terms(np.array([2000.0, 2000.0]))
    assert all(np.isfinite(a).all() for a in (terms.log_p, terms.slope, terms.curvature, terms.third))


def test_the_evidence_of_scores_is_the_density_of_a_gaussian():
    draw = np.random.default_rng(0)
    root = draw.normal(size=(5, 5))
    covariance, said = root @ root.T, draw.normal(size=5)
    found = replace(likelihood(said, [True] * 5), weight=np.ones(5))
    wanted = multivariate_normal(np.zeros(5), covariance + 0.49 * np.eye(5)).logpdf(said)
    assert find_mode(covariance, found).log_evidence == pytest.approx(wanted)


def test_the_evidence_of_a_comparison_is_near_the_integral():
    found = replace(likelihood([1.0], [False]), weight=np.ones(1))

    def density(eta):
        return np.exp(found.terms(np.array([eta])).log_p[0] - eta**2 / 2 / 0.8) / np.sqrt(2 * np.pi * 0.8)

    wanted = np.log(quad(density, -20, 20)[0])
    assert find_mode(np.array([[0.8]]), found).log_evidence == pytest.approx(wanted, abs=0.005)


@pytest.mark.parametrize("kinds", EVERY_KIND)
def test_the_slope_of_the_evidence_is_that_of_its_value(kinds):
    x, found, _ = judgements(kinds)
    evidence = Evidence(Kernels.of(x, block_edges(14, 3), found), found, found.said)
    theta = np.random.default_rng(1).normal(size=len(evidence.coordinates.names)) / 2
    _, slope = evidence.value_and_slope(theta)
    for i, step in enumerate(1e-4 * np.eye(len(theta))):
        values = [evidence.value_and_slope(theta + side * step)[0] for side in (1, -1)]
        assert slope[i] == pytest.approx((values[0] - values[1]) / 2e-4, abs=1e-5), (
            evidence.coordinates.names[i]
        )


@pytest.mark.parametrize("kinds", [[SCORE], [COMPARISON], [SCORE, THUMB, COMPARISON]])
def test_the_evidence_finds_the_block_that_people_look_at(kinds):
    x, found, _ = judgements(kinds, n=120, likes=2.0)
    h = Evidence(Kernels.of(x, block_edges(14, 3), found), found, found.said).maximise()
    assert np.argmax(h.blocks) == 0, h.blocks
    assert len(h.slopes) == 3 and (h.slopes >= 0).all() and (h.slopes <= 2).all()


def test_one_rater_alone_has_no_offset_and_slope_1():
    x, found, _ = judgements([SCORE], raters=1)
    h = Evidence(Kernels.of(x, block_edges(14, 3), found), found, found.said).maximise()
    assert (h.offsets, h.slopes.tolist(), h.rater_noise.tolist()) == (0.0, [1.0], [1.0])
