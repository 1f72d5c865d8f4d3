"""The looks at which a verdict is drawn, and the bound that makes it hold over all of them.

A console is looked at after every rating. A 95 % interval that is computed anew at each look leaves out the truth at
one of them far more often than in one round of twenty. So the verdict is drawn at four stated looks only: when a
quarter, half, three quarters and all of the planned control ratings are in. Between two looks it stays as it is,
however often somebody looks. At a share t a standard normal statistic has to exceed c / √t (O'Brien and Fleming 1979),
c = 2.024 for four looks at 5 % (Jennison and Turnbull 2000, table 2.3): early looks have to show much, the last asks
for little more than the 1.96 of a single look. Left out: a bound for looking all the time (c = 2.24), with which a
point was found in 53 % of 60 rounds with 24 control ratings instead of 61.
"""

import math

from scipy import stats

LOOKS = 4
FINAL_BOUND = 2.024
"""c: what a standard normal statistic has to exceed at the last look."""


def thresholds(planned: int) -> list[int]:
    """How many of the planned ratings are in at each look."""
    return [math.ceil(planned * look / LOOKS) for look in range(1, LOOKS + 1)]


def margin(se: float, freedom: float, share: float) -> float:
    """Half the width of the interval at a look, which holds over all of them.

    `se`: the standard error with its degrees of freedom; `share`: of the planned ratings that are in, above 0.
    """
    bound = FINAL_BOUND / math.sqrt(min(1.0, share))
    # the t quantile with the same tail: few degrees of freedom widen it
    return se * float(stats.t.isf(stats.norm.sf(bound), freedom))
