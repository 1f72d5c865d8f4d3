"""How each rater rates, with intervals and in words: the console's table of people and `rater_data stats` share it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rater_data.overview import rater_words
from rater_data.overview.wording import end_with_period
from rater_data.records import RaterStats
from rater_data.round_settings import RATER_REVIEW
from rater_data.scales import Scale
from rater_data.statistics.intervals import (
    Interval,
    deviation_interval,
    rank_correlation_interval,
    share_interval,
)
from rater_data.store import Store

if TYPE_CHECKING:
    from rater_data.statistics.rater_habits import RaterHabits

MOST_COMPARED = 20_000  # ratings: of more, offsets are known from the trainer's look alone


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterFigures:
    """One rater. Every figure has a 95 % interval and is None where nothing is known of it.

    `offset`: points above the mean of the others; `spread`: standard deviation of their scores, in points; `agreement`:
    rank correlation with the others on shared responses; `repeats`: the share of answers seen again that got nearly
    the same score, of which `by_chance` is what chance would give; `pace`: seconds a card, the median.
    By the trainer's last look `slope`: points for a point of a usual rater; `noise`: standard deviation in points of
    what slope and offset do not explain; `direction`: correlation of their scores with quality, −1 to 1.
    `says`: in sentences, what can be said and what cannot; `leaving_out`: what leaving them out would do to the reward
    head.
    """

    stats: RaterStats
    offset: Interval | None = None
    spread: Interval | None = None
    agreement: Interval | None = None
    repeats: Interval | None = None
    by_chance: float | None = None
    pace: Interval | None = None
    slope: Interval | None = None
    noise: Interval | None = None
    direction: Interval | None = None
    says: str = ""
    leaving_out: str = ""


def read_rater_figures(store: Store) -> list[RaterFigures]:
    """Of everybody who has rated, in the order they joined; who does not count is compared with nobody."""
    stats, scale = store.rater_stats(), store.scale()
    if not stats:
        return []
    excluded = [one.user.id for one in stats if one.user.excluded]
    review = store.setting(RATER_REVIEW, {})
    habits = _habits(store, review, sum(one.ratings for one in stats), excluded)
    findings, heads = _findings(review), review.get("head", {})
    traits = _traits(review, excluded, scale)
    repeats, by_chance = store.rater_repeats(), store.repeats_by_chance()
    found = []
    for one in stats:
        again = repeats.get(one.user.id)
        figures = RaterFigures(
            stats=one,
            offset=_offset(habits, one, scale),
            spread=_spread(one, scale),
            agreement=_agreement(one),
            repeats=share_interval(again.near, again.times) if again else None,
            by_chance=by_chance.get(one.user.id),
            pace=_pace(one),
            slope=traits.get(one.user.id, {}).get("slope"),
            noise=traits.get(one.user.id, {}).get("noise"),
            direction=traits.get(one.user.id, {}).get("direction"),
        )
        says = _words(figures, scale, habits, findings.get(one.user.id, ""))
        head = heads.get(str(one.user.id)) if one.user.id in habits else None
        found.append(replace(figures, says=says, leaving_out=rater_words.leaving_out(head)))
    return found


def _words(figures: RaterFigures, scale: Scale, habits: Mapping[int, RaterHabits], finding: str) -> str:
    user, stats = figures.stats.user, figures.stats
    own = habits.get(user.id)
    counts = own is not None
    parts = (
        end_with_period(finding[:1].upper() + finding[1:]) if finding and counts else "",
        rater_words.strictness(
            user.name,
            figures.offset,
            stats.scores,
            len(habits) - counts,
            scale,
            alone=own is not None and own.shared + own.by_head == 0,
        ),
        rater_words.agreement(figures.agreement, stats.shared, scale),
        rater_words.repeats(figures.repeats, figures.by_chance, scale),
    )
    return " ".join(part for part in parts if part)


def _habits(
    store: Store, review: Mapping[str, Any], ratings: int, excluded: Collection[int]
) -> dict[int, RaterHabits]:
    """By rater: as the trainer found them, with a head that the others taught, last; where it has not looked at half
    of these ratings yet, from what the others said alone."""
    # pandas and scipy take a second to import: only who looks at people pays for it
    from rater_data.statistics.rater_habits import RaterHabits, rater_habits

    if 2 * review.get("ratings", 0) >= ratings or ratings > MOST_COMPARED:
        found = [RaterHabits.from_json(row) for row in review.get("raters", [])]
    else:
        found = rater_habits(store.score_frame(excluded_raters=excluded))
    return {one.rater_id: one for one in found if one.rater_id not in excluded}


def _traits(
    review: Mapping[str, Any], excluded: Collection[int], scale: Scale
) -> dict[int, dict[str, Interval]]:
    """By rater, what the trainer's last look says of slope, noise and direction: of those who count, and of whom
    others, or a head that they taught, say enough. On a coarse scale the direction alone: the rest is what the mean
    leaves."""
    from rater_data.statistics.rater_findings import FEWEST_JUDGED

    counted = [row for row in review.get("raters", []) if row["rater_id"] not in excluded]
    names = (
        ("direction",) if len(scale.points) <= rater_words.COARSE_POINTS else ("slope", "noise", "direction")
    )
    return {
        row["rater_id"]: {name: Interval(**row[name]) for name in names}
        for row in counted
        if len(counted) > 1 and row["shared"] + row["by_head"] >= FEWEST_JUDGED
    }


def _findings(review: Mapping[str, Any]) -> dict[int, str]:
    """What the trainer found strange, of single raters; it goes on from a name."""
    found = review.get("findings", [])
    return {one["rater_id"]: one["says"] for one in found if not one["others"]}


def _offset(habits: Mapping[int, RaterHabits], stats: RaterStats, scale: Scale) -> Interval | None:
    own = habits.get(stats.user.id)
    if own is None or own.ratings < rater_words.FEWEST_RATINGS or len(habits) < 2 or scale.paired:
        return None
    return own.offset


def _agreement(stats: RaterStats) -> Interval | None:
    return None if stats.agreement is None else rank_correlation_interval(stats.agreement, stats.shared)


def _spread(stats: RaterStats, scale: Scale) -> Interval | None:
    if stats.sd is None or len(scale.points) <= rater_words.COARSE_POINTS:
        return None  # of two or three points the spread is what the mean leaves
    if stats.scores < rater_words.FEWEST_RATINGS:
        return None
    found = deviation_interval(stats.sd, stats.scores)
    # equal scores are equal to a point of the scale, not for certain
    rounded = deviation_interval(max(stats.sd, scale.step / 12**0.5), stats.scores)
    return found and rounded and replace(found, high=rounded.high)


def _pace(stats: RaterStats) -> Interval | None:
    if not stats.median_s or stats.median_range is None:
        return None
    low, high = stats.median_range
    return Interval(mean=stats.median_s, low=low, high=high, n=stats.ratings)
