"""The learning curve: how far each round's model is above the first, in points that people gave.

Each version was compared blind with its parent in the rounds that it wrote; a version is above the first one by the sum
of the gains on the way there. Raters' drift is not in it: both sides of each gain were rated in the same round.
Comparisons add up as log-odds (Bradley and Terry 1952) and are told as the share that would prefer the model to the
first one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rater_data.statistics.intervals import Interval
from rater_data.statistics.round_verdict import NORMAL_QUANTILE, RoundVerdict

SUREST = 0.95  # a preference beyond it, of a few comparisons, is no evidence for infinite odds


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """A round, the version that wrote it, and how far that is above the first one: points, or of comparisons a share.

    The interval is a 95 % one of a single look. None where a gain on the way was not measured.
    """

    round_number: int
    version: int
    value: Interval | None


def learning_curve(
    rounds: Sequence[tuple[int, int]],
    parents: Mapping[int, int | None],
    verdicts: Mapping[int, RoundVerdict],
    paired: bool,
) -> list[CurvePoint]:
    """`rounds`: (round, version that wrote it), oldest first; `parents` by version; `verdicts` by round."""
    gains: dict[int, list[tuple[float, float, int]]] = {}
    for number, version in rounds:
        verdict = verdicts.get(number)
        if verdict is not None and verdict.gain is not None and verdict.se is not None:
            gain, se = verdict.gain.mean, verdict.se
            if paired:
                gain = max(-SUREST, min(SUREST, gain))
                gain, se = math.log((1 + gain) / (1 - gain)), 2 * se / (1 - gain**2)
            gains.setdefault(version, []).append((gain, se, verdict.gain.n))
    return [
        CurvePoint(
            round_number=number, version=version, value=_above_the_first(version, parents, gains, paired)
        )
        for number, version in rounds
    ]


def _above_the_first(
    version: int,
    parents: Mapping[int, int | None],
    gains: Mapping[int, list[tuple[float, float, int]]],
    paired: bool,
) -> Interval | None:
    total, variance, n = 0.0, 0.0, 0
    here: int | None = version
    while here is not None and parents.get(here) is not None:
        if here not in gains:
            return None
        weights = [1 / max(se, 1e-9) ** 2 for _, se, _ in gains[here]]
        total += sum(w * g for w, (g, _, _) in zip(weights, gains[here], strict=True)) / sum(weights)
        variance += 1 / sum(weights)
        n += sum(count for _, _, count in gains[here])
        here = parents[here]
    wide = NORMAL_QUANTILE * math.sqrt(variance)
    ends = (total, total - wide, total + wide)
    mean, low, high = (1 / (1 + math.exp(-end)) for end in ends) if paired else ends
    return Interval(mean=mean, low=low, high=high, n=n)
