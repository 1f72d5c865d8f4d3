"""A way that went beyond a limit is shortened to about what the limit allows, in few measurements."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ppo.algorithm.measures import MeasuredPolicy
from ppo.config import Config
from ppo.progress import Progress
from ppo.training.training_steps import MIN_SHARE, Limits, Start, shrink_to_limits


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


class Straight:
    """A policy of one number, 0 at the start of a round and 1 at its end, whose answers a head rates by `curve`: those
    to every second prompt by `apart` more, the others by as much less."""

    def __init__(self, curve, apart=0.0, kl=1.0):
        self.curve, self.apart, self.kl, self.at, self.log = curve, apart, kl, 1.0, []

    @property
    def policy(self):
        return self

    def adapter_state(self):
        return {"way": torch.tensor(self.at)}

    def load_adapter_state(self, state):
        self.at = float(state["way"])

    def measure_policy(self, _store, config, _seed):
        rated = self.curve(self.at) + self.at * self.apart * np.array([1, -1] * 4)
        metrics = {"kl": self.kl * self.at**2, "distinct_2": 0.9}
        return MeasuredPolicy(metrics, rated[:, None], np.arange(8), tuple(range(8)), config.sample)

    def end_of_round(self, kl=6.0):
        self.at = 0.0
        start = Start(self.adapter_state(), self.measure_policy(None, Config(), 0))
        self.at = 1.0
        quiet = Progress(lambda _shown: None, log=self.log.append)
        return shrink_to_limits(None, self, Config(), start, Limits(kl=kl, distinct_2=0.0), Reads(), 0, quiet)


class Reads:
    """A head whose rating is the first feature."""

    def rating(self, features):
        return features[:, 0]

    def rating_of_score(self, score):
        return score


@pytest.mark.parametrize(
    ("curve", "apart", "share"),
    [
        (lambda at: at, 0.0, 1.0),
        (lambda at: -at, 0.0, 0.0),  # wrong from the first step
        (lambda at: at * (0.7 - at), 0.0, 0.5),  # right at first, and then too far
        (lambda at: at * (0.3 - at), 0.0, 0.25),
        (lambda at: -0.3 * at, 1.0, 1.0),  # a fall within its standard error, .38
        (lambda at: -0.5 * at, 1.0, 0.0),  # beyond it; on the way back it stays a fall
    ],
)
def test_a_round_whose_own_head_expects_less_goes_back(curve, apart, share):
    policy = Straight(curve, apart)
    end = policy.end_of_round()
    assert end.share == share == policy.at
    assert bool(end.why) == bool(policy.log) == (share < 1)
    assert end.metrics["expected_change"] == pytest.approx(curve(share) - curve(0))
    assert end.metrics["share"] == share
    assert end.changed_nothing == (share == 0)
    if share < 1:
        assert "the reward head expects" in end.why


def test_beyond_the_kl_and_a_fall_both_are_kept_to():
    policy = Straight(lambda at: at * (0.3 - at), kl=24.0)
    end = policy.end_of_round(kl=6.0)
    assert "the KL is 24.0 nats" in end.why
    assert end.share <= 0.3 and end.change.mean >= 0


def test_of_one_prompt_nothing_is_said_to_fall():
    one = MeasuredPolicy({}, np.ones((4, 1)), np.zeros(4, dtype=int), (7,), Config().sample)
    change = replace(one, features=np.zeros((4, 1))).change_since(one, Reads())
    assert change.mean == -1 and not change.mean < -change.error
