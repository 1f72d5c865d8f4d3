"""What is known of raters' habits, on a grid: the computation behind `rater_habits`.

A rater's score of a response is read as offset + spread · (direction · quality + √(1 − direction²) · noise), with
quality and noise of variance 1: so `direction` is the correlation of their scores with quality, and how widely somebody
spreads their scores says nothing of it. What the quality is, is told by the others' scores and, where one is given, by
a head that the rater did not teach; both joined by precision. Direction and spread are on a grid and the offset is
integrated out: no interval comes from an approximation around a maximum that may be one of two.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

DIRECTIONS = np.linspace(-0.975, 0.975, 79)
SPREADS = np.exp(np.linspace(-0.8, 0.8, 9))
"""A rater's spread as multiples of the one that their scores show (drawn towards the common one)."""
SPREAD_DOUBT = 0.4  # standard deviation of its logarithm
USUAL, USUAL_SD = 0.75, 0.15
KINDS = {"usual": (0.8, USUAL, USUAL_SD), "at random": (0.1, 0.0, 0.1), "reversed": (0.1, -USUAL, USUAL_SD)}
"""The prior of the direction: the share of raters who are so, and mean and standard deviation of their directions.

A few ratings leave it nearly as it is. A normal prior alone would never let a direction of −0.7 stand.
"""
COMMON_WEIGHT = 5.0  # ratings that the common spread and mean are worth
HEAD_LIMIT = 0.8  # of the variance of quality a head is taken to explain at most so much
SMALLEST = 1e-6  # the variance where all scores are equal
MOST_DEVIATIONS = 3.0  # what a head says of one response counts for no more
SWEEPS = 4
MOST_RATINGS = 200  # of a rater, those of which most is known: more would only cost time


def _prior_of_kinds() -> np.ndarray:
    """(kinds, D), together 1."""
    bells = [
        share / sd * np.exp(-0.5 * ((DIRECTIONS - mean) / sd) ** 2) for share, mean, sd in KINDS.values()
    ]
    return np.array(bells) / np.sum(bells)


_PRIOR = _prior_of_kinds()
_LOG_PRIOR = np.log(_PRIOR.sum(0))[:, None] - 0.5 * (np.log(SPREADS) / SPREAD_DOUBT) ** 2


@dataclass(frozen=True)
class Posterior:
    """A rater on the grid: `weights` (D, K), `offset` and its `offset_variance` at each point, spreads (K,)."""

    weights: np.ndarray
    offset: np.ndarray
    offset_variance: np.ndarray
    spread: np.ndarray

    @property
    def by_direction(self) -> np.ndarray:
        """(D,)."""
        directions: np.ndarray = self.weights.sum(axis=1)
        return directions

    def kinds(self) -> dict[str, float]:
        """How likely the rater is of each of KINDS."""
        shares = (_PRIOR / _PRIOR.sum(0)) @ self.by_direction
        return dict(zip(KINDS, shares.tolist(), strict=True))

    def direction_moments(self) -> tuple[float, float]:
        """Mean and variance."""
        mean = float(self.by_direction @ DIRECTIONS)
        return mean, float(self.by_direction @ (DIRECTIONS - mean) ** 2)

    def offset_moments(self) -> tuple[float, float]:
        """Mean and standard deviation, in points."""
        mean = float((self.weights * self.offset).sum())
        variance = self.weights * (self.offset_variance + (self.offset - mean) ** 2)
        return mean, float(variance.sum()) ** 0.5

    def mean_spread(self) -> float:
        """In points."""
        return float(self.weights.sum(axis=0) @ self.spread)


