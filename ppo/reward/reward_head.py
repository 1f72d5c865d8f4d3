"""The reward head: a line from the reference's hidden states to what people said, and how sure it is.

A Gaussian process with one linear kernel for each depth, for length and for ending, whose weights the evidence finds.
A few dozen ratings cannot feed a reward *model*: on 128 of them a LoRA reward model did no better than a line;
docs/log.md has the trials. Conventions, for what judgements leave open: with scores, quality is in points of the
scale, offsets of raters are 0 on average and slopes 1; of comparisons and thumbs it is in logits, and 0 is a response
that is as good as a usual one (a comparison) or as often up as down. After every fit, scores are normalised to mean 0
and deviation 1 on reference samples, or kl_coef would mean something else each round.
"""

from dataclasses import dataclass

import numpy as np

from ppo.reward.evidence import MOST_JUDGEMENTS, Evidence, Kernels
from ppo.reward.features import Standard, block_edges
from ppo.reward.hyperparameters import Hyperparameters, expected
from ppo.reward.influence import judgement_weights
from ppo.reward.judgements import SCORE, Judgements
from ppo.reward.posterior import Posterior, condition

MINIMUM = 8  # responses and, of them, 2 prompts: below that there is nothing to fit
MOST_EXACT = 6_000  # judgements that the posterior is computed of; of more, prompts are drawn at random
SMALLEST_STD = 0.05  # of the scale: a head that says nothing must not turn rounding into reward
LOGIT_LIMIT = 4.0  # quality in logits is held within this: 98 of 100 comparisons won
ARRAYS = ("centre", "scale", "weights", "prior", "factor")


@dataclass(frozen=True)
class RewardHead:
    """quality = clip(bias + standardised features · weights, low, high); score = (quality − reference_mean) /
    reference_std.

    Arrays are (F,), `factor` is (F, r): weights vary as diag(prior) − factor·factorᵀ. `link`: "points", or "thumbs"
    and "pair", whose quality is in logits.
    """

    centre: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    prior: np.ndarray
    factor: np.ndarray
    bias: float
    low: float
    high: float
    link: str
    reference_mean: float
    reference_std: float

    def quality(self, features: np.ndarray) -> np.ndarray:
        """features (B, F) → quality (B,), never far off the scale: a line extrapolates."""
        line = self.bias + self._rows(features) @ self.weights
        held: np.ndarray = np.clip(line, self.low, self.high)
        return held

    def rating(self, features: np.ndarray) -> np.ndarray:
        """features (B, F) → expected ratings (B,) on the raters' scale: of thumbs how likely up, of a comparison with
        a usual response from −1 (always worse) to 1."""
        return self.rating_of_score(self.score(features))

    def rating_of_score(self, score: np.ndarray) -> np.ndarray:
        """Scores (B,), of the head or of rated responses → ratings (B,) as `rating` gives them."""
        quality = self.reference_mean + self.reference_std * score
        if self.link == "points":
            return quality
        won: np.ndarray = 1 / (1 + np.exp(-quality))
        return won if self.link == "thumbs" else 2 * won - 1

    def score(self, features: np.ndarray) -> np.ndarray:
        """features (B, F) → scores (B,), in standard deviations of reference samples."""
        return self.to_score(self.quality(features))

    def to_score(self, quality: np.ndarray) -> np.ndarray:
        """Quality, in points or logits → the same in standard deviations of reference samples."""
        return (quality - self.reference_mean) / self.reference_std

    def hidden_weights(self) -> np.ndarray:
        """What a score owes to the mean of each hidden feature (F − 2,), while nothing is clipped."""
        weights: np.ndarray = (self.weights / self.scale)[:-2] / self.reference_std
        return weights

    def covariance_times(self, direction: np.ndarray) -> np.ndarray:
        """Covariance of the weights that scores owe to features, times a direction in them: (F,) → (F,).

        direction · covariance_times(direction) is the variance of how much a score grows along the direction.
        """
        scaled = direction / self.scale
        times = self.prior * scaled - self.factor @ (self.factor.T @ scaled)
        return times / self.scale / self.reference_std**2

    def _rows(self, features: np.ndarray) -> np.ndarray:
        return Standard(self.centre, self.scale).apply(features)


@dataclass(frozen=True)
class FittedHead:
    """A head, what is known of the responses it was fitted on, and the hyperparameters that it was fitted with.

    `rated` (N,): the score of each, between what the head says of it and what its raters said, by precision. `offsets`
    (R,) of raters, in points or logits. `start` (F,): mean features of what the policy wrote before this training.
    """

    head: RewardHead
    rated: np.ndarray
    hyperparameters: Hyperparameters
    offsets: np.ndarray
    start: np.ndarray


