"""How far a head agrees with people, in numbers with 95 % intervals over prompts."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from ppo.reward.evaluation.people import PeoplesValues

RESAMPLES = 400  # of prompts, for the intervals


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        """From … to."""
        return self.low, self.high


@dataclass(frozen=True)
class Agreement:
    """`spearman`, `slope` (of what people say on what the head says: 1 is calibrated) over all responses.

    Within a prompt: `pairs`, the share of pairs that people told apart and the head puts the same way round; `gain`,
    by how much the head's favourite is better than the prompt's mean.
    """

    pearson: float
    spearman: Estimate
    pairs: Estimate
    gain: Estimate
    slope: Estimate


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation; 0 where one of the two says nothing."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-12 else 0.0


def weighted_spearman(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Correlations (d,) of ranks of a and b (N,) where a row is there `weights` (d, N) times.

    As `spearman` gives them of so many rows; 0 where one of the two says nothing.
    """
    x, y = _middle_ranks(a, weights), _middle_ranks(b, weights)
    total = np.maximum(weights.sum(1, keepdims=True), 1)
    x, y = (ranks - (weights * ranks).sum(1, keepdims=True) / total for ranks in (x, y))
    size = np.sqrt((weights * x**2).sum(1) * (weights * y**2).sum(1))
    found: np.ndarray = np.where(size > 1e-12, (weights * x * y).sum(1) / np.maximum(size, 1e-12), 0.0)
    return found


def _middle_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ranks (d, N), those of equal values in the middle, of values (N,) of which each is there `weights` times."""
    _, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    counted = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks: np.ndarray = (np.cumsum(counted, axis=1) - counted / 2)[:, place]
    return ranks


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of ranks; 0 where one of the two says nothing."""
    return pearson(rankdata(a), rankdata(b))


def slope_of(people: np.ndarray, head: np.ndarray) -> float:
    """Least squares slope of what people say on what the head says; 0 where the head says nothing."""
    x = head - head.mean()
    size = float(x @ x)
    return float(x @ (people - people.mean())) / size if size > 1e-12 else 0.0


def _slopes(people: np.ndarray, head: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """`slope_of` (d,) where a row counts `weights` (d, N) times."""
    total = weights.sum(1)
    x, y = weights @ head / total, weights @ people / total
    size = weights @ head**2 / total - x**2
    found: np.ndarray = np.where(
        size > 1e-12, (weights @ (head * people) / total - x * y) / np.maximum(size, 1e-12), 0.0
    )
    return found


@dataclass(frozen=True)
class Pairs:
    """Pairs that people told apart: `better` and `worse` are rows of responses, `weight` how much of a pair it is."""

    better: np.ndarray
    worse: np.ndarray

    @classmethod
    def within_prompts(cls, people: np.ndarray, prompts: np.ndarray) -> "Pairs":
        """All pairs of a prompt's responses that people (N,) value differently."""
        better, worse = [], []
        for rows in groups_of(prompts):
            first, second = np.nonzero(people[rows][:, None] > people[rows][None, :])
            better.append(rows[first])
            worse.append(rows[second])
        return cls(np.concatenate(better), np.concatenate(worse))

    def agreeing(self, head: np.ndarray) -> np.ndarray:
        """1 where the head puts a pair the same way round, ½ where it says the same of both."""
        ahead = head[self.better] - head[self.worse]
        agreeing: np.ndarray = np.where(ahead == 0, 0.5, (ahead > 0).astype(float))
        return agreeing

    def accuracy(self, head: np.ndarray) -> float:
        """Share of pairs that the head puts the same way round; ½ where there are none."""
        return float(self.agreeing(head).mean()) if len(self.better) else 0.5


def groups_of(prompts: np.ndarray) -> list[np.ndarray]:
    """The rows of each prompt, (k,) each."""
    order = np.argsort(prompts, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(prompts[order])) + 1)


def favourite_gains(head: np.ndarray, people: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """For each prompt how much better than its mean the response is that the head likes best; ties share."""
    gains = []
    for rows in groups:
        best = head[rows] == head[rows].max()
        gains.append(people[rows][best].mean() - people[rows].mean())
    return np.array(gains)


def agree(head: np.ndarray, people: PeoplesValues, prompts: np.ndarray, pairs: Pairs, seed: int) -> Agreement:
    """What the head says (N,) beside people's values of the same responses."""
    groups = groups_of(prompts)
    draws = resampled(len(groups), seed)
    place = np.empty(len(prompts), dtype=int)
    for number, rows in enumerate(groups):
        place[rows] = number
    times = draws[:, place].astype(float)
    correlations = weighted_spearman(head, people.known, times)

    several = [rows for rows in groups if len(rows) > 1]
    return Agreement(
        pearson(head, people.known),
        Estimate(spearman(head, people.known), *_interval(correlations)),
        pair_estimate(head, pairs, place, draws),
        _mean_of(favourite_gains(head, people.said, several), seed),
        Estimate(slope_of(people.said, head), *_interval(_slopes(people.said, head, times))),
    )


def pair_estimate(head: np.ndarray, pairs: Pairs, place: np.ndarray, draws: np.ndarray) -> Estimate:
    """Pair accuracy over prompts; `place` (N,) numbers the prompts, `draws` (d, prompts) how often each is drawn."""
    if len(pairs.better) == 0:
        return Estimate(0.5, 0.0, 1.0)
    agreeing, of = pairs.agreeing(head), place[pairs.better]
    right = np.bincount(of, agreeing, draws.shape[1])
    compared = np.bincount(of, minlength=draws.shape[1])
    total = draws @ compared
    found = np.divide(draws @ right, total, out=np.full(len(draws), 0.5), where=total > 0)
    return Estimate(float(agreeing.mean()), *_interval(found))


def _mean_of(values: np.ndarray, seed: int) -> Estimate:
    if len(values) == 0:
        return Estimate(0.0, 0.0, 0.0)
    draws = resampled(len(values), seed)
    return Estimate(float(values.mean()), *_interval(draws @ values / len(values)))


def resampled(prompts: int, seed: int) -> np.ndarray:
    """How often each prompt is drawn in each of RESAMPLES draws with replacement, (RESAMPLES, prompts)."""
    draw = np.random.default_rng(seed)
    return draw.multinomial(prompts, np.full(prompts, 1 / prompts), size=RESAMPLES)


def _interval(found: np.ndarray) -> tuple[float, float]:
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))
