"""Intervals of single figures: values from elsewhere, and how often they hold what is true."""

import numpy as np
import pytest
from scipy import stats

from rater_data.statistics.intervals import (
    Interval,
    deviation_interval,
    median_ranks,
    rank_correlation_interval,
    repeats_interval,
    share_interval,
    t_interval,
)


def ends(interval):
    return interval.low, interval.high


def test_shares_have_wilsons_interval():
    """Values of R: prop.test(x, n, correct = FALSE)."""
    assert ends(share_interval(5, 6)) == pytest.approx((0.4365, 0.9699), abs=1e-3)
    assert ends(share_interval(0, 10)) == pytest.approx((0.0, 0.2775), abs=1e-3)
    assert share_interval(4, 4).high == pytest.approx(1.0) and share_interval(0, 0) is None


def test_deviations_have_the_chi_square_interval():
    """n = 10, s = 1: from the quantiles 19.023 and 2.700 of any table."""
    assert ends(deviation_interval(1.0, 10)) == pytest.approx(
        ((9 / 19.023) ** 0.5, (9 / 2.700) ** 0.5), abs=1e-3
    )
    assert deviation_interval(0.0, 5) == Interval(mean=0.0, low=0.0, high=0.0, n=5)
    assert deviation_interval(1.0, 1) is None


def test_the_median_lies_between_two_ranks():
    """Of six: P(all on one side) = 2 / 64; of twenty the table of Conover (1999) has 6 and 15."""
    assert [median_ranks(n) for n in (5, 6, 20)] == [None, (1, 6), (6, 15)]


def test_a_perfect_order_of_few_is_not_certain():
    five, fifty = rank_correlation_interval(1.0, 5), rank_correlation_interval(1.0, 50)
    assert five.low < 0.3 < 0.95 < fifty.low and five.high == fifty.high == 1.0
    assert rank_correlation_interval(0.5, 3) is None
    turned = rank_correlation_interval(-1.0, 5)
    assert (turned.low, turned.high) == (-1.0, -five.low)


@pytest.mark.parametrize("n", [8, 30])
def test_intervals_hold_what_is_true_as_often_as_they_say(n):
    """Of scores rounded and cut to 1–10; a correlation of 0.7. At least 92 of 100; half as wide, far fewer."""
    draw, held, narrow = np.random.default_rng(n), [], []
    for _ in range(400):
        quality = draw.normal(5.5, 1.5, n)
        mine, others = (np.clip(np.round(quality + draw.normal(0, 1, n)), 1, 10) for _ in range(2))
        if np.ptp(mine) == 0 or np.ptp(others) == 0:
            continue
        times = np.sort(draw.lognormal(2, 0.7, n))
        low, high = median_ranks(n)
        order = rank_correlation_interval(float(stats.spearmanr(mine, others).statistic), n)
        spread = deviation_interval(float(mine.std(ddof=1)), n)
        found = (
            (order, TRUE_ORDER),
            (spread, TRUE_SPREAD),
            (Interval(mean=0, low=times[low - 1], high=times[high - 1], n=n), np.exp(2)),
        )
        held.append([i.low <= truth <= i.high for i, truth in found])
        halves = [(i, (i.high - i.low) / 4, truth) for i, truth in found[:2]]
        narrow.append([abs(i.mean - truth) <= half for i, half, truth in halves])
    assert (np.mean(held, axis=0) > 0.92).all()
    assert (np.mean(narrow, axis=0) < 0.85).all()


def of_many():
    """The correlation of ranks and the deviation of such scores, of a hundred thousand."""
    draw = np.random.default_rng(0)
    quality = draw.normal(5.5, 1.5, 100_000)
    mine, others = (np.clip(np.round(quality + draw.normal(0, 1, 100_000)), 1, 10) for _ in range(2))
    return float(stats.spearmanr(mine, others).statistic), float(mine.std(ddof=1))


TRUE_ORDER, TRUE_SPREAD = of_many()


def test_repeats_are_held_against_their_first_reading_by_least_squares():
    """The same as a regression with a dummy of each thing and one of being later, by the normal equations."""
    first, later = [5.0, 7.0, 3.0], [[6.0, 8.0, 7.0], [7.0], [5.0, 4.0]]
    rows, values = [], []
    for thing, (one, others) in enumerate(zip(first, later, strict=True)):
        for value, is_later in [(one, 0.0), *((v, 1.0) for v in others)]:
            rows.append([*np.eye(3)[thing], is_later])
            values.append(value)
    design, values = np.array(rows), np.array(values)
    found, residuals, *_ = np.linalg.lstsq(design, values, rcond=None)
    error = (residuals[0] / (9 - 4) * np.linalg.inv(design.T @ design)[3, 3]) ** 0.5
    interval, margin = repeats_interval(first, later), stats.t.ppf(0.975, 9 - 4) * error
    assert interval.mean == pytest.approx(found[3]) and interval.n == 6
    assert ends(interval) == pytest.approx((found[3] - margin, found[3] + margin))
    differences = [1.0, 0.0, 2.0, -1.0]
    assert ends(repeats_interval([5.0] * 4, [[5 + d] for d in differences])) == pytest.approx(
        ends(t_interval(differences))
    )
    assert repeats_interval([5.0], [[6.0]]) is None and repeats_interval([], []) is None
    equal = repeats_interval([5.0, 5.0], [[6.0, 6.0], [6.0, 6.0]], rounding=1 / 12)
    assert equal.low < 1 < equal.high, "rounded readings are equal to a point, not for certain"


def test_repeats_that_share_a_first_reading_are_fewer_than_they_seem():
    """Two things read five times: the interval holds the truth in 19 of 20, and that of all differences does not."""
    draw, held, naive = np.random.default_rng(0), 0, 0
    for _ in range(400):
        read = draw.normal(0, 1, (2, 6)) + draw.normal(0, 3, (2, 1))
        found = repeats_interval(read[:, 0], read[:, 1:])
        every = t_interval((read[:, 1:] - read[:, :1]).ravel())
        held, naive = held + (found.low < 0 < found.high), naive + (every.low < 0 < every.high)
    assert 0.92 < held / 400 < 0.98 and naive / 400 < 0.8
