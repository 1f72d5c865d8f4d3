"""The looks at which a verdict is drawn, and the bound that makes it hold over all of them.

A console is looked at after every rating. A 95 % interval that is computed anew at each look leaves out the truth at
one of them far more often than in one round of twenty. So the verdict is drawn at four stated looks only: when a
quarter, half, three quarters and all of the planned control ratings are in. Between two looks it stays as it is,
however often somebody looks. At a share t a standard normal statistic has to exceed c / √t (O'Brien and Fleming 1979),
c = 2.024 for four looks at 5 % (Jennison and Turnbull 2000, table 2.3): early looks have to show much, the last asks
for little more than the 1.96 of a single look.

A round may get fewer control ratings than planned: of four raters who were to read the same response one was there.
So the last look takes place when the round has all its ratings, with the control ratings that there are and the last
look's bound. That makes the verdict wrong less often, not more. Two looks correlate by the root of the ratio of their
ratings: a last look at fewer ratings is more like those before it, whose bounds stay, so where it crosses its own bound
they have more often crossed theirs; and a look that is never reached is never wrong. It holds because the quota counts
ratings, whatever they say. Who ends a round early may do so for what the last look showed: then the bound goes by the
share of the round's ratings that came in. That is at most as often crossed as the looks that would have come. Sealing
is no look, because raters go on after it.

Left out: a bound for looking all the time (c = 2.24), with which a point was found in 53 % of 60 rounds with 24 control
ratings instead of 61.
"""

import math
from dataclasses import dataclass

from scipy import stats

LOOKS = 4
FINAL_BOUND = 2.024
"""c: what a standard normal statistic has to exceed at the last look."""


def thresholds(planned: int) -> list[int]:
    """How many of the planned ratings are in at each look."""
    return [math.ceil(planned * look / LOOKS) for look in range(1, LOOKS + 1)]


@dataclass(frozen=True, slots=True)
class Look:
    """`ratings`: so many of the control arm's are looked at, 0 before the first look; `share` of the plan, by which the
    bound goes, 1 at the last look of a round that has all its ratings; `is_last`: no more are looked at."""

    ratings: int
    share: float
    is_last: bool = False


def look_due(planned: int, now: int, share_in: float = 0.0, is_over: bool = False) -> Look:
    """The latest look by the time that `now` control ratings are in.

    `share_in`: the share of all ratings of the round that are in; `is_over`: no more come.
    """
    if now >= planned or share_in >= 1:
        return Look(min(now, planned), 1.0, is_last=True)
    if is_over:
        return Look(now, max(share_in, now / planned), is_last=True)
    ratings = max((look for look in thresholds(planned) if look <= now), default=0)
    return Look(ratings, ratings / planned)


def margin(se: float, freedom: float, share: float) -> float:
    """Half the width of the interval at a look, which holds over all of them.

    `se`: the standard error with its degrees of freedom; `share`: that of the look (`Look`), above 0.
    """
    bound = FINAL_BOUND / math.sqrt(share)
    # the t quantile with the same tail: few degrees of freedom widen it
    return se * float(stats.t.isf(stats.norm.sf(bound), freedom))
