"""Pessimism along the way that PPO moves: a score minus a multiple of how unsure the head is of that way.

PPO goes where the head points, and a head is least sure where nobody rated. What counts is not how unsure it is of one
response (outliers always are) but of the *change of the mean response*, d: its standard deviation is √(dᵀ·Σ·d) with Σ
the covariance of the head's weights. Its slope in the features, Σ·d/√(dᵀ·Σ·d), is taken off the head's line, `multiple`
times, so that what PPO climbs is the lower bound of the gain. d comes from few responses to few prompts: the share of
dᵀ·Σ·d that the draw of prompts makes by chance takes the penalty back (as in James and Stein's estimator).

A step is lowered by the way that the step before it found: its responses are then scored by one line, whose credit for
every token is known while they are read.
"""

from dataclasses import dataclass

import numpy as np

from ppo.reward.reward_head import FittedHead, RewardHead


@dataclass(frozen=True)
class Way:
    """How the mean response has changed since the round began.

    `direction` (F,) in features; `sd`: how unsure the head is of the score's change, in its units; `share` of it that
    the draw of prompts does not explain, 0 to 1.
    """

    direction: np.ndarray
    sd: float
    share: float


def way_since(head: RewardHead, start: np.ndarray, features: np.ndarray, groups: np.ndarray) -> Way:
    """From mean features `start` (F,) to those of responses now, (B, F), to the prompts `groups` (B,)."""
    means = np.stack([features[groups == g].mean(0) for g in np.unique(groups)])
    direction = means.mean(0) - start
    variance = float(direction @ head.covariance_times(direction))
    if variance <= 0 or len(means) < 2:
        return Way(direction, 0.0, 0.0)
    apart = means - means.mean(0)
    between = sum(float(one @ head.covariance_times(one)) for one in apart) / (len(means) - 1)
    return Way(direction, variance**0.5, max(0.0, 1 - between / len(means) / variance))


def doubt_along(head: RewardHead, way: Way, multiple: float) -> np.ndarray:
    """What `multiple` standard deviations of the way take off a score for each unit of a feature, (F,)."""
    if multiple == 0 or way.sd == 0:
        return np.zeros_like(way.direction)
    slope: np.ndarray = multiple * way.share / way.sd * head.covariance_times(way.direction)
    return slope


def lowered_scores(fitted: FittedHead, features: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """Scores (B,) of features (B, F), less `doubt` (F,) for what they differ in from the round's start."""
    return fitted.head.score(features) - (features - fitted.start) @ doubt


def lowered_weights(head: RewardHead, doubt: np.ndarray) -> np.ndarray:
    """What such a score owes to the mean of each hidden feature (F − 2,): what a token adds; length and ending, which
    no token has, are the last two."""
    weights: np.ndarray = head.hidden_weights() - doubt[:-2]
    return weights
