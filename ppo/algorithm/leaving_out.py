"""What leaving a rater out does to a reward head, for every rater, before anybody does it.

The head is ridge regression by its kernel, as in `kernel_ridge`. A rater's own rows are taken out of a fit by block
inversion: with A = (K + λ)⁻¹ the inverse without the rows R is A_kk − A_kR A_RR⁻¹ A_Rk. So a fold is inverted once for
everybody, and no fit is made anew for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.model_selection import GroupKFold

from ppo.algorithm import kernel_ridge

FEWEST_TAUGHT = 8  # responses that a head is fitted on at least
FOLDS = 8
PENALTIES = kernel_ridge.PENALTIES[::4]  # a decade apart: the error is flat around the best
RESAMPLES = 1000  # of prompts, for the interval
MOST_RESPONSES = (
    2_000  # of more, those of prompts drawn by chance: an inversion takes the third power of time
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How a head agrees with the others on prompts it was not fitted on: rank correlations `with_rater`, `without`.

    `low`, `high`: 95 % interval of the difference, without minus with, over prompts. `responses`: of the others.
    """

    with_rater: float
    without: float
    low: float
    high: float
    responses: int


def effects_of_leaving_out(
    kernel: np.ndarray,
    prompts: np.ndarray,
    everybody: Mapping[int, float],
    others: Mapping[int, Mapping[int, float]],
) -> dict[int, Effect | None]:
    """By rater; None where there is too little to fit.

    kernel (N, N); prompts (N,); `everybody`: what all raters say of rows of the kernel; `others`: by rater, what the
    others say.
    """
    rows = _drawn(np.array(sorted(everybody)), prompts)
    scores = np.array([everybody[row] for row in rows])
    place = {int(row): number for number, row in enumerate(rows)}
    said = {rater: _on(place, kept) for rater, kept in others.items()}
    unique = np.unique(prompts[rows])
    if len(rows) <= FEWEST_TAUGHT or len(unique) < 2:
        return dict.fromkeys(others)
    inner = kernel[np.ix_(rows, rows)]
    penalties = _best_penalties(inner, [scores, *said.values()])
    with_all = np.full(len(rows), np.nan)
    without = {rater: np.full(len(rows), np.nan) for rater in others}
    folds = GroupKFold(min(FOLDS, len(unique)))
    for train, held_out in folds.split(rows, groups=prompts[rows]):
        fold = _Fold(inner, train, held_out)
        with_all[held_out] = fold.predict(scores, penalties[0])
        for (rater, kept), penalty in zip(said.items(), penalties[1:], strict=True):
            without[rater][held_out] = fold.predict(kept, penalty)
    return {rater: _effect(with_all, without[rater], said[rater], prompts[rows]) for rater in others}


def _best_penalties(kernel: np.ndarray, taught: Sequence[np.ndarray]) -> list[float]:
    """For each of `taught` (n,), NaN where nothing is said, the penalty of least leave-one-out error, in all.

    The error of row i is (A y)_i / A_ii (Hastie, Tibshirani, Friedman, Elements of Statistical Learning, §7.10).
    """
    errors = np.full((len(taught), len(PENALTIES)), np.inf)
    for column, penalty in enumerate(PENALTIES):
        inverse = np.linalg.inv(kernel + penalty * len(kernel) * np.eye(len(kernel)))
        for number, scores in enumerate(taught):
            kept = np.isfinite(scores)
            if kept.sum() >= FEWEST_TAUGHT:
                weights, diagonal = _without(inverse, kept, _centred(scores[kept]))
                errors[number, column] = np.mean((weights / diagonal) ** 2)
    return [float(PENALTIES[best]) * len(kernel) for best in errors.argmin(axis=1)]