@dataclass(frozen=True)
class Unit:
    """Where quality has its zero and what one of it is: points = zero + one · standardised."""

    zero: float
    one: float

    @classmethod
    def of(cls, judgements: Judgements) -> "Unit":
        """Mean and deviation of all scores; logits are left as they are."""
        scores = judgements.said[judgements.kind == SCORE]
        if len(scores) == 0:
            return cls(0.0, 1.0)
        return cls(
            float(scores.mean()), float(max(scores.std(), SMALLEST_STD * (judgements.high - judgements.low)))
        )

    def answers(self, judgements: Judgements) -> np.ndarray:
        """What was said (n,), scores standardised."""
        scored = (judgements.said - self.zero) / self.one
        answers: np.ndarray = np.where(judgements.kind == SCORE, scored, judgements.said)
        return answers


def learn_hyperparameters(
    rows: np.ndarray, edges: list[slice], judgements: Judgements, prompts: np.ndarray
) -> Hyperparameters:
    """By evidence, on a draw of whole prompts where there is much; rows (N, F) standardised, prompts (N,)."""
    if len(judgements) < MINIMUM:
        return expected(judgements, len(edges))
    part = judgements.take(drawn_prompts(judgements, prompts, MOST_JUDGEMENTS))
    answers = Unit.of(judgements).answers(part)
    return Evidence(Kernels.of(rows, edges, part), part, answers).maximise()


def drawn_prompts(
    judgements: Judgements, prompts: np.ndarray, most: int, first: np.ndarray | None = None
) -> np.ndarray:
    """Indices of at most `most` judgements, of whole prompts at random, always the same; all where they are fewer.

    `first` (N,) bool: responses whose prompts are drawn before others.
    """
    if len(judgements) <= most:
        return np.arange(len(judgements))
    of_judgement = prompts[judgements.row]
    order = np.random.default_rng(0).permutation(np.unique(of_judgement))
    if first is not None:
        order = np.concatenate(
            [order[np.isin(order, prompts[first])], order[~np.isin(order, prompts[first])]]
        )
    place = np.empty(len(order), dtype=int)
    place[np.argsort(order)] = np.arange(len(order))
    rank = place[np.searchsorted(np.sort(order), of_judgement)]
    chosen = np.argsort(rank, kind="stable")[:most]
    return np.sort(chosen)


def fit(
    features: np.ndarray,
    judgements: Judgements,
    prompts: np.ndarray,
    reference: np.ndarray,
    depths: int = 1,
    first: np.ndarray | None = None,
) -> FittedHead:
    """features (N, F) of judged responses, their prompts (N,) → a head, normalised on `reference` (N,) bool rows.

    `depths`: how many hidden states the features are of. Of more than MOST_EXACT judgements those of prompts of
    `first` (N,) bool count before others. Without two reference rows all rows stand for them. Equal scores give a
    head that says the same of everything.
    """
    standard, edges, unit = Standard.of(features), block_edges(features.shape[1], depths), Unit.of(judgements)
    rows = standard.apply(features)
    h = learn_hyperparameters(rows, edges, judgements, prompts)
    part = judgements.take(drawn_prompts(judgements, prompts, MOST_EXACT, first))
    known = condition(rows, edges, part, unit.answers(part), h, judgement_weights(part, h))
    head = _head(standard, rows, known, unit, judgements, reference)
    rated = head.to_score(unit.zero + unit.one * known.mean)
    written = features if first is None or not first.any() else features[first]
    return FittedHead(head, rated, h, unit.one * known.offsets, written.mean(0))


def _head(
    standard: Standard,
    rows: np.ndarray,
    known: Posterior,
    unit: Unit,
    judgements: Judgements,
    reference: np.ndarray,
) -> RewardHead:
    points = bool((judgements.kind == SCORE).any()) or len(judgements) == 0
    link = "points" if points else ("thumbs" if judgements.has_offset.any() else "pair")
    low, high = (judgements.low, judgements.high) if points else (-LOGIT_LIMIT, LOGIT_LIMIT)
    bias = unit.zero + unit.one * known.constant
    fitted = np.clip(bias + unit.one * (rows @ known.weights), low, high)
    normed = fitted[reference] if reference.sum() >= 2 else fitted
    return RewardHead(
        standard.centre,
        standard.scale,
        unit.one * known.weights,
        unit.one**2 * known.prior,
        np.ascontiguousarray(unit.one * known.factor, dtype=np.float32),
        bias,
        low,
        high,
        link,
        reference_mean=float(normed.mean()),
        reference_std=float(max(normed.std(), SMALLEST_STD * (high - low))),
    )
