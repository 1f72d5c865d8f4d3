"""How each rater uses the scale: strictness, spread, noise, and which way round, with what is known of each.

A reward head that was fitted on a rater's own ratings would flatter them: what is `expected` of a rater's responses has
to come from a head that the *others* taught. It and what others said of the same response are joined by precision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from rater_data.statistics.intervals import CONFIDENCE, NORMAL_QUANTILE, Interval
from rater_data.statistics.rater_posterior import DIRECTIONS, Posterior, RatedWorld
from rater_data.statistics.score_frame import with_units

ROUNDING = 1 / 12  # points²: the variance of what is rounded to whole points
FEWEST_COMPARED = 4  # ratings below which nothing is known of how uniformly somebody answers


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterHabits:
    """One rater's habits, each with its 95 % interval.

    `offset` in points: how much higher they score than the mean of the others, each of whom counts by their ratings;
    `slope`: points for a point of the others; `noise`: standard deviation in points of what neither explains;
    `direction`: correlation of their scores with quality, −1 to 1. `shared`: ratings of what others judged, too;
    `by_head`: those of which a head says something that others taught. Where both are 0, slope, noise, direction and
    what follows from them are no more than what was assumed before.
    `reversed` and `at_random` are probabilities. `usual`, `usual_count`: the score they gave most often, and how often;
    `usual_chance`: the probability of that for somebody who answers as uniformly as the most uniform of the others, 1
    where there is nobody to compare with.
    """

    rater_id: int
    ratings: int
    shared: int
    by_head: int
    offset: Interval
    slope: Interval
    noise: Interval
    direction: Interval
    reversed: float
    at_random: float
    usual: float
    usual_count: int
    usual_chance: float

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RaterHabits":
        """What `dataclasses.asdict` made of it."""
        intervals = {name: Interval(**data[name]) for name in ("offset", "slope", "noise", "direction")}
        return cls(**{**data, **intervals})


def rater_habits(
    frame: pd.DataFrame, expected: Mapping[tuple[int, int], float] | None = None
) -> list[RaterHabits]:
    """The habits of everybody in a frame as `score_frame` makes it, by rater id.

    `expected`: by (rater, response) what a head that the others taught says of the response, in any unit; of
    comparisons it is the difference that counts. Of one rater alone nothing is known but the prior.
    """
    if frame.empty:
        return []
    units = with_units(_oriented(_with_expected(frame, expected or {})))
    world = RatedWorld.of(units)
    counts = _usual_scores(frame)
    posteriors = world.posteriors()
    ratings = np.bincount(world.rater)
    rounding = 0.0 if world.paired else ROUNDING / ratings
    offsets = _against_others([p.offset_moments() for p in posteriors], ratings, rounding)
    return [
        _habits(world, number, posterior, offsets[number], counts[int(world.raters[number])])
        for number, posterior in enumerate(posteriors)
    ]


def _against_others(
    moments: Sequence[tuple[float, float]], ratings: np.ndarray, rounding: np.ndarray | float
) -> list[Interval]:
    """Each rater's offset against the mean of the others, who count by their `ratings` (R,).

    `moments`: mean and standard deviation of each offset from everybody's mean, in which a rater has part: of two, each
    is only half as far from it as from the other. That what is known of the others is uncertain, too, is added, and the
    variance that `rounding` to whole points hides: equal scores do not make anybody certain.
    """
    mean, deviation = np.array(moments).T
    variance = deviation**2 + rounding
    found = []
    for number, n in enumerate(ratings):
        weight = np.where(np.arange(len(ratings)) == number, 0.0, ratings)
        weight = weight / max(weight.sum(), 1.0)
        difference = float(mean[number] - weight @ mean)
        margin = NORMAL_QUANTILE * float(variance[number] + weight**2 @ variance) ** 0.5
        found.append(Interval(mean=difference, low=difference - margin, high=difference + margin, n=int(n)))
    return found


def _with_expected(frame: pd.DataFrame, expected: Mapping[tuple[int, int], float]) -> pd.DataFrame:
    def look_up(column: str) -> np.ndarray:
        pairs = zip(frame["rater_id"], frame[column], strict=True)
        return np.array([expected.get((r, i), np.nan) for r, i in pairs])

    first = look_up("response_id")
    if not frame["paired"].any():
        return frame.assign(expected=first)
    return frame.assign(expected=look_up("other_id") - first)  # above 0 the second is better, as in scores


def _oriented(frame: pd.DataFrame) -> pd.DataFrame:
    """Comparisons from the side of the lower id; scores as they are."""
    turned = frame["other_id"] < frame["response_id"]
    if not turned.any():
        return frame
    first = frame["response_id"].where(~turned, frame["other_id"]).astype("int64")
    other = frame["other_id"].where(~turned, frame["response_id"].astype("float64"))
    sign = np.where(turned, -1.0, 1.0)
    return frame.assign(
        response_id=first,
        other_id=other,
        score=frame["score"] * sign,
        expected=frame["expected"] * sign,
    )


def _habits(
    world: RatedWorld, number: int, posterior: Posterior, offset: Interval, usual: tuple[float, int, float]
) -> RaterHabits:
    rows = world.rater == number
    by_others = np.isin(world.unit[rows], world.unit[~rows])  # who saw a text twice is no other
    reliable = np.sqrt(1 - DIRECTIONS[:, None] ** 2)
    slope, noise = DIRECTIONS[:, None] * posterior.spread, reliable * posterior.spread
    kinds, n = posterior.kinds(), int(rows.sum())
    return RaterHabits(
        rater_id=int(world.raters[number]),
        ratings=n,
        shared=int(by_others.sum()),
        by_head=int(np.isfinite(world.head[rows]).sum()),
        offset=offset,
        slope=_interval(slope.ravel() / world.usual_slope, posterior.weights.ravel(), n),
        noise=_interval(noise.ravel(), posterior.weights.ravel(), n),
        direction=_interval(DIRECTIONS, posterior.by_direction, n),
        reversed=kinds["reversed"],
        at_random=kinds["at random"],
        usual=usual[0],
        usual_count=usual[1],
        usual_chance=usual[2],
    )


def _interval(values: np.ndarray, weights: np.ndarray, n: int) -> Interval:
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order] / 2
    low, high = np.interp([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], below, values[order])
    return Interval(mean=float(values @ weights), low=float(low), high=float(high), n=n)


def _usual_scores(frame: pd.DataFrame) -> dict[int, tuple[float, int, float]]:
    """For each rater the score given most often, how often, and the chance of that for somebody like the most uniform
    of the others: on some questions most answers are the same.

    How often another gives one answer is known from their own ratings alone, n of which k were the same: it has the
    distribution Beta(k + 1, n − k + 1), and the chance is beta-binomial. So a few ratings of theirs are no proof.
    """
    counts = frame.groupby(["rater_id", "score"]).size().unstack(fill_value=0)
    times, ratings = counts.max(axis=1), counts.sum(axis=1)
    found = {}
    for rater in counts.index:
        others = counts.index[(counts.index != rater) & (ratings >= FEWEST_COMPARED)]
        as_often, not_so = times[others] + 1, ratings[others] - times[others] + 1
        chances = stats.betabinom.sf(times[rater] - 1, ratings[rater], as_often, not_so)
        chance = float(np.max(chances, initial=0.0)) if len(others) else 1.0
        found[int(rater)] = (float(counts.loc[rater].idxmax()), int(times[rater]), chance)
    return found
