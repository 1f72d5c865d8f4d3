"""The main button in every state of a round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rater_data.lifecycle import UNPACKING, Job
from rater_data.overview.next_step import decide_next_step
from rater_data.overview.trainer_status import NO_TRAINER
from tests.app.console.helpers import OVERRULE, job, progress


@pytest.mark.parametrize(
    ("state", "ratings", "running", "label", "possible", "again", "says"),
    [
        (None, 0, None, "Start round 1", True, None, "Nobody was asked"),
        (None, 0, job("generate"), "Train round 1", False, None, "The model is being loaded"),
        (
            None,
            0,
            replace(job("generate"), progress={"phase": UNPACKING}),
            "Train round 1",
            False,
            None,
            "this once",
        ),
        ("generating", 0, job("generate"), "Train round 3", False, None, "64 of 64 responses"),
        ("rating", 0, None, "Train round 3", False, None, "64 more ratings to go."),
        ("rating", 63, None, "Train round 3", False, "Train early", "1 more rating to go."),
        ("rating", 64, None, "Train round 3", True, None, "All 64 ratings are in"),
        ("sealed", 64, job("train", "queued"), "Training…", False, None, "waits for the trainer"),
        ("training", 64, job("train"), "Training…", False, None, "in training"),
        ("training", 64, job("train", cancel=True), "Cancelling…", False, None, "next safe point"),
        ("refused", 64, job("generate"), "Train round 4", False, None, "More responses are being written."),
        ("refused", 64, None, "Start round 4", True, OVERRULE, "no better than chance."),
        ("failed", 64, None, "Train round 3 again", True, None, "The ratings are safe"),
        ("published", 64, job("generate"), "Train round 4", False, None, "being written"),
        ("published", 64, None, "Start round 4", True, None, "Nothing is being written"),
        ("rolled_back", 64, None, "Start round 4", True, None, "rolled back"),
    ],
)
def test_main_button_in_every_state(
    state: str | None,
    ratings: int,
    running: Job | None,
    label: str,
    possible: bool,
    again: str | None,
    says: str,
) -> None:
    gate = {"passed": False, "reason": "no better than chance"} if state == "refused" else None
    seen = progress(state, ratings, gate=gate) if state else None
    step = decide_next_step(seen, running, None)
    assert (step.label, step.enabled, step.alternative) == (label, possible, again)
    assert says in step.sentence
    assert step.alternative_overrides_gate is (again == OVERRULE)
    assert step.can_cancel is (
        running is not None and running.kind == "train" and not running.cancel_requested
    )
    assert step.sentence.endswith((".", "!", "?"))


def test_a_dead_trainer_is_said() -> None:
    assert decide_next_step(progress("rating", 64), None, None, NO_TRAINER).sentence.endswith(NO_TRAINER)
    assert NO_TRAINER not in decide_next_step(progress("rating", 64), None, None).sentence


@pytest.mark.parametrize(
    ("state", "label"),
    [
        (None, "Try again"),
        ("generating", "Write on"),
        ("refused", "Start round 4"),
        ("published", "Start round 4"),
        ("rolled_back", "Start round 4"),
        ("failed", "Train round 3 again"),
    ],
)
def test_after_a_failure_its_reason_is_told_and_there_is_a_way_on(state: str | None, label: str) -> None:
    step = decide_next_step(progress(state, 8) if state else None, None, "The disk is full")
    assert "The disk is full." in step.sentence
    assert (step.label, step.enabled) == (label, True)


def test_after_a_refusal_the_gate_can_be_overruled() -> None:
    refused = replace(progress("refused", gate={"reason": "Chance."}).round, number=1)
    step = decide_next_step(progress("rating", 0), None, None, unlearned=refused)
    assert "The gate refused round 1: Chance." in step.sentence
    assert (step.alternative, step.alternative_overrides_gate, step.enabled) == (
        "Train although the gate refused",
        True,
        False,
    )
    assert decide_next_step(progress("rating", 0), None, None).alternative is None


def test_time_to_quota_only_from_a_real_pace() -> None:
    assert "pace" not in decide_next_step(progress("rating", 1, pace=1), None, None).sentence
    assert "about 60 min at the pace" in decide_next_step(progress("rating", 4, pace=60), None, None).sentence


def test_who_trains_by_itself_says_so_beforehand() -> None:
    soon = decide_next_step(progress("rating", 60), None, None, trains_itself=True)
    assert soon.sentence == "4 more ratings to go; then the training begins by itself."
    full = decide_next_step(progress("rating", 64), None, None, trains_itself=True)
    assert "begins by itself in a moment" in full.sentence and full.enabled, "nobody has to wait for it"
