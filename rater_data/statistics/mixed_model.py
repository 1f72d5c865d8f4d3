"""A linear mixed model of ratings: fixed effects beside raters, prompts and what is nested in them.

score = design · coefficients + rater + group of each level (prompt, the version's answers to it, response) + noise.
Variances by restricted maximum likelihood (Patterson and Thompson 1971) with weak priors on their ratios to the noise,
which keep them from being exactly 0 where a round has few ratings (Chung et al. 2013, "A nondegenerate penalized
likelihood estimator for variance parameters"). Degrees of freedom after Satterthwaite (1946). Left out on purpose:
slopes that differ by rater, which a few dozen ratings cannot tell from noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

PRIOR_SD = 0.7  # of the log of a standard deviation's ratio to the noise: within a factor of 4, mostly
LARGEST_LOG = 4.0
STEP = 0.2  # in the log, of the differences that give curvature: smaller ones drown in rounding


@dataclass(frozen=True, slots=True)
class Level:
    """Groups of rows that share an effect: `codes` (n,), and a guess of the effect's sd in units of the noise's sd."""

    codes: np.ndarray
    guess: float


@dataclass(frozen=True, slots=True)
class Effect:
    """A coefficient with its standard error and the degrees of freedom of that."""

    value: float
    se: float
    freedom: float


@dataclass(frozen=True, slots=True)
class _Point:
    """The model at given variances: −2 log-likelihood with priors, noise variance, coefficients, their covariance."""

    objective: float
    noise: float
    coefficients: np.ndarray
    unit_covariance: np.ndarray


class MixedModel:
    """Ratings of one round. `scores` (n,), `design` (n, p); `levels` from the finest to the coarsest, each nested in
    the next; `raters` are a level of their own that crosses those, None for no such effects.

    `rounding`: the variance of a score that is a whole point. No effect is surer than this alone would let it be: what
    all rated alike is not known exactly either.
    """

    def __init__(
        self,
        scores: np.ndarray,
        design: np.ndarray,
        levels: Sequence[Level],
        raters: Level | None,
        rounding: float,
    ) -> None:
        order = np.lexsort([level.codes for level in levels])
        columns = [design]
        self._raters = 0
        if raters is not None:
            _, codes = np.unique(raters.codes, return_inverse=True)
            columns.append(np.eye(int(codes.max()) + 1)[codes])
            self._raters = columns[1].shape[1]
        self._fixed = design.shape[1]
        self._table = np.column_stack([*columns, scores])[order]
        self._products, self._ones = self._table.T @ self._table, np.ones(len(scores))
        self._freedom = len(scores) - self._fixed
        self._rounding = rounding
        # the rows at which the groups of each level begin, counted in groups of the level before
        self._starts: list[np.ndarray] = []
        rows = np.arange(len(scores))
        for level in levels:
            codes = level.codes[order][rows]
            begins = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
            self._starts.append(begins)
            rows = rows[begins]
        guesses = [level.guess for level in levels] + ([raters.guess] if raters is not None else [])
        self._prior = np.log(guesses)
        self._best: np.ndarray | None = None

    def value(self, contrast: np.ndarray) -> float:
        """`contrast` (p,) times the coefficients."""
        return float(contrast @ self._at(self._most_likely()).coefficients)

    def effect(self, contrast: np.ndarray) -> Effect:
        """The same with its error. Raises ValueError where there are no more rows than coefficients."""
        if self._freedom < 1:
            raise ValueError("there are no more ratings than coefficients")
        best = self._most_likely()
        point = self._at(best)
        gradient, curvature = self._derivatives(best, contrast)
        uncertain = 2 / self._freedom + 2 * gradient @ linalg.solve(curvature, gradient, assume_a="pos")
        variance = point.noise * contrast @ point.unit_covariance @ contrast
        variance = max(variance, self._rounding * contrast @ self._least_covariance() @ contrast)
        return Effect(
            float(contrast @ point.coefficients), float(np.sqrt(variance)), max(1.0, 2 / float(uncertain))
        )

    def _least_covariance(self) -> np.ndarray:
        """Of the coefficients, were there nothing but noise of variance 1."""
        return np.linalg.pinv(self._products[: self._fixed, : self._fixed])

    def _most_likely(self) -> np.ndarray:
        if self._best is None:
            found = optimize.minimize(
                lambda logs: self._at(logs).objective,
                self._prior,
                method="L-BFGS-B",
                bounds=[(-LARGEST_LOG, LARGEST_LOG)] * len(self._prior),
                options={"maxiter": 30, "ftol": 1e-6},
            )
            self._best = found.x
        return self._best

    def _derivatives(self, at: np.ndarray, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of log variance of the contrast: its gradient; of the objective: its curvature, made positive."""

        def look(shift: np.ndarray) -> tuple[float, float]:
            point = self._at(at + shift)
            variance = point.noise * contrast @ point.unit_covariance @ contrast
            return point.objective, float(np.log(variance))

        count = len(at)
        steps = STEP * np.eye(count)
        up, down = [look(step) for step in steps], [look(-step) for step in steps]
        middle = look(np.zeros(count))[0]
        gradient = np.array([(u[1] - d[1]) / (2 * STEP) for u, d in zip(up, down, strict=True)])
        curvature = np.diag([(u[0] + d[0] - 2 * middle) / STEP**2 for u, d in zip(up, down, strict=True)])
        for i in range(count):
            for j in range(i):
                both = look(steps[i] + steps[j])[0]
                mixed = (both - up[i][0] - up[j][0] + middle) / STEP**2
                curvature[i, j] = curvature[j, i] = mixed
        values, vectors = linalg.eigh(curvature)
        # what the data say nothing about, the priors know: their curvature is 2 / PRIOR_SD²
        return gradient, vectors @ np.diag(np.maximum(values, 1 / PRIOR_SD**2)) @ vectors.T

    def _at(self, logs: np.ndarray) -> _Point:
        """`logs`: of each level's sd in units of the noise's, then of the raters'."""
        ratios = np.exp(2 * logs)
        products, sums, weights, log_det = self._products, self._table, self._ones, 0.0
        for starts, ratio in zip(self._starts, ratios, strict=False):
            # Woodbury's identity, level by level: what a level's groups share counts once
            if len(starts) < len(weights):  # else each group is one row: its own sum
                sums, weights = np.add.reduceat(sums, starts), np.add.reduceat(weights, starts)
            shared = 1 + ratio * weights
            products = products - sums.T @ (sums * (ratio / shared)[:, None])
            sums, weights = sums / shared[:, None], weights / shared
            log_det += float(np.log(shared).sum())
        equations, right = products[:-1, :-1].copy(), products[:-1, -1]
        if self._raters:
            # Henderson's mixed model equations
            equations[np.arange(self._fixed, len(right)), np.arange(self._fixed, len(right))] += (
                1 / ratios[-1]
            )
            log_det += self._raters * 2 * float(logs[-1])
        factor = linalg.cho_factor(equations + 1e-9 * np.eye(len(right)), check_finite=False)
        solution = linalg.cho_solve(factor, right, check_finite=False)
        left = max(0.0, float(products[-1, -1] - right @ solution)) / self._freedom
        noise = left + self._rounding / 100  # never 0
        objective = self._freedom * np.log(noise) + log_det
        objective += 2 * float(np.log(np.diag(factor[0])).sum())
        objective += float((((logs - self._prior) / PRIOR_SD) ** 2).sum())
        units = np.eye(len(right), self._fixed)
        covariance = linalg.cho_solve(factor, units, check_finite=False)[: self._fixed]
        return _Point(objective, noise, solution[: self._fixed], covariance)