class _Fold:
    """Predictions for the rows `held_out` of heads that are fitted on the rows `train`; one inversion a penalty."""

    def __init__(self, kernel: np.ndarray, train: np.ndarray, held_out: np.ndarray) -> None:
        self._inner, self._outer = kernel[np.ix_(train, train)], kernel[np.ix_(held_out, train)]
        self._train = train
        self._inverses: dict[float, np.ndarray] = {}

    def predict(self, scores: np.ndarray, penalty: float) -> np.ndarray:
        """(held out,); without the mean of the scores: a fold of high ratings leaves a low one to the others."""
        kept = np.isfinite(scores[self._train])
        if kept.sum() < 2:
            return np.full(len(self._outer), np.nan)
        if penalty not in self._inverses:
            self._inverses[penalty] = np.linalg.inv(self._inner + penalty * np.eye(len(self._inner)))
        weights, _ = _without(self._inverses[penalty], kept, _centred(scores[self._train][kept]))
        predicted: np.ndarray = self._outer[:, kept] @ weights
        return predicted


def _without(inverse: np.ndarray, kept: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K_kept + λ)⁻¹ target and the diagonal of that inverse, from the inverse of all."""
    everywhere = np.zeros(len(inverse))
    everywhere[kept] = target
    weights, diagonal = inverse @ everywhere, np.diag(inverse)[kept]
    if kept.all():
        return weights, diagonal
    across = inverse[~kept]
    solved = np.linalg.solve(across[:, ~kept], across[:, kept])
    return weights[kept] - solved.T @ weights[~kept], diagonal - (across[:, kept] * solved).sum(axis=0)


def _effect(
    with_all: np.ndarray, without: np.ndarray, others: np.ndarray, prompts: np.ndarray
) -> Effect | None:
    asked = np.isfinite(others) & np.isfinite(without)
    groups = np.unique(prompts[asked])
    if asked.sum() < FEWEST_TAUGHT or len(groups) < 2 or np.ptp(others[asked]) == 0:
        return None
    people = _ranks(others[asked])
    heads = [_ranks(with_all[asked]), _ranks(without[asked])]
    number = np.searchsorted(groups, prompts[asked])
    found = [_correlations(head, people, number, np.ones((1, len(groups))))[0] for head in heads]
    draws = np.random.default_rng(0).multinomial(
        len(groups), np.full(len(groups), 1 / len(groups)), size=RESAMPLES
    )
    before, after = (_correlations(head, people, number, draws) for head in heads)
    low, high = np.quantile(after - before, [0.025, 0.975])
    return Effect(
        with_rater=float(found[0]),
        without=float(found[1]),
        low=float(low),
        high=float(high),
        responses=int(asked.sum()),
    )


def _correlations(a: np.ndarray, b: np.ndarray, prompt: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Of each of `draws` (d, prompts), how often each prompt counts, the correlation of a and b (n,); 0 where one of
    the two says nothing. `prompt` (n,) numbers the prompts. Ranks stay those of all: to rank anew changes little."""

    def total(values: np.ndarray) -> np.ndarray:
        summed: np.ndarray = draws @ np.bincount(prompt, values, draws.shape[1])
        return summed

    n = np.maximum(total(np.ones(len(a))), 1)
    covariance = total(a * b) / n - total(a) * total(b) / n**2
    variances = (total(a * a) / n - (total(a) / n) ** 2) * (total(b * b) / n - (total(b) / n) ** 2)
    size = np.sqrt(np.maximum(variances, 0))
    found: np.ndarray = np.divide(covariance, size, out=np.zeros(len(draws)), where=size > 1e-12)
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    ranks: np.ndarray = rankdata(values)
    return ranks / float(len(ranks))


def _centred(values: np.ndarray) -> np.ndarray:
    centred: np.ndarray = values - values.mean()
    return centred


def _drawn(rows: np.ndarray, prompts: np.ndarray) -> np.ndarray:
    """The rows, or of more than MOST_RESPONSES those of some prompts, always the same."""
    if len(rows) <= MOST_RESPONSES:
        return rows
    order = np.random.default_rng(0).permutation(np.unique(prompts[rows]))
    counts = np.array([(prompts[rows] == prompt).sum() for prompt in order])
    chosen = order[np.cumsum(counts) <= MOST_RESPONSES]
    return rows[np.isin(prompts[rows], chosen)]


def _on(place: Mapping[int, int], scores: Mapping[int, float]) -> np.ndarray:
    """Scores by row as an array over the rows that are looked at, NaN where there is none."""
    found = np.full(len(place), np.nan)
    for row, score in scores.items():
        if row in place:
            found[place[row]] = score
    return found
