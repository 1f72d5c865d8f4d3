"""Bounds that hold however often somebody looks while ratings come in.

A console is looked at after every rating. A 95 % interval that is computed anew at each look leaves out the truth at
one of them far more often than in one round of twenty. The bound here is O'Brien and Fleming's (1979) for looking all
the time: with a share t of what was planned, a standard normal statistic has to exceed c / √t, where
P(max |B(s)| > c, 0 ≤ s ≤ 1) ≤ 4 · (1 − Φ(c)) = 5 % for Brownian motion B (reflection principle), c = 2.24. Early looks
have to show much; at the end it asks for little more than the 1.96 of a single look.
"""

import math

from scipy import stats

from rater_data.statistics.intervals import CONFIDENCE

FINAL_BOUND = float(stats.norm.isf((1 - CONFIDENCE) / 4))
"""c: what a standard normal statistic has to exceed once everything planned is in."""


def margin(se: float, freedom: float, share: float) -> float:
    """Half the width of the interval that holds at every look.

    `se`: the standard error with its degrees of freedom; `share`: of the planned ratings that are in, above 0. Beyond 1
    the bound stays where it was.
    """
    bound = FINAL_BOUND / math.sqrt(min(1.0, share))
    # the t quantile with the same tail: few degrees of freedom widen it
    return se * float(stats.t.isf(stats.norm.sf(bound), freedom))
