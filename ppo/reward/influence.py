"""How much one rater may weigh: beyond half of all, precision has to be earned by ratings and not by what is
fitted."""

import numpy as np

from ppo.reward.hyperparameters import Hyperparameters
from ppo.reward.judgements import SCORE, Judgements

LARGEST_SHARE = 0.5  # of all precision, that one of three or more raters may have
FEWEST_RATERS = 3  # of two raters, one always has half or more


def precisions(judgements: Judgements, h: Hyperparameters) -> np.ndarray:
    """What each judgement tells of quality, (n,): slope² over the noise's variance; a quarter of the logits² of a
    win."""
    noise = np.where(judgements.kind == SCORE, h.noises(judgements), 2.0)
    told: np.ndarray = (h.sensitivity(judgements) / noise) ** 2
    return told


def shares(judgements: Judgements, h: Hyperparameters) -> np.ndarray:
    """Each rater's share of all precision, (R,); equal where there is none."""
    total = np.bincount(judgements.rater, precisions(judgements, h), len(judgements.rater_ids))
    return total / total.sum() if total.sum() > 0 else np.full(len(total), 1 / max(len(total), 1))


def judgement_weights(judgements: Judgements, h: Hyperparameters) -> np.ndarray:
    """How much each judgement counts, (n,): 1, or less where its rater would have too large a share.

    A rater's share of all precision stays at most the larger of LARGEST_SHARE and their share of all judgements: one
    who says most of what is said may decide most, one whom the fit takes for precise may not.
    """
    weights = np.ones(len(judgements.rater_ids))
    given = np.bincount(judgements.rater, minlength=len(weights))
    if np.count_nonzero(given) >= FEWEST_RATERS:
        share = shares(judgements, h)
        most = int(np.argmax(share))
        allowed = max(LARGEST_SHARE, given[most] / given.sum())
        if share[most] > allowed and share[most] < 1:
            weights[most] = allowed / (1 - allowed) * (1 - share[most]) / share[most]
    each: np.ndarray = weights[judgements.rater]
    return each
