"""Numbers that describe texts and ratings, for reports; nothing is trained on them."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

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
