"""What can be said of a rater, and what cannot from so few ratings: the sentences beside the intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rater_data.scales import Scale
from rater_data.statistics.intervals import FEWEST_SHARED, Interval

FEWEST_LEFT_OUT = 8  # ratings of a person below which the head without them says more of chance than of them
COARSE_POINTS = 3  # a scale with so few points has no spread of its own, and no score beside another
FEWEST_RATINGS = 4  # below, a rater's spread is a guess, and so how far off their mean is
OPEN_WIDTH = 0.2  # of the scale: an offset whose interval is wider says nothing yet


def strictness(
    name: str, offset: Interval | None, ratings: int, others: int, scale: Scale, alone: bool = False
) -> str:
    """How strict somebody is, by `offset` in points; `others`: how many more people rate and count.

    `alone`: neither anybody else nor a reward head knows what this rater saw. Empty where raters compare, and of who
    does not count.
    """
    if scale.paired:
        return ""
    if others == 0:
        return f"Nobody else has rated: how strict {name} is cannot be said."
    if ratings < FEWEST_RATINGS:
        return f"From {ratings} rating{'s' * (ratings != 1)} nothing can be said of how strict {name} is."
    if offset is None:
        return ""
    unseen = ", on answers that nobody else has seen" if alone else ""
    if offset.low > 0:
        return f"Milder than the others by {_from_to(offset.low, offset.high, scale)}{unseen}."
    if offset.high < 0:
        return f"Stricter than the others by {_from_to(-offset.high, -offset.low, scale)}{unseen}."
    unit = "of 100 thumbs" if scale.name == "thumbs" else "points"
    between = f"between {_size(-offset.low, scale)} {unit} stricter and {_size(offset.high, scale)} milder"
    if offset.high - offset.low > OPEN_WIDTH * (scale.high - scale.low):
        return f"From {ratings} ratings nothing can be said of how strict {name} is: {between} than the others{unseen}."
    return f"Hardly stricter or milder than the others: {between}{unseen}."


def agreement(interval: Interval | None, shared: int, scale: Scale) -> str:
    """Whether somebody orders what others judged, too, as they do."""
    units = scale.rated_units
    if shared == 0:
        return f"None of these {units} was judged by anybody else: how far they agree is not known."
    if shared < FEWEST_SHARED:
        judged = f"Only {shared} of these {units} {'was' if shared == 1 else 'were'} judged by others, too"
        return f"{judged}: too few to say how far they agree."
    if interval is None:
        one = f"Either this rater or the others gave all {shared} shared {units} one score"
        return f"{one}: how far they agree cannot be said."
    if interval.low > 0:
        return f"Agrees with the others on {shared} shared {units} more than chance would."
    if interval.high < 0:
        return f"Says the opposite of the others on {shared} shared {units}."
    return f"Whether they agree with the others cannot be told from {shared} shared {units}."


def repeats(interval: Interval | None, by_chance: float | None, scale: Scale) -> str:
    """Whether somebody says the same of what they see again; `by_chance`: the share that would be so anyway."""
    if interval is None:  # where raters compare nothing is shown again
        return "" if scale.paired else f"No {scale.rated_units[:-1]} was rated twice yet."
    n, near = interval.n, round(interval.mean * interval.n)
    seen = f"Seen again, {near} of {n} {scale.rated_units} got {same_score(scale)}"
    if by_chance is None:
        return f"{seen}."
    if interval.low > by_chance:
        return f"{seen}: more than by chance ({100 * by_chance:.0f} %)."
    return f"{seen}, which may be chance ({100 * by_chance:.0f} %)."


def leaving_out(head: Mapping[str, Any] | None) -> str:
    """What leaving a rater out does to the reward head, by the trainer's last look (`head` of RATER_REVIEW)."""
    if head is None:
        return ""
    if head["with"] is None or head["ratings"] < FEWEST_LEFT_OUT:
        return "Too little is rated to say what leaving these ratings out would do to the reward head."
    before, after, n = head["with"], head["without"], head["ratings"]
    interval = f"{_signed(after - before)} ({_signed(head['low'])} … {_signed(head['high'])})"
    chance = ", which may be chance" if head["low"] <= 0 <= head["high"] else ""
    return (
        f"The reward head agrees with the others at {before:.2f} with these {n} ratings and at "
        f"{after:.2f} without: {interval}{chance}.".replace("-", "−")
    )


TRAITS = {
    "slope": "how many points they give for one point of a usual rater; below 1 good and bad are closer together",
    "noise": "by how many points their scores differ from what slope and offset explain (standard deviation)",
    "direction": (
        "how far their scores go with quality, as the others and a reward head that these taught tell it: 1 always, 0 "
        "whatever the text says, −1 the other way round"
    ),
}
"""What the trainer's look knows of a rater, in the order in which it is shown."""


def looked_at(review: Mapping[str, Any], traits: Collection[str]) -> str:
    """What these of TRAITS are, and of how many ratings the trainer's last look (RATER_REVIEW) was that found them."""
    looked, known = review.get("ratings", 0), review.get("of", 0)
    of = f"{looked:,} of {known:,}" if known > looked else f"{looked:,}"
    meanings = ". ".join(f"{name.capitalize()}: {TRAITS[name]}" for name in TRAITS if name in traits)
    return f"By the trainer's last look, at {of} ratings: {meanings}." if meanings else ""


def same_score(scale: Scale) -> str:
    """What counts as the same answer again."""
    if scale.paired:
        return "the same answer"
    return "the same score" if len(scale.points) <= COARSE_POINTS else "the same score or one beside it"


def _signed(value: float) -> str:
    return f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"


def _size(points: float, scale: Scale) -> str:
    return f"{100 * points:.0f}" if scale.name == "thumbs" else f"{points:.1f}"


def _from_to(low: float, high: float, scale: Scale) -> str:
    unit = "of 100 thumbs" if scale.name == "thumbs" else "points"
    return f"{_size(low, scale)} to {_size(high, scale)} {unit}"
