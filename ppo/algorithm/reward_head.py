"""The reward head: ridge regression from the reference's hidden states to what people predicted.

A few dozen ratings cannot feed a reward *model*: on 128 ratings a LoRA reward model did no better than such a line
fitted in a hundredth of a second. Features are means over the response's tokens of five depths (the embedding
among them: it is a bag of words, and words are what many preferences are about), with the response's length and
whether it ended by itself; the penalty is chosen by closed-form leave-one-out error. docs/log.md has the trials.
After every fit the head is re-normalised to mean 0 and standard deviation 1 on reference samples, or kl_coef
would mean something else each round.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr
from sklearn.model_selection import GroupKFold

PENALTIES = np.logspace(-3, 2, 21)  # ridge penalties tried, per response, for rows of unit mean square
EXTRA_WEIGHT = 0.5  # length and ending beside the hidden blocks, each of weight 1/√blocks; measured
MAX_DEVIATIONS = 4.0  # a feature further than this many standard deviations out is held there
RESAMPLES = 400  # of prompts, for the intervals
PERMUTATIONS = 1999  # of ratings, for the gate
GATE_LEVEL = (
    0.1  # at 0.05 a third to a half of genuine 64-rating rounds of a diffuse taste are sent back; docs/log.md
)
MINIMUM = 8  # responses and, of them, 2 prompts: below that there is nothing to fit


@dataclass(frozen=True)
class RewardHead:
    """rating ≈ clip(bias + standardised features · weights, low, high);
    score = (rating − reference_mean) / reference_std.

    Arrays are (F,). `people_mean` and `people_std` put a person's own rating into the same units.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float
    low: float
    high: float
    reference_mean: float
    reference_std: float
    people_mean: float
    people_std: float

    def rating(self, features: np.ndarray) -> np.ndarray:
        """features (B, F) → expected ratings (B,) on the raters' scale, never off it: a line extrapolates."""
        line = self.bias + _standardise(features, self.centre, self.scale) @ self.weights
        rating: np.ndarray = np.clip(line, self.low, self.high)
        return rating

    def score(self, features: np.ndarray) -> np.ndarray:
        """features (B, F) → scores (B,), in standard deviations of reference samples."""
        return (self.rating(features) - self.reference_mean) / self.reference_std

    def hidden_weights(self) -> np.ndarray:
        """What a score owes to the mean of each hidden feature (F − 2,), while nothing is clipped."""
        weights: np.ndarray = (self.weights / self.scale)[:-2] / self.reference_std
        return weights

    def normalise_ratings(self, ratings: np.ndarray) -> np.ndarray:
        """Ratings of people (offsets taken off) (B,) → the same units."""
        return (ratings - self.people_mean) / self.people_std


@dataclass(frozen=True)
class HeadReport:
    """Agreement with people on prompts that the head was not fitted on, with 95 % intervals over prompts.

    `spearman` and `pearson` over all responses; `pair_accuracy` within a prompt, of pairs that people told apart.
    `passed`: shuffled ratings reach the same Pearson correlation with a probability `p_value` below GATE_LEVEL.
    (Ratings with a floor, nearly all 1 and a few 10, have ranks that are mostly ties: there ranks tell chance from
    skill in 7 of 10 rounds of 64 ratings, Pearson in 9 of 10.) `reason` says it in a sentence.
    """

    pearson: float
    p_value: float
    spearman: float
    spearman_ci: tuple[float, float]
    pair_accuracy: float
    pair_ci: tuple[float, float]
    responses: int
    prompts: int
    passed: bool
    reason: str


