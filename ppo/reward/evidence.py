"""Hyperparameters by evidence: the marginal likelihood of what raters said, and its maximum under the prior.

η_j = slope_r · logits · (quality of `row` − quality of `other`) + offset_r is what rater r feels at judgement j;
quality = features · w + δ + a constant, all Gaussian, so η is a Gaussian process with one linear kernel a block.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ppo.reward.features import differences
from ppo.reward.hyperparameters import (
    NOISE_SD,
    PRIOR_SD,
    RATER_NOISE_SD,
    SLOPE_SD,
    Coordinates,
    Hyperparameters,
)
from ppo.reward.judgements import NOBODY, SCORE, Judgements
from ppo.reward.laplace import evidence_slope, find_mode
from ppo.reward.likelihood import Likelihood

MOST_JUDGEMENTS = 400  # that hyperparameters are fitted on, prompts drawn at random: more change them little
MOST_STEPS = 60  # of L-BFGS


@dataclass(frozen=True)
class Kernels:
    """Products of n judgements with each other, before any hyperparameter.

    `blocks` (B, n, n): mean product of a block's features; `own` (n, n): of the responses themselves; `constant`
    (n,): 1 where a judgement is of one response and its level counts; `raters` (n, n): 1 for two of one rater whose
    offset counts.
    """

    blocks: np.ndarray
    own: np.ndarray
    constant: np.ndarray
    raters: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, edges: list[slice], judgements: Judgements) -> "Kernels":
        """rows (N, F) are standardised features of the responses."""
        about = differences(rows, judgements.row, judgements.other)
        blocks = np.stack([about[:, e] @ about[:, e].T / (e.stop - e.start) for e in edges])
        level = judgements.has_offset
        same = judgements.rater[:, None] == judgements.rater
        return cls(blocks, same_responses(judgements), level.astype(float), same * np.outer(level, level))

    def quality(self, h: Hyperparameters) -> np.ndarray:
        """Covariance (n, n) of the qualities, or their differences, that judgements are about."""
        covariance: np.ndarray = np.tensordot(h.blocks, self.blocks, 1)
        covariance += h.own * self.own
        covariance += h.constant * np.outer(self.constant, self.constant)
        return covariance


def same_responses(judgements: Judgements) -> np.ndarray:
    """How often two judgements are about one response, signs of comparisons taken along: (n, n)."""
    row, other = judgements.row, np.where(judgements.compared, judgements.other, NOBODY)
    same = (row[:, None] == row).astype(np.float64)
    if judgements.compared.any():
        same += (other[:, None] == other) & (other >= 0)
        same -= row[:, None] == other
        same -= other[:, None] == row
    return same


def likelihood_of(
    judgements: Judgements, h: Hyperparameters, answers: np.ndarray, weight: np.ndarray | None = None
) -> Likelihood:
    """`answers` (n,): what was said, scores standardised."""
    weight = np.ones(len(judgements)) if weight is None else weight
    return Likelihood(answers, judgements.kind == SCORE, h.noises(judgements), h.ties, weight)


class Evidence:
    """Log evidence plus log prior of judgements, as a function of coordinates."""

    def __init__(self, kernels: Kernels, judgements: Judgements, answers: np.ndarray) -> None:
        self.kernels, self.judgements, self.answers = kernels, judgements, answers
        self.coordinates = Coordinates.of(judgements, len(kernels.blocks))
        self._of_rater = np.eye(len(judgements.rater_ids))[judgements.rater]

    def value_and_slope(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """In nats, and by each coordinate. A prior of deviation 1 round 0 is in it."""
        h = self.coordinates.place(theta)
        sensitivity = h.sensitivity(self.judgements)
        quality = self.kernels.quality(h)
        covariance = np.outer(sensitivity, sensitivity) * quality + h.offsets * self.kernels.raters
        likelihood = likelihood_of(self.judgements, h, self.answers)
        mode = find_mode(covariance, likelihood)
        slope = evidence_slope(covariance, mode)
        by_quality = slope.by_covariance * np.outer(sensitivity, sensitivity)
        n = len(quality)
        by_name = {
            f"block {i}": PRIOR_SD * v * s
            for i, (v, s) in enumerate(
                zip(h.blocks, self.kernels.blocks.reshape(-1, n * n) @ by_quality.ravel(), strict=True)
            )
        }
        by_name["own"] = PRIOR_SD * h.own * np.vdot(by_quality, self.kernels.own)
        by_name["offsets"] = PRIOR_SD * h.offsets * np.vdot(slope.by_covariance, self.kernels.raters)
        # each row of the covariance is in proportion to its own sensitivity
        by_log_sensitivity = 2 * np.einsum("ij,ij->i", by_quality, quality)
        by_name["logits"] = PRIOR_SD * by_log_sensitivity[~likelihood.gaussian].sum()
        by_sensitivity = 2 * (slope.by_covariance * quality) @ sensitivity
        unit = np.where(likelihood.gaussian, 1.0, h.logits)
        by_slopes = self._of_rater.T @ (by_sensitivity * unit)
        by_noise = slope.by_parameter(likelihood.by_log_noise(mode.eta))
        by_name["noise"] = NOISE_SD / 2 * by_noise.sum()
        by_name["ties"] = PRIOR_SD * slope.by_parameter(likelihood.by_log_ties(mode.eta)).sum()
        by_rater = self._of_rater.T @ by_noise
        by_name |= {f"slope {i}": SLOPE_SD * s for i, s in enumerate(by_slopes)}
        by_name |= {f"noise {i}": RATER_NOISE_SD * s for i, s in enumerate(by_rater)}
        found = np.array([by_name[name] for name in self.coordinates.names])
        return mode.log_evidence - 0.5 * float(theta @ theta), found - theta

    def maximise(self) -> Hyperparameters:
        """By L-BFGS from the centre of the prior."""

        def downhill(theta: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = self.value_and_slope(theta)
            return -value, -slope

        start = np.zeros(len(self.coordinates.names))
        options = {"maxiter": MOST_STEPS, "ftol": 1e-5, "gtol": 1e-2}
        found = minimize(
            downhill, start, jac=True, method="L-BFGS-B", bounds=self.coordinates.bounds(), options=options
        )
        return self.coordinates.place(found.x)
