"""What the reward head's score is worth in true rating: of what PPO found, and of the head's own pick among many.

PPO that follows a head into its mistakes raises the score and not the rating; picking the best of N by the same head
moves nothing and cannot go far. Beside each other the two tell a poor head from one that is exploited.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ppo.algorithm.measures import mean_interval
from ppo.config import Config
from ppo.reward.reward_head import RewardHead
from ppo.training.engine import Engine
from rater_data.records import Prompt


@dataclass(frozen=True)
class JudgedTexts:
    """Responses to P prompts, N to each in a row: the head's features (P·N, F) and the true ratings (P·N,)."""

    features: np.ndarray
    true: np.ndarray
    per_prompt: int

    def owners(self) -> list[int]:
        """The prompt of each response, by its place."""
        return [row // self.per_prompt for row in range(len(self.true))]


Judge = Callable[[Sequence[tuple[Prompt, str]]], list[float]]


def draw_judged(
    engine: Engine, prompts: Sequence[Prompt], per_prompt: int, config: Config, seed: int, judge: Judge
) -> JudgedTexts:
    """`per_prompt` responses of the version in hand to each prompt, read and judged."""
    rollout, texts = engine.rollout(prompts, per_prompt, config, seed)
    true = judge([(prompts[row // per_prompt], text) for row, text in enumerate(texts)])
    return JudgedTexts(engine.features_of(rollout, config), np.array(true), per_prompt)


def best_of(head: RewardHead, candidates: JudgedTexts) -> dict[str, float | list[float]]:
    """The head's favourite of each prompt against the prompt's mean: score, true rating with a 95 % interval, KL.

    The KL of picking the best of N is log N − (N − 1)/N nats (Stiennon et al. 2020, arXiv 2009.01325, app. G.3).
    """
    n = candidates.per_prompt
    scores, true = head.score(candidates.features).reshape(-1, n), candidates.true.reshape(-1, n)
    prompts, picked = np.arange(len(scores)), scores.argmax(1)
    gain, low, high = mean_interval((true[prompts, picked] - true.mean(1)).tolist(), prompts.tolist())
    return {
        "of": float(n),
        "score_gain": float((scores[prompts, picked] - scores.mean(1)).mean()),
        "gain": gain,
        "gain_ci": [low, high],
        "kl": math.log(n) - (n - 1) / n,
    }


def score_gain(head: RewardHead, before: JudgedTexts, after: JudgedTexts) -> float:
    """How much more the head says of `after` than of `before`, in its own units."""
    return float(head.score(after.features).mean() - head.score(before.features).mean())
