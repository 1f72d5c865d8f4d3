"""The latest training: its PPO steps, and whether the rules that must hold in every step held."""

from __future__ import annotations

from typing import Any

from rater_data.lifecycle import Round
from rater_data.store import Store

RECENT_ROUNDS = 3  # a round without steps (in rating, refused) lies before the one that was trained


def find_last_training(store: Store) -> tuple[Round | None, list[dict[str, Any]]]:
    """The round in training, else the newest that has PPO steps, with these steps."""
    for round_ in sorted(store.rounds(), key=lambda r: -r.number)[:RECENT_ROUNDS]:
        steps = store.steps(round_.number)
        if steps:
            return round_, steps
    return None, []


def engine_check(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The light of the model in memory: it was held to its own forward when it was loaded, or it would not be there.

    "short": the same in a few words.
    """
    if not report:
        return []
    says = " ".join([report.get("says", ""), *report.get("notes", ())])
    slower = report.get("path") == "plain"
    short = (
        "The model is read on the plain path, which is slower" if slower else "The model reads as it should"
    )
    return [{"rule": "reads as the model does", "ok": True, "says": says, "step": 0, "short": short}]


def check_rules(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules of training over all steps, broken ones first: of each the step that broke it first, else the latest.

    A step reports its rules under "lights", as {"rule", "ok", "value", "limit", "says"}; "step" is added.
    """
    results: dict[str, dict[str, Any]] = {}
    for step in steps:
        for result in step.get("lights", ()):
            earlier = results.get(result["rule"])
            if earlier is None or earlier["ok"]:
                results[result["rule"]] = {**result, "step": step.get("step", 0)}
    return sorted(results.values(), key=lambda result: result["ok"])