def _standardise(features: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    standardised: np.ndarray = np.clip((features - centre) / scale, -MAX_DEVIATIONS, MAX_DEVIATIONS)
    return standardised


def block_weights(features: int) -> np.ndarray:
    """What each standardised feature counts (F,): the hidden ones together 1, the two extras EXTRA_WEIGHT²."""
    hidden = np.full(features - 2, 1 / np.sqrt(features - 2))
    return np.concatenate([hidden, np.full(2, EXTRA_WEIGHT / np.sqrt(2))])


def fit(
    features: np.ndarray, ratings: np.ndarray, reference: np.ndarray, scale: tuple[float, float]
) -> RewardHead:
    """features (N, F) and ratings (N,) of people → a head, normalised on `reference` (N,) bool rows.

    `scale` is the lowest and highest rating there is. Without two reference rows all rows stand for them. Equal
    ratings give a head that says the same of everything.
    """
    centre, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
    count = block_weights(features.shape[1])
    rows = _standardise(features, centre, spread) * count
    weights, bias = _ridge(rows, ratings)
    fitted = np.clip(bias + rows @ weights, *scale)
    normed = reference if reference.sum() >= 2 else np.ones(len(ratings), dtype=bool)
    smallest_std = 0.05 * (scale[1] - scale[0])  # a head that says nothing must not turn rounding into reward
    return RewardHead(
        centre,
        spread,
        weights * count,
        bias,
        *scale,
        reference_mean=float(fitted[normed].mean()),
        reference_std=float(max(fitted[normed].std(), smallest_std)),
        people_mean=float(ratings[normed].mean()),
        people_std=float(max(ratings[normed].std(), smallest_std)),
    )


def _ridge(rows: np.ndarray, ratings: np.ndarray) -> tuple[np.ndarray, float]:
    """Ridge regression with the penalty of least leave-one-out error, all penalties from one decomposition.

    The hat matrix of ridge with an intercept is 1/n + U·diag(s²/(s²+λ))·Uᵀ, and the error of leaving row i out
    is its residual over 1 − h_i (Hastie, Tibshirani, Friedman, Elements of Statistical Learning, §7.10).
    """
    n, mean, centre = len(ratings), ratings.mean(), rows.mean(0)
    u, s, vt = np.linalg.svd(rows - centre, full_matrices=False)
    target = u.T @ (ratings - mean)
    best: tuple[float, np.ndarray] | None = None
    for penalty in PENALTIES * n:
        shrink = s**2 / (s**2 + penalty)
        leverage = np.minimum(1 / n + (u**2) @ shrink, 1 - 1e-9)
        residual = (ratings - mean - u @ (shrink * target)) / (1 - leverage)
        error = float(np.mean(residual**2))
        if best is None or error < best[0]:
            best = (error, vt.T @ (s / (s**2 + penalty) * target))
    assert best is not None
    return best[1], float(mean - centre @ best[1])


def cross_validate(
    features: np.ndarray,
    ratings: np.ndarray,
    prompts: np.ndarray,
    folds: int,
    scale: tuple[float, float],
    seed: int,
) -> HeadReport:
    """Fits on all prompts but a fold, says what the held-out ones get, and compares with people; (N, F), (N,), (N,)."""
    unique = np.unique(prompts)
    if len(ratings) < MINIMUM or len(unique) < 2 or np.ptp(ratings) == 0:
        few = len(ratings) < MINIMUM or len(unique) < 2
        why = "there are too few ratings" if few else "all ratings are equal"
        reason = f"Nothing can be learned from {len(ratings)} responses: {why}. Collect more ratings."
        return HeadReport(0, 1, 0, (-1, 1), 0.5, (0, 1), len(ratings), len(unique), False, reason)
    predicted = _held_out(features, ratings, prompts, folds, scale)
    draw = np.random.default_rng(seed)
    rows = {p: np.flatnonzero(prompts == p) for p in unique}
    rhos, accuracies = [], []
    for _ in range(RESAMPLES):
        picked = [rows[p] for p in draw.choice(unique, len(unique))]
        both = np.concatenate(picked)
        rhos.append(_spearman(predicted[both], ratings[both]))
        accuracies.append(pair_accuracy(predicted, ratings, picked))
    pearson = _pearson(predicted, ratings)
    # Shuffling changes neither mean nor deviation, so products compare as correlations do
    shuffled = draw.permuted(np.tile(ratings, (PERMUTATIONS, 1)), axis=1) @ (predicted - predicted.mean())
    p_value = float(
        (1 + np.sum(shuffled >= ratings @ (predicted - predicted.mean()) - 1e-9)) / (1 + PERMUTATIONS)
    )
    rho, pair = _spearman(predicted, ratings), pair_accuracy(predicted, ratings, list(rows.values()))
    rho_ci = (float(np.quantile(rhos, 0.025)), float(np.quantile(rhos, 0.975)))
    pair_ci = (float(np.quantile(accuracies, 0.025)), float(np.quantile(accuracies, 0.975)))
    reason = (
        f"On prompts it has not seen, the head ranks responses as people do with a correlation of {rho:.2f} "
        f"(95 % interval {rho_ci[0]:.2f} to {rho_ci[1]:.2f}; {len(ratings)} responses; chance alone does as well "
        f"with a probability of {p_value:.3f})"
    )
    passed = p_value < GATE_LEVEL
    reason += (
        "." if passed else ": that cannot be told from chance. Collect more ratings, or look at agreement."
    )
    return HeadReport(pearson, p_value, rho, rho_ci, pair, pair_ci, len(ratings), len(unique), passed, reason)


def _held_out(
    features: np.ndarray, ratings: np.ndarray, prompts: np.ndarray, folds: int, scale: tuple[float, float]
) -> np.ndarray:
    """What a head fitted on the other prompts says of each response, relative to its own mean (N,).

    The mean is left out: a fold of high ratings leaves a low mean to the others, so that means alone would agree
    *negatively* with people (−0.2 on random ratings).
    """
    predicted = np.zeros(len(ratings))
    no_reference = np.zeros(len(ratings), dtype=bool)
    for train, held_out in GroupKFold(min(folds, len(np.unique(prompts)))).split(features, ratings, prompts):
        head = fit(features[train], ratings[train], no_reference[train], scale)
        predicted[held_out] = head.rating(features[held_out]) - ratings[train].mean()
    return predicted


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a, b).statistic)


def pair_accuracy(predicted: np.ndarray, ratings: np.ndarray, groups: list[np.ndarray]) -> float:
    """Share of pairs within a group that people told apart and the head puts the same way round."""
    agreeing = compared = 0.0
    for rows in groups:
        people = ratings[rows][:, None] > ratings[rows][None, :]
        head = np.sign(predicted[rows][:, None] - predicted[rows][None, :])
        compared += people.sum()
        agreeing += (head[people] > 0).sum() + 0.5 * (head[people] == 0).sum()
    return float(agreeing / compared) if compared else 0.5
