"""A way that went beyond a limit is shortened to about what the limit allows, in few measurements."""

import pytest

from ppo.training.round_recipe import MIN_SHARE
from ppo.training.training_steps import Limits


def shortened(limits: Limits, kl: float, lost: float, begun: float = 0.9) -> tuple[float, int]:
    """The share that is kept of a way that costs `kl` nats and `lost` of distinct-2, and how often it was measured."""
    share, measured = 1.0, 0
    while True:
        found = {"kl": kl * share**2, "distinct_2": begun - lost * share}
        measured += 1
        if not limits.exceeded(found) or share == 0:
            return share, measured
        share = limits.smaller_share(found, share)
        share = share if share >= MIN_SHARE else 0.0


@pytest.mark.parametrize(
    ("kl", "lost", "best"),
    [
        (5.0, 0.01, 1.0),
        (24.0, 0.0, 0.5),  # the KL alone
        (5.0, 0.2, 0.25),  # distinct-2 alone
        (24.0, 0.2, 0.25),
        (24.0, 0.06, 0.5),
        (5.0, 0.055, 0.91),
    ],
)
def test_about_what_the_limit_allows_is_kept(kl, lost, best):
    share, measured = shortened(Limits(kl=6.0, distinct_2=0.85, start=0.9), kl, lost)
    assert best * 0.9 <= share <= best
    assert measured <= 4


def test_a_version_that_began_below_the_limit_goes_back_in_a_few_measurements():
    share, measured = shortened(Limits(kl=6.0, distinct_2=0.85, start=0.8), 3.0, 0.1, begun=0.8)
    assert share == 0.0 and measured <= 5


def test_no_way_at_all_is_measured_twice():
    assert shortened(Limits(kl=-1.0, distinct_2=0.0), 3.0, 0.0) == (0.0, 2)
