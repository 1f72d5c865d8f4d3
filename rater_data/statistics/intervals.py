"""Numbers with what is known about how far off they may be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95
FEWEST_SHARED = 5  # a correlation of fewer points says nothing
NORMAL_QUANTILE = 1.959964  # of (1 + CONFIDENCE) / 2


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


def repeats_interval(
    first: Sequence[float], later: Sequence[Sequence[float]], rounding: float = 0.0
) -> Interval | None:
    """How much higher things are read later than at first, with a 95 % t-interval: `first` has one reading of each of n
    things, `later` the ones after it, in the same unit. n of the interval: the later readings.

    All later readings of a thing share its first one, so m of them weigh m / (m + 1) and never more than one: least
    squares with an effect of each thing and one of being later, whose variance is σ² / Σ m / (m + 1), with σ² from the
    residuals. With one later reading each it is `t_interval` of the differences. `rounding`: the variance that σ² has
    at least, of readings that are rounded. None where fewer than two readings came later.
    """
    import numpy as np
    from scipy import stats

    count = np.array([len(one) for one in later], dtype="float64")
    freedom = int(count.sum()) - 1
    if freedom < 1:
        return None
    weight = count / (count + 1)
    change = np.array(
        [float(np.mean(one)) - f if len(one) else 0.0 for f, one in zip(first, later, strict=True)]
    )
    mean = float(weight @ change / weight.sum())
    within = sum(float(np.sum((np.asarray(one) - np.mean(one)) ** 2)) for one in later if len(one))
    variance = max((within + float(weight @ (change - mean) ** 2)) / freedom, rounding)
    margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance / float(weight.sum()))
    return Interval(mean=mean, low=mean - margin, high=mean + margin, n=freedom + 1)


def share_interval(times: int, n: int) -> Interval | None:
    """The share `times` of n with Wilson's 95 % interval, which holds for few and for shares near 0 and 1; None of 0.

    Source: Wilson, Probable inference (1927); Brown, Cai and DasGupta (2001) compare it with others.
    """
    if n == 0:
        return None
    share, z2 = times / n, NORMAL_QUANTILE**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    margin = NORMAL_QUANTILE * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(mean=share, low=max(0.0, centre - margin), high=min(1.0, centre + margin), n=n)


def rank_correlation_interval(correlation: float, n: int) -> Interval | None:
    """Spearman's correlation of n pairs with a 95 % interval by Fisher's z; None for fewer than four pairs.

    The variance is that of Bonett and Wright (2000), (1 + r² / 2) / (n − 3). Where all ranks agree, z would be infinite
    and the interval without width: r counts as half a swap of two neighbours lower, 6 / (n³ − n).
    """
    if n < 4:
        return None
    most = 1 - 6 / (n**3 - n)
    z = math.atanh(max(-most, min(most, correlation)))
    margin = NORMAL_QUANTILE * math.sqrt((1 + math.tanh(z) ** 2 / 2) / (n - 3))
    low, high = math.tanh(z - margin), math.tanh(z + margin)
    return Interval(mean=correlation, low=min(low, correlation), high=max(high, correlation), n=n)


def deviation_interval(deviation: float, n: int) -> Interval | None:
    """A standard deviation of n values with its 95 % chi-square interval; None for fewer than two.

    Exact for normal values; of scores, which have ends, it is rather too wide.
    """
    from scipy import stats

    if n < 2:
        return None
    low, high = (
        deviation * math.sqrt((n - 1) / float(stats.chi2.ppf(q, n - 1)))
        for q in ((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2)
    )
    return Interval(mean=deviation, low=low, high=high, n=n)


def median_ranks(n: int) -> tuple[int, int] | None:
    """The ranks, from 1, of the two of n sorted values between which the median lies with 95 %; None below six.

    Source: order statistics, whatever the distribution: David and Nagaraja (2003), ch. 7.1.
    """
    from scipy import stats

    low = int(stats.binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))
    return (low, n + 1 - low) if low >= 1 else None
