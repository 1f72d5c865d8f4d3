"""Numbers with what is known about how far off they may be."""

from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its 95 % interval, of n observations."""

    mean: float
    low: float
    high: float
    n: int


def t_margin(values: Sequence[float]) -> float:
    """Half the width of the 95 % t-interval of the mean of two or more values; 0 where all are equal.

    `scipy.stats.t.interval` would give NaN for equal values.
    """
    import numpy as np
    from scipy import stats  # a page that only shows an interval does without

    quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(quantile * np.std(values, ddof=1) / np.sqrt(len(values)))


def t_interval(values: Sequence[float]) -> Interval | None:
    """The mean with its 95 % t-interval; None for fewer than two values."""
    import numpy as np

    if len(values) < 2:
        return None
    mean, margin = float(np.mean(values)), t_margin(values)
    return Interval(mean=mean, low=mean - margin, high=mean + margin, n=len(values))
