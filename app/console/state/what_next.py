"""What more ratings should buy, whether raters agree enough for it to matter, and who should read which guidelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rater_data.overview.wording import join_names
from rater_data.records import RaterStats
from rater_data.scales import Scale

NEARLY = 0.85  # of raters' agreement among each other: beyond, more of the same ratings buy little
FEWEST_TOLD = 24  # ratings below which the curve's law is fitted to hardly anything
HARDLY = 0.2  # below that correlation raters do not look for the same thing


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreRatings:
    """The reward head's rank correlation with people after so many `more` ratings, with an 80 % interval."""

    more: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatNext:
    """`now`: the head's rank correlation with people on prompts that it has not seen, of `ratings`; None before the
    trainer has looked. `sentences` say what follows for people."""

    now: float | None = None
    ratings: int = 0
    more: Sequence[MoreRatings] = ()
    sentences: Sequence[str] = ()


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
    if report is None or not report.get("advice") or report["ratings"] < FEWEST_TOLD:
        unknown = "What more ratings would buy is not known: no trainer has looked at these ones yet."
        few = "Too little is rated to say what more ratings would buy."
        untold = "What more ratings would buy cannot be told from the last look at them."
        waiting = unknown if report is None else few if report["ratings"] < FEWEST_TOLD else untold
        waiting = waiting if counted else ""
        return WhatNext(sentences=[s for s in (waiting, *people) if s])
    now = float(report["spearman"])
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
    return WhatNext(now=now, ratings=int(report["ratings"]), more=more, sentences=sentences)


def _whether_it_matters(now: float, ceiling: Mapping[str, Any] | None, scale: Scale) -> str:
    agree = None if ceiling is None else ceiling.get("spearman")
    if ceiling is None or agree is None:
        return f"How far raters agree is not known yet: too few {scale.rated_units} were rated by several."
    of = f"on {ceiling['n']} ratings of what several rated"
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
