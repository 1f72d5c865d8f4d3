"""Numbers that describe texts and ratings, for reports; nothing is trained on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ppo.config import SampleConfig
from ppo.reward.reward_head import RewardHead
from rater_data.statistics.intervals import t_margin


def distinct_2(texts: Sequence[str]) -> float:
    """Distinct word pairs over all word pairs of some texts (Li et al. 2016); 1 when there is no pair.

    It falls with the number of texts, so sets of equal size are compared: one response to each prompt.
    """
    pairs = [pair for text in texts for pair in pairwise(text.lower().split())]
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def mean_interval(values: Sequence[float], groups: Sequence[int]) -> tuple[float, float, float]:
    """Mean, and the ends of its 95 % t-interval over the means of groups (responses to one prompt hang together)."""
    array, keys = np.asarray(values, dtype=float), np.asarray(groups)
    means = np.array([array[keys == k].mean() for k in np.unique(keys)])
    mean = float(array.mean())
    if len(means) < 2:
        return mean, mean, mean
    margin = t_margin(means.tolist())
    return mean, mean - margin, mean + margin


@dataclass(frozen=True)
class Change:
    """How much better than before a reward head expects answers to be, on the raters' scale, and its standard error
    over prompts."""

    mean: float
    error: float


@dataclass(frozen=True)
class MeasuredPolicy:
    """What a policy writes to the holdout prompts.

    `metrics`: KL to the reference and the shape of the texts; `features` (B, F): the reference's, of each answer;
    `groups` (B,): its prompt, a number from 0; `prompt_ids`, `sample`: what was answered, and how.
    """

    metrics: dict[str, float]
    features: np.ndarray
    groups: np.ndarray
    prompt_ids: tuple[int, ...]
    sample: SampleConfig

    def expected(self, head: RewardHead) -> dict[str, float]:
        """What a head expects raters to say: `expected_rating` with the ends of its 95 % interval over prompts, and
        `expected_of_base`, of the base model's answers, by the same head."""
        mean, low, high = mean_interval(head.rating(self.features).tolist(), self.groups.tolist())
        # it is normalised so that the base's answers have the score 0 on average
        of_base = float(head.rating_of_score(np.zeros(1))[0])
        return {
            "expected_rating": mean,
            "expected_low": low,
            "expected_high": high,
            "expected_of_base": of_base,
        }

    def change_since(self, before: "MeasuredPolicy", head: RewardHead) -> Change:
        """What `head` expects of these answers, less what it expects of those `before` to the same prompts."""
        assert self.prompt_ids == before.prompt_ids, "the same prompts are answered"
        now, then = (head.rating(one.features) for one in (self, before))
        places = range(len(self.prompt_ids))
        apart = [now[self.groups == i].mean() - then[before.groups == i].mean() for i in places]
        error = float(np.std(apart, ddof=1) / len(apart) ** 0.5) if len(apart) > 1 else np.inf
        return Change(float(np.mean(apart)), error)
