"""How the head's agreement grew with the prompts it was fitted on, and what more ratings should buy.

The law: ρ(n) = ρ∞ · √(n / (n + n½)), the correlation of a ridge regression's prediction where n½ ratings explain half
of what all would (as the expected R² of Bayesian linear regression, Sollich 1999, to first order). ρ∞ holds the noise
of people, too. Hyperparameters stay those of all ratings: what grows is what the weights know.
"""

from dataclasses import dataclass

import numpy as np

from ppo.reward.evaluation.agreement import favourite_gains, groups_of, resampled, weighted_spearman
from ppo.reward.evaluation.held_out import HeldOut
from ppo.reward.evaluation.people import PeoplesValues
from ppo.reward.judgements import Judgements

SHARES = (0.25, 0.5, 0.75)  # of the prompts, beside those of the cross-validation
DRAWS = 8  # of prompts for each share
MORE = (16, 32, 64)  # ratings that are advised on
HALVES = np.geomspace(4, 4096, 41)  # n½ tried
RESAMPLES = 100  # of prompts, for the interval of what is advised
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
    """What `more` ratings should add to the Spearman correlation, with an 80 % interval over prompts."""

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


@dataclass(frozen=True)
class _Fits:
    """What heads said that learned from parts of the prompts: (d, s, N) each, of d draws and s sizes.

    `unseen` is where a response's prompt was not learned from, `taught` (s,) how many ratings were.
    """

    said: np.ndarray
    unseen: np.ndarray
    taught: np.ndarray


def learning_curve(
    held_out: HeldOut,
    judgements: Judgements,
    people: PeoplesValues,
    prompts: np.ndarray,
    folds: int,
    seed: int,
) -> LearningCurve:
    """Fits on draws of a quarter, a half and three quarters of the prompts, reads the others; (N,) each of
    responses."""
    unique = np.unique(prompts)
    if len(unique) < FEWEST_PROMPTS or len(judgements) > MOST_JUDGEMENTS:
        return LearningCurve((), ())
    fits = _fit_parts(held_out, judgements, prompts, folds, seed)
    place = np.searchsorted(unique, prompts)
    drawn = resampled(len(unique), seed)[:RESAMPLES, place]
    grown = _correlations(fits, people.known, np.vstack([np.ones(len(prompts)), drawn]))
    parts = [(fits.said[:, s], fits.unseen[:, s]) for s in range(len(fits.taught))]
    gains = [
        np.mean([_gain(*one, people.said, prompts) for one in zip(*part, strict=True)]) for part in parts
    ]
    points = tuple(CurvePoint(*map(float, row)) for row in zip(fits.taught, grown[0], gains, strict=True))
    return LearningCurve(points, _advise(fits.taught, len(judgements), grown))


def _fit_parts(
    held_out: HeldOut, judgements: Judgements, prompts: np.ndarray, folds: int, seed: int
) -> _Fits:
    unique, of_judgement = np.unique(prompts), prompts[judgements.row]
    draw = np.random.default_rng(seed)
    shape = (DRAWS, len(SHARES) + 1, len(prompts))
    said, unseen, taught = np.zeros(shape), np.ones(shape, dtype=bool), np.zeros(shape[:2])
    for d in range(DRAWS):
        order = draw.permutation(unique)
        for s, share in enumerate(SHARES):
            learned = order[: max(2, round(share * len(order)))]
            known = np.isin(of_judgement, learned)
            said[d, s], unseen[d, s] = held_out.predict(~known), ~np.isin(prompts, learned)
            taught[d, s] = known.sum()
        others = draw.permutation(len(unique))[np.searchsorted(unique, prompts)]
        said[d, -1] = held_out.cross_validated(others, folds)
        taught[d, -1] = len(judgements) * (1 - 1 / min(folds, len(unique)))
    return _Fits(said, unseen, taught.mean(0))


def _correlations(fits: _Fits, people: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Spearman of the unseen responses, each of which counts `times` (r, N) as often, (r, s): means over draws."""
    draws, sizes, _ = fits.said.shape
    found = np.zeros((draws, sizes, len(times)))
    for d, s in np.ndindex(draws, sizes):
        unseen = fits.unseen[d, s]
        found[d, s] = weighted_spearman(fits.said[d, s, unseen], people[unseen], times[:, unseen])
    means: np.ndarray = found.mean(0).T
    return means


def _gain(said: np.ndarray, unseen: np.ndarray, people: np.ndarray, prompts: np.ndarray) -> float:
    """How much better than its prompt's mean the favourite of an unseen prompt is."""
    several = [rows for rows in groups_of(prompts[unseen]) if len(rows) > 1]
    gains = favourite_gains(said[unseen], people[unseen], several)
    return float(gains.mean()) if len(gains) else 0.0


def _advise(taught: np.ndarray, total: int, correlations: np.ndarray) -> tuple[Advice, ...]:
    """The law fitted on the first correlations (r, s), and on those of resampled prompts for the interval."""
    laws = [fit_law(taught, found) for found in correlations]
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