@dataclass(frozen=True)
class RatedWorld:
    """The ratings as arrays over N rows of R raters, scores centred; `head` NaN where no head says anything."""

    raters: np.ndarray
    rater: np.ndarray
    unit: np.ndarray
    score: np.ndarray
    head: np.ndarray
    paired: bool

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "RatedWorld":
        """Of a frame with rater_id, unit, score, paired and expected."""
        raters, rater = np.unique(frame["rater_id"].to_numpy(), return_inverse=True)
        paired = bool(frame["paired"].any())
        given = frame["score"].to_numpy()
        head = _one_unit(frame["expected"], frame["rater_id"], paired)
        score = given if paired else given - given.mean()
        return cls(raters, rater, pd.factorize(frame["unit"])[0], score, head, paired)

    def posteriors(self) -> list[Posterior]:
        """All raters (R,), each judged by what is known of the others, over and over.

        Who stands against the others most is judged first, so that the others are not judged by them for long.
        """
        known = _Known(
            np.full(len(self.raters), USUAL),
            np.full(len(self.raters), USUAL_SD**2),
            np.zeros(len(self.raters)) if self.paired else self.means,
            self.spreads.copy(),
        )
        found = [self._posterior(r, known) for r in range(len(self.raters))]
        order = np.argsort([p.direction_moments()[0] for p in found])
        for _ in range(SWEEPS if len(order) > 1 else 0):
            for r in map(int, order):
                found[r] = self._posterior(r, known)
                known.update(r, found[r])
        return found

    @cached_property
    def _ratings(self) -> np.ndarray:
        return np.bincount(self.rater)

    @cached_property
    def means(self) -> np.ndarray:
        """Each rater's mean score, drawn towards 0 (R,)."""
        drawn: np.ndarray = np.bincount(self.rater, self.score) / (self._ratings + COMMON_WEIGHT)
        return drawn

    @cached_property
    def common_variance(self) -> float:
        """Of scores around their rater's mean.

        The spread of all scores counts as one more of them: where everybody has rated once, nothing else is known, and
        a variance of 0 would make any difference between two people certain.
        """
        centre = 0.0 if self.paired else (np.bincount(self.rater, self.score) / self._ratings)[self.rater]
        freedom = len(self.score) - (0 if self.paired else len(self._ratings))
        squares = float(np.sum((self.score - centre) ** 2)) + float(np.mean(self.score**2))
        return max(squares / (freedom + 1), SMALLEST)

    @property
    def usual_slope(self) -> float:
        """Points that a usual rater gives for a standard deviation of quality."""
        return USUAL * float(np.sqrt(self.common_variance))

    @cached_property
    def spreads(self) -> np.ndarray:
        """Each rater's standard deviation in points, drawn towards the common one (R,)."""
        centre = 0.0 if self.paired else (np.bincount(self.rater, self.score) / self._ratings)[self.rater]
        squares = np.bincount(self.rater, (self.score - centre) ** 2)
        variance = (squares + COMMON_WEIGHT * self.common_variance) / (self._ratings + COMMON_WEIGHT - 1)
        spreads: np.ndarray = np.sqrt(variance)
        return spreads

    @cached_property
    def offset_variance(self) -> float:
        """Of raters' offsets, by the method of moments; never so small that nobody could be strict."""
        mean = np.bincount(self.rater, self.score) / self._ratings
        between = float(np.var(mean, ddof=1)) if len(mean) > 1 else 0.0
        by_chance = float(np.mean(self.common_variance / self._ratings))
        return max(between - by_chance, 0.1 * self.common_variance)

    def _expectations(self, r: int, known: "_Known") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows of rater r, and mean and variance of the quality of each without what r says."""
        doubt = 1 - known.direction**2 + known.direction_variance
        weight = (known.direction**2 / doubt)[self.rater]
        said = (known.direction / doubt / known.spread)[self.rater] * (self.score - known.offset[self.rater])
        rows, others, units = np.flatnonzero(self.rater == r), self.rater != r, int(self.unit.max()) + 1
        precision = np.bincount(self.unit[others], weight[others], units)[self.unit[rows]]
        told = np.bincount(self.unit[others], said[others], units)[self.unit[rows]]
        prior_mean, prior_variance = np.zeros(len(rows)), np.ones(len(rows))
        by_head = np.isfinite(self.head[rows])
        if by_head.any():
            share, explained = self._head_share(r, known)
            prior_mean[by_head] = share * self.head[rows][by_head]
            prior_variance[by_head] = 1 - explained
        variance = 1 / (1 / prior_variance + precision)
        return rows, variance * (prior_mean / prior_variance + told), variance

    def _head_share(self, r: int, known: "_Known") -> tuple[float, float]:
        """Quality for a point of the head's, and the variance of quality that it explains, by the others' ratings."""
        rows = np.isfinite(self.head) & (self.rater != r)
        if not rows.any():
            return 0.0, 0.0
        head, rater = self.head[rows], self.rater[rows]
        direction = known.direction[rater]
        score = (self.score[rows] - known.offset[rater]) / known.spread[rater]
        spread = float(np.mean(head**2))
        share = float(np.sum(direction * score * head) / max(np.sum(direction**2 * head**2), 1e-12))
        share = float(np.clip(share, 0.0, np.sqrt(HEAD_LIMIT / max(spread, 1e-12))))
        return share, share**2 * spread

    def _posterior(self, r: int, known: "_Known") -> Posterior:
        rows, mean, variance = self._expectations(r, known)
        if len(rows) > MOST_RATINGS:
            best = np.argsort(variance, kind="stable")[:MOST_RATINGS]
            rows, mean, variance = rows[best], mean[best], variance[best]
        spread = self.spreads[r] * SPREADS
        direction = DIRECTIONS[:, None, None]
        scale = spread[None, :, None]
        weight = 1 / (scale**2 * (direction**2 * variance + 1 - direction**2))  # (D, K, n)
        residual = self.score[rows] - scale * direction * mean
        total, first = weight.sum(-1), (weight * residual).sum(-1)
        likelihood = 0.5 * np.log(weight).sum(-1) - 0.5 * (weight * residual**2).sum(-1)
        if self.paired:  # which of two is better is no matter of being strict
            offset, offset_variance = np.zeros_like(total), np.zeros_like(total)
        else:
            total = total + 1 / self.offset_variance
            offset, offset_variance = first / total, 1 / total
            likelihood = likelihood + 0.5 * first**2 / total - 0.5 * np.log(total)
        likelihood = likelihood + _LOG_PRIOR
        weights = np.exp(likelihood - likelihood.max())
        return Posterior(weights / weights.sum(), offset, offset_variance, spread)


def _one_unit(head: pd.Series, raters: pd.Series, paired: bool) -> np.ndarray:
    """What each rater's head says (N,), with mean 0 and deviation 1: heads lie at different heights, and one that was
    taught little says little. Of comparisons 0 stays 0."""
    if not paired:
        head = head - head.groupby(raters).transform("mean")
    size = np.sqrt((head**2).groupby(raters).transform("mean"))
    told = np.clip(head / size.where(size > SMALLEST), -MOST_DEVIATIONS, MOST_DEVIATIONS)
    units: np.ndarray = told.to_numpy(dtype="float64")
    return units


@dataclass(frozen=True)
class _Known:
    """What is known of R raters so far: mean and variance of the direction, offset and spread, (R,) each."""

    direction: np.ndarray
    direction_variance: np.ndarray
    offset: np.ndarray
    spread: np.ndarray

    def update(self, r: int, posterior: Posterior) -> None:
        self.direction[r], self.direction_variance[r] = posterior.direction_moments()
        self.offset[r], self.spread[r] = posterior.offset_moments()[0], posterior.mean_spread()
