"""The mode of a Gaussian process under any likelihood, its evidence, and how the evidence changes.

Laplace's approximation: algorithms 3.1 and 5.1 of Rasmussen and Williams, Gaussian Processes for Machine Learning
(2006); exact where every likelihood is Gaussian.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.linalg.lapack import dpotri

from ppo.reward.likelihood import Derivatives, Likelihood, Terms

MOST_STEPS = 40  # of Newton's method; six are usual
TOLERANCE = 1e-8  # of the objective, in nats
SMALLEST_CURVATURE = 1e-9  # of log p: a win that was never in doubt


@dataclass(frozen=True)
class Mode:
    """The most likely latent values `eta` (n,) of n judgements, and what there is to know around them.

    `alpha` (n,) = K⁻¹·eta = the slope of log p there; `root` (n,) the square root of its curvature W; `factor` (n, n)
    the lower Cholesky factor of B = I + √W·K·√W; `log_evidence` in nats.
    """

    eta: np.ndarray
    alpha: np.ndarray
    root: np.ndarray
    factor: np.ndarray
    log_evidence: float
    terms: Terms

    def whiten(self, columns: np.ndarray) -> np.ndarray:
        """L⁻¹·√W·columns (n, m): products of two of them are columnsᵀ·(K + W⁻¹)⁻¹·columns."""
        scaled = self.root[:, None] * columns
        solved: np.ndarray = solve_triangular(
            self.factor, scaled, lower=True, check_finite=False, overwrite_b=True
        )
        return solved

    def solve(self, columns: np.ndarray) -> np.ndarray:
        """(K + W⁻¹)⁻¹·columns, (n, m)."""
        inner = cho_solve((self.factor, True), self.root[:, None] * columns, check_finite=False)
        solved: np.ndarray = self.root[:, None] * inner
        return solved

    def inverse(self) -> np.ndarray:
        """(K + W⁻¹)⁻¹ (n, n)."""
        upper, info = dpotri(self.factor.T, lower=0)
        assert info == 0, "the factor of a positive matrix"
        upper = np.triu(upper)
        full = upper + np.triu(upper, 1).T
        scaled: np.ndarray = self.root[:, None] * full * self.root
        return scaled


def find_mode(covariance: np.ndarray, likelihood: Likelihood) -> Mode:
    """Newton's method (algorithm 3.1) on prior covariance (n, n); a step that does not help is halved."""
    n = len(covariance)
    eta, alpha = np.zeros(n), np.zeros(n)
    terms = likelihood.terms(eta)
    value = float(terms.log_p.sum())
    for _ in range(MOST_STEPS):
        root = np.sqrt(np.maximum(terms.curvature, SMALLEST_CURVATURE))
        factor = _factor(covariance, root)
        b = root**2 * eta + terms.slope
        inner = cho_solve((factor, True), root * (covariance @ b), check_finite=False)
        step, share = b - root * inner - alpha, 1.0
        move = covariance @ step
        while True:
            new_alpha, new_eta = alpha + share * step, eta + share * move
            new_terms = likelihood.terms(new_eta)
            new_value = float(new_terms.log_p.sum() - 0.5 * new_alpha @ new_eta)
            if new_value >= value - TOLERANCE or share < 1e-3:
                break
            share /= 2
        gained = new_value - value
        eta, alpha, terms, value = new_eta, new_alpha, new_terms, new_value
        if likelihood.gaussian.all():
            break
        if gained < TOLERANCE:
            root = np.sqrt(np.maximum(terms.curvature, SMALLEST_CURVATURE))
            factor = _factor(covariance, root)
            break
    return Mode(eta, alpha, root, factor, value - float(np.log(np.diag(factor)).sum()), terms)


def _factor(covariance: np.ndarray, root: np.ndarray) -> np.ndarray:
    b = root[:, None] * covariance
    b *= root
    b[np.diag_indices_from(b)] += 1
    factor: np.ndarray = cholesky(b, lower=True, overwrite_a=True, check_finite=False)
    return factor


@dataclass(frozen=True)
class EvidenceSlope:
    """How the log evidence changes: by the covariance, as the matrix (n, n) whose sum of products with dK it is."""

    by_covariance: np.ndarray
    variance: np.ndarray
    implicit: np.ndarray

    def by_parameter(self, of: Derivatives) -> np.ndarray:
        """What each judgement's answer adds to the slope by a parameter of the likelihood, (n,)."""
        return of.log_p - 0.5 * self.variance * of.curvature + self.implicit * of.slope


def evidence_slope(covariance: np.ndarray, mode: Mode) -> EvidenceSlope:
    """Algorithm 5.1. The mode moves with the parameters, too: that is its third derivative's part."""
    inverse, noise = mode.inverse(), 1 / mode.root**2
    # with R = (K + W⁻¹)⁻¹: K − K·R·K = W⁻¹ − W⁻¹·R·W⁻¹ and I − R·K = R·W⁻¹, which saves products of matrices
    variance = noise - noise**2 * np.diag(inverse)
    by_mode = 0.5 * variance * mode.terms.third
    moved = inverse @ (noise * by_mode)
    by_covariance = 0.5 * (np.outer(mode.alpha, mode.alpha) - inverse)
    if by_mode.any():
        by_covariance += 0.5 * (np.outer(moved, mode.alpha) + np.outer(mode.alpha, moved))
    return EvidenceSlope(by_covariance, variance, covariance @ moved)
