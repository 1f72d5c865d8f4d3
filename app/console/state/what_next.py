"""What the reward head is worth, what more ratings should buy, whether raters agree enough for it to matter, and who
should read which guidelines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rater_data.overview.wording import join_names
from rater_data.records import RaterStats
from rater_data.scales import Scale
from rater_data.statistics.intervals import Interval

NEARLY = 0.85  # of raters' agreement among each other: beyond, more of the same ratings buy little
FEWEST_TOLD = 24  # ratings below which the curve's law is fitted to hardly anything
HARDLY = 0.2  # below that correlation raters do not look for the same thing
NOTHING_MEASURED = (
    (-1, 1),
    (0, 1),
    (0, 0),
)  # what a report gives as the interval where there was nothing to measure


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreRatings:
    """The reward head's rank correlation with people after so many `more` ratings, with an 80 % interval."""

    more: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtBy:
    """How a head agreed with people on prompts left out after so many `ratings` of others taught it: rank correlation,
    and how far its favourite is above its prompt's mean."""

    ratings: float
    spearman: float
    gain: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFound:
    """What is known of the reward head on prompts that it was not fitted on, with 95 % intervals; None where a record
    does not say, or where there was nothing to measure.

    `pairs` that people told apart and the head puts the same way round, `longer` those that length alone does, both as
    shares; `gain` of its favourite over its prompt's mean, in `unit`; `calibration`: slope of people on the head. How
    raters do with each other: `ceiling_spearman`, `ceiling_pairs`. `reason`: the trainer's own sentence, "" for none.
    """

    spearman: Interval | None = None
    pairs: Interval | None = None
    longer: Interval | None = None
    gain: Interval | None = None
    calibration: Interval | None = None
    unit: str = "points"
    ceiling_spearman: float | None = None
    ceiling_pairs: float | None = None
    curve: Sequence[TaughtBy] = ()
    responses: int | None = None
    prompts: int | None = None
    chance: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatNext:
    """`now`: the head's rank correlation with people on prompts that it has not seen, of `ratings`; None before the
    trainer has looked. `sentences` say what follows for people; `head`: None before it looked."""

    now: float | None = None
    ratings: int = 0
    more: Sequence[MoreRatings] = ()
    sentences: Sequence[str] = ()
    head: HeadFound | None = None


def what_next(
    report: Mapping[str, Any] | None,
    stats: Sequence[RaterStats],
    guidelines: Mapping[int, int],
    current_guidelines: int,
    scale: Scale,
) -> WhatNext:
    """`report`: of the reward head, as the trainer or the gate kept it; `guidelines`: by rater the version that the
    latest rating of the round went by, of which `current_guidelines` is in force."""
    counted = [one for one in stats if not one.user.excluded]
    people = [*_who_reads_older(counted, guidelines, current_guidelines), *_who_agrees_least(counted)]
    head = None if report is None else head_found(report, scale)
    now, ratings = (_finite((report or {}).get(name)) for name in ("spearman", "ratings"))
    is_little = ratings is not None and ratings < FEWEST_TOLD
    if report is None or now is None or ratings is None or is_little or not report.get("advice"):
        unknown = "What more ratings would buy is not known: no trainer has looked at these ones yet."
        few = "Too little is rated to say what more ratings would buy."
        untold = "What more ratings would buy cannot be told from the last look at them."
        waiting = unknown if report is None else few if is_little else untold
        waiting = waiting if counted else ""
        return WhatNext(sentences=[s for s in (waiting, *people) if s], head=head)
    more = [
        MoreRatings(
            more=int(step["more"]),
            expected=min(1.0, now + step["spearman"]),
            low=min(1.0, now + step["low"]),
            high=min(1.0, now + step["high"]),
        )
        for step in report["advice"]
    ]
    sentences = [_whether_it_matters(now, report.get("ceiling"), scale), *people]
    return WhatNext(now=now, ratings=int(ratings), more=more, sentences=sentences, head=head)


def head_found(report: Mapping[str, Any], scale: Scale) -> HeadFound:
    """`report`: as the trainer or the gate kept it, by whichever release."""
    ceiling = report.get("ceiling") or {}
    responses, prompts = _finite(report.get("responses")), _finite(report.get("prompts"))
    return HeadFound(
        spearman=_measured(report, "spearman", "spearman_ci"),
        pairs=_measured(report, "pair_accuracy", "pair_ci"),
        longer=_measured(report, "length_pair_accuracy", "length_ci"),
        gain=_measured(report, "favourite_gain", "favourite_ci"),
        calibration=_measured(report, "calibration", "calibration_ci"),
        unit="logits" if scale.paired or scale.name == "thumbs" else "points",
        ceiling_spearman=_finite(ceiling.get("spearman")),
        ceiling_pairs=_finite(ceiling.get("pair_accuracy")),
        curve=[
            TaughtBy(ratings=ratings, spearman=rho, gain=_finite(point.get("gain")))
            for point in report.get("curve") or ()
            if (ratings := _finite(point.get("ratings"))) is not None
            and (rho := _finite(point.get("spearman"))) is not None
        ],
        responses=None if responses is None else int(responses),
        prompts=None if prompts is None else int(prompts),
        chance=_finite(report.get("p_value")),
        reason=str(report.get("reason") or ""),
    )


def _finite(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _measured(report: Mapping[str, Any], name: str, interval: str) -> Interval | None:
    ends = [_finite(end) for end in report.get(interval) or ()]
    value, low, high = [_finite(report.get(name)), *ends] if len(ends) == 2 else [None] * 3
    if value is None or low is None or high is None or (low, high) in NOTHING_MEASURED:
        return None
    return Interval(mean=value, low=low, high=high, n=int(_finite(report.get("responses")) or 0))


def _whether_it_matters(now: float, ceiling: Mapping[str, Any] | None, scale: Scale) -> str:
    agree = None if ceiling is None else _finite(ceiling.get("spearman"))
    if ceiling is None or agree is None:
        return f"How far raters agree is not known yet: too few {scale.rated_units} were rated by several."
    of = f"on {ceiling.get('n', 'some')} ratings of what several rated"
    if agree < HARDLY:
        return (
            f"Raters hardly agree with each other ({agree:.2f} {of}): more ratings teach little until they look for "
            "the same thing. Say what that is in the guidelines, under Settings."
        )
    if now >= NEARLY * agree:
        return (
            f"The head agrees with people about as well as they do with each other ({agree:.2f} {of}): clearer "
            "guidelines would buy more than more ratings."
        )
    return f"Raters agree with each other at {agree:.2f} ({of}), so there is room for more ratings to matter."


def _who_reads_older(stats: Sequence[RaterStats], guidelines: Mapping[int, int], current: int) -> list[str]:
    """Who rates by guidelines that are not in force any more, the oldest first."""
    by_version: dict[int, list[str]] = {}
    for one in stats:
        version = guidelines.get(one.user.id, current)
        if version < current:
            by_version.setdefault(version, []).append(one.user.name)
    return [
        f"The latest ratings of {join_names(names)} went by version {version} of the guidelines: let them read version "
        f"{current}, which is in force."
        for version, names in sorted(by_version.items())
    ]


def _who_agrees_least(stats: Sequence[RaterStats]) -> list[str]:
    """Whose scores are ordered least as the others', where that is hardly at all."""
    told = [(one.agreement, one.user.name) for one in stats if one.agreement is not None]
    if len(told) < 2:
        return []
    agreement, name = min(told)
    if agreement >= HARDLY:
        return []
    return [
        f"{name} orders answers least as the others do ({agreement:.2f}): read some of the shared ones together, with "
        "the guidelines beside them."
    ]
