"""What a home knows of its own costs: what the trainer measured, what trainings really took, how raters rate."""

import math
from dataclasses import replace
from statistics import median
from typing import Any

from rater_data.lifecycle import Round, Version
from rater_data.planning.costs import RoundCosts
from rater_data.planning.estimate import (
    EVALUATING,
    ON_RATINGS,
    ON_ROLLOUTS,
    READING,
    UNTRIED_SPREAD,
    HomeFacts,
    Values,
    estimate_round,
)
from rater_data.round_settings import LIMIT_PATH, REFERENCE, ROUND_COSTS, current_values
from rater_data.store import Store

TRAININGS = 3  # of the last ones, that correct the next estimate
LEAST_SPREAD = 1.25  # what a machine differs by from one round to the next, whatever the last ones say
WIDEST_SPREAD = 3.0
LEAST_RATINGS = 8  # whose times say how quickly people rate
CORRECTED = (READING, ON_RATINGS, ON_ROLLOUTS, EVALUATING)


def read_costs(store: Store) -> RoundCosts | None:
    """What the trainer measured last; None before."""
    return RoundCosts.from_json(store.setting(ROUND_COSTS))


def planned_values(stored: dict[str, Any]) -> dict[str, float | str]:
    """Every setting's value by path, with the one that only `--set` changes and that costs time."""
    values = current_values(stored)
    return values | {"ppo.epochs": float(stored.get("ppo", {}).get("epochs", 1))}


def read_facts(store: Store, costs: RoundCosts | None) -> HomeFacts:
    """Of a home, for the estimate of its next round by these costs."""
    versions, times = store.versions(), store.recent_times()
    current, lengths = (
        next((v.number for v in versions if v.status == "current"), 0),
        _lengths(store, versions),
    )
    length, limit = lengths.get(current, (None, 0))
    facts = HomeFacts(
        length=length,
        limit=limit,
        holdout=store.count_prompts("holdout"),
        is_first=not any(v.number for v in versions),
        paired=store.scale().paired,
        per_hour=3_600_000 / median(times) if len(times) >= LEAST_RATINGS else None,
    )
    if costs is None:
        return facts
    kept = read_costs(store)
    # Trainings since then were on such a machine; costs that were measured again just now say nothing of when
    since = kept.measured_at if kept is not None and kept.what == costs.what else costs.measured_at
    by_number = {version.number: version for version in versions}
    trained = [
        (by_number[r.published_version], r)
        for r in store.rounds()
        if r.published_version in by_number and by_number[r.published_version].created_at > since
    ]
    return correct(facts, costs, [_Training(v, r, lengths) for v, r in trained[-TRAININGS:]])


def _lengths(store: Store, versions: list[Version]) -> dict[int, tuple[float, int]]:
    """Mean tokens of a response by each version, and the limit that it was measured with."""
    measured = {version.number: version.metrics for version in versions}
    # the base is measured by itself
    reference = store.setting(REFERENCE, {})
    measured[0] = {**reference.get("metrics", {}), "sample": reference.get("sample", {})}
    return {
        number: (float(metrics["length"]), int(metrics.get("sample", {}).get("max_new_tokens", 0)))
        for number, metrics in measured.items()
        if "length" in metrics
    }


class _Training:
    """A training as it was: its settings, how long its responses were, and the seconds of its phases."""

    def __init__(self, version: Version, round_: Round, lengths: dict[int, tuple[float, int]]):
        self.values: Values = planned_values(round_.config)
        metrics = version.metrics
        # Responses change while they are trained: they were as long as those before and after it
        both = [lengths[number][0] for number in (version.parent or 0, version.number) if number in lengths]
        self.length = sum(both) / len(both) if both else None
        self.is_first = not version.parent
        self.seconds: dict[str, float] = metrics.get("seconds", {})
        steps = float(self.values["ppo.steps"])
        # One that a limit ended early, and one that was evaluated again and again, took other than was said
        self.parts = {ON_ROLLOUTS: metrics.get("steps", steps) / steps}
        self.evaluated_once = metrics.get("share", 1.0) == 1.0


def correct(facts: HomeFacts, costs: RoundCosts, trainings: list[_Training]) -> HomeFacts:
    """Facts with what the last trainings took, as shares of what would have been said of them."""
    found: dict[str, list[float]] = {}
    for training in trainings:
        known = HomeFacts(
            length=training.length,
            limit=int(training.values[LIMIT_PATH]),
            holdout=facts.holdout,
            is_first=training.is_first,
            paired=facts.paired,
        )
        said = estimate_round(training.values, costs, known).phases
        for phase in CORRECTED:
            expected = said[phase] * training.parts.get(phase, 1.0)
            took = training.seconds.get(phase, 0.0)
            if min(expected, took) > 0 and (phase != EVALUATING or training.evaluated_once):
                found.setdefault(phase, []).append(math.log(took / expected))
    if not found:
        return facts
    ratios = {phase: math.exp(sum(logs) / len(logs)) for phase, logs in found.items()}
    mean = {phase: math.log(ratio) for phase, ratio in ratios.items()}
    apart = max(abs(x - mean[phase]) for phase, logs in found.items() for x in logs)
    count = max(len(logs) for logs in found.values())
    # Two that took the same may have done so by chance
    spread = max(LEAST_SPREAD, math.exp(apart), UNTRIED_SPREAD ** (1 / count))
    return replace(facts, ratios=ratios, spread=min(spread, WIDEST_SPREAD), trainings=count)
