"""The main button in every state of a round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.console.panels import page_header
from app.console.state.next_step import decide_next_step
from app.console.state.round_overview import RoundOverview
from app.trainer.supervisor import WorkerStatus
from rater_data.lifecycle import Job
from tests.app.console.helpers import DOWN, OVERRULE, UP, job, progress


@pytest.mark.parametrize(
    ("state", "ratings", "running", "label", "possible", "again", "says"),
    [
        (None, 0, None, "Train round 1", False, None, "The model is being loaded"),
        ("generating", 0, job("generate"), "Train round 3", False, None, "64 of 64 responses"),
        ("rating", 0, None, "Train round 3", False, None, "64 more ratings to go."),
        ("rating", 63, None, "Train round 3", False, "Train early", "1 more rating to go."),
        ("rating", 64, None, "Train round 3", True, None, "All 64 ratings are in"),
        ("sealed", 64, job("train", "queued"), "Training…", False, None, "in training"),
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
    step = decide_next_step(seen, running, None, UP)
    assert (step.label, step.enabled, step.alternative) == (label, possible, again)
    assert says in step.sentence
    assert step.alternative_overrides_gate is (again == OVERRULE)
    assert step.can_cancel is (
        running is not None and running.kind == "train" and not running.cancel_requested
    )
    assert step.sentence.endswith((".", "!", "?"))


def test_a_dead_trainer_is_said() -> None:
    assert "trainer is not running" in decide_next_step(progress("rating", 64), None, None, DOWN).sentence
    assert "trainer is not running" not in decide_next_step(progress("rating", 64), None, None, UP).sentence
    seen = RoundOverview(
        progress=None,
        job=None,
        last_error=None,
        worker=DOWN,
        trainers=(),
        next_step=decide_next_step(None, None, None, DOWN),
    )
    assert "ImportError: no torch" in page_header.heading(seen)


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
    step = decide_next_step(progress(state, 8) if state else None, None, "The disk is full", UP)
    assert "The disk is full." in step.sentence
    assert (step.label, step.enabled) == (label, True)


def test_after_a_refusal_the_gate_can_be_overruled() -> None:
    refused = replace(progress("refused", gate={"reason": "Chance."}).round, number=1)
    step = decide_next_step(progress("rating", 0), None, None, UP, refused)
    assert "The gate refused round 1: Chance." in step.sentence
    assert (step.alternative, step.alternative_overrides_gate, step.enabled) == (
        "Train although the gate refused",
        True,
        False,
    )
    assert decide_next_step(progress("rating", 0), None, None, UP).alternative is None


def test_time_to_quota_only_from_a_real_pace() -> None:
    assert "pace" not in decide_next_step(progress("rating", 1, pace=1), None, None, UP).sentence
    assert (
        "about 60 min at the pace"
        in decide_next_step(progress("rating", 4, pace=60), None, None, UP).sentence
    )


def test_who_trains_by_itself_says_so_beforehand() -> None:
    soon = decide_next_step(progress("rating", 60), None, None, UP, trains_itself=True)
    assert soon.sentence == "4 more ratings to go; then the training begins by itself."
    full = decide_next_step(progress("rating", 64), None, None, UP, trains_itself=True)
    assert "begins by itself in a moment" in full.sentence and full.enabled, "nobody has to wait for it"


@pytest.mark.parametrize(
    ("state", "ratings", "running", "worker", "error", "title"),
    [
        (None, 0, None, UP, None, "Writing responses · Rateloop"),
        ("rating", 12, None, UP, None, "12/64 rated · Round 3 · Rateloop"),
        ("rating", 67, None, UP, None, "✓ 64/64 rated · Round 3 · Rateloop"),
        ("training", 64, job("train"), UP, None, "Training · Round 3 · Rateloop"),
        ("failed", 64, None, UP, "no disk", "Training stopped · Round 3 · Rateloop"),
        ("generating", 0, None, UP, "no disk", "Writing stopped · Round 3 · Rateloop"),
        ("rating", 12, None, DOWN, None, "Trainer stopped · Round 3 · Rateloop"),
        ("published", 64, job("generate"), UP, None, "Published · Round 3 · Rateloop"),
    ],
)
def test_the_tabs_title_says_the_news_first(
    state: str | None,
    ratings: int,
    running: Job | None,
    worker: WorkerStatus,
    error: str | None,
    title: str,
) -> None:
    seen = RoundOverview(
        progress=progress(state, ratings) if state else None,
        job=running,
        last_error=error,
        worker=worker,
        trainers=(),
        next_step=decide_next_step(None, None, None, worker),
    )
    assert f'data-title="{title}"' in page_header.heading(seen)
    share = replace(job("train"), progress={"done": 3, "total": 6})
    training = replace(seen, job=share, worker=UP, progress=progress("training", 64))
    assert 'data-title="Training 50 % · Round 3' in page_header.heading(training)
