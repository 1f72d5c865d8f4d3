"""How the head's agreement grew with the prompts it was fitted on, and what more ratings should buy.

The law: ρ(n) = ρ∞ · √(n / (n + n½)), the correlation of a ridge regression's prediction where n½ ratings explain half
of what all would (as the expected R² of Bayesian linear regression, Sollich 1999, to first order). ρ∞ holds the noise
of people, too. Hyperparameters stay those of all ratings: what grows is what the weights know.
"""

from dataclasses import dataclass

import numpy as np

from ppo.reward.evaluation.agreement import favourite_gains, groups_of, spearman
from ppo.reward.evaluation.held_out import HeldOut
from ppo.reward.judgements import Judgements

SHARES = (0.25, 0.5, 0.75)  # of the prompts, beside those of the cross-validation
DRAWS = 8  # of prompts for each share
MORE = (16, 32, 64)  # ratings that are advised on
HALVES = np.geomspace(4, 4096, 41)  # n½ tried
FEWEST_PROMPTS = 8  # below that a quarter of the prompts is no set to learn from
MOST_JUDGEMENTS = 1_500  # beyond, more of the same is hardly a question, and the fits would take long


@dataclass(frozen=True)
class CurvePoint:
    """Agreement on held-out prompts after `ratings` of them: `spearman` and `gain`, means over draws."""

    ratings: float
    spearman: float
    gain: float


@dataclass(frozen=True)
class Advice:
    """What `more` ratings should add to the Spearman correlation, with an 80 % interval over draws of prompts."""

    more: int
    spearman: float
    low: float
    high: float


@dataclass(frozen=True)
class LearningCurve:
    """Points from few prompts to many, and what comes next by the law; both empty where there is too little or
    very much."""

    points: tuple[CurvePoint, ...]
    advice: tuple[Advice, ...]


def learning_curve(
    held_out: HeldOut, judgements: Judgements, people: np.ndarray, prompts: np.ndarray, folds: int, seed: int
) -> LearningCurve:
    """Fits on draws of a quarter, a half and three quarters of the prompts, reads the others; (N,) each of
    responses."""
    unique = np.unique(prompts)
    if len(unique) < FEWEST_PROMPTS or len(judgements) > MOST_JUDGEMENTS:
        return LearningCurve((), ())
    draw = np.random.default_rng(seed)
    of_judgement = prompts[judgements.row]
    total = len(judgements)
    # (DRAWS, shares + 1, 3): ratings that taught, Spearman, gain
    found = np.zeros((DRAWS, len(SHARES) + 1, 3))
    for d in range(DRAWS):
        order = draw.permutation(unique)
        for s, share in enumerate(SHARES):
            taught = np.isin(of_judgement, order[: max(2, round(share * len(order)))])
            rest = ~np.isin(prompts, order[: max(2, round(share * len(order)))])
            said = held_out.predict(~taught)
            found[d, s] = taught.sum(), *_agreement(said[rest], people[rest], prompts[rest])
        many = min(folds, len(unique))
        said = held_out.cross_validated(
            draw.permutation(len(unique))[np.searchsorted(unique, prompts)], folds
        )
        found[d, -1] = total * (1 - 1 / many), *_agreement(said, people, prompts)
    points = tuple(CurvePoint(*map(float, row)) for row in found.mean(0))
    return LearningCurve(points, _advise(found, total, draw))


def _agreement(said: np.ndarray, people: np.ndarray, prompts: np.ndarray) -> tuple[float, float]:
    several = [rows for rows in groups_of(prompts) if len(rows) > 1]
    gains = favourite_gains(said, people, several)
    return spearman(said, people), float(gains.mean()) if len(gains) else 0.0


def _advise(found: np.ndarray, total: int, draw: np.random.Generator) -> tuple[Advice, ...]:
    """The law fitted on the mean of all draws, and on resampled ones for the interval."""
    resampled = [found[draw.integers(DRAWS, size=DRAWS)].mean(0) for _ in range(200)]
    laws = [fit_law(points[:, 0], points[:, 1]) for points in (found.mean(0), *resampled)]
    grown = np.array([[law_at(law, total + more) - law_at(law, total) for more in MORE] for law in laws])
    low, high = np.quantile(grown[1:], [0.1, 0.9], axis=0)
    return tuple(
        Advice(more, float(g), float(lo), float(hi))
        for more, g, lo, hi in zip(MORE, grown[0], low, high, strict=True)
    )


def law_at(law: tuple[float, float], ratings: float) -> float:
    """The correlation that the law (ρ∞, n½) expects after so many ratings."""
    top, half = law
    return top * float(np.sqrt(ratings / (ratings + half)))


def fit_law(ratings: np.ndarray, correlations: np.ndarray) -> tuple[float, float]:
    """(ρ∞, n½) of least squares; ρ∞ from 0 to 1."""
    best = (np.inf, 0.0, float(HALVES[0]))
    for half in HALVES:
        shape = np.sqrt(ratings / (ratings + half))
        top = float(np.clip(shape @ correlations / (shape @ shape), 0, 1))
        error = float(np.sum((correlations - top * shape) ** 2))
        best = min(best, (error, top, float(half)))
    return best[1], best[2]
