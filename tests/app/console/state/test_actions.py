"""What an operator does to a round, and what the main button offers then."""

from __future__ import annotations

import pytest

from app.access import accounts
from app.console.panels import training_panels
from app.console.state.actions import cancel_training, press_main_button, roll_back, train, train_anew
from app.console.state.training_health import find_last_training
from app.sample_comparison import compare_samples
from app.startup import prepare_home
from rater_data.errors import Busy, Missing, Refused
from rater_data.overview.round_overview import read_overview
from rater_data.records import User
from rater_data.round_settings import MIN_RATINGS_TO_TRAIN
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import OVERRULE, UP, rate_all, submit, work


def test_the_ring_by_the_buttons(store: Store, op: User) -> None:
    prepare_home(store)
    work(store)
    with pytest.raises(Refused, match="8 more ratings to go"):
        press_main_button(store, op, UP)
    rate_all(store, 8)
    assert "Round 1 is sealed" in press_main_button(store, op, UP)
    assert store.round().state == "sealed"
    with pytest.raises(Busy, match="cancel it first"):
        roll_back(store, op, 0)
    work(store)
    assert store.current_version().number == 1
    trained, steps = find_last_training(store)
    assert (trained.number, len(steps)) == (1, 5)
    assert "learned from" in training_panels.training_heading(trained)
    comparison = compare_samples(store)
    assert (comparison.older, comparison.newer, len(comparison.rows)) == (0, 1, 3)
    assert comparison.rows[0][1] == "Before."
    assert "Version 0 is in use again" in roll_back(store, op, 0)
    assert store.current_version().number == 0


def test_too_few_ratings_are_refused_by_name(store: Store, op: User) -> None:
    prepare_home(store)
    work(store, quota=12)
    rate_all(store, MIN_RATINGS_TO_TRAIN - 1)
    with pytest.raises(Refused, match="7 of 12 ratings"):
        train(store, op, override=True)
    rate_all(store, 1)
    train(store, op)
    assert store.round().state == "sealed"


def test_gate_refuses_and_the_operator_insists(store: Store, op: User) -> None:
    """The same version writes a next round; there the operator may overrule, with the ratings there are."""
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    press_main_button(store, op, UP)
    work(store, gate="the head cannot be told from chance")
    assert "cannot be told from chance." in read_overview(store, UP).next_step.sentence
    work(store)
    step = read_overview(store, UP).next_step
    assert (step.label, step.enabled, step.alternative, step.alternative_overrides_gate) == (
        "Train round 2",
        False,
        OVERRULE,
        True,
    )
    assert "The gate refused round 1" in step.sentence
    train(store, op, override=True)
    work(store, gate="the head cannot be told from chance")
    assert store.round(2).state == "published"
    assert len(store.snapshot(2)) == 8


def test_refused_and_nobody_writes(store: Store, op: User) -> None:
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    press_main_button(store, op, UP)
    work(store, gate="unsure")
    store.cancel(store.active_job().id, "op")
    assert read_overview(store, UP).next_step.label == "Start round 2"
    press_main_button(store, op, UP)
    work(store)
    rate_all(store, 8)
    press_main_button(store, op, UP)
    assert store.round().number == 2
    assert len(store.snapshot(2)) == 16


def test_failure_is_shown_and_training_can_start_again(store: Store, op: User) -> None:
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    press_main_button(store, op, UP)
    work(store, fail="The loss was not finite at step 3")
    seen = read_overview(store, UP)
    assert seen.next_step.label == "Train round 1 again"
    assert "The loss was not finite at step 3." in seen.next_step.sentence
    press_main_button(store, op, UP)
    work(store)
    assert store.round(1).state == "published"


def test_cancel(store: Store, op: User) -> None:
    with pytest.raises(Missing, match="Nothing is being trained"):
        cancel_training(store, op)
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    press_main_button(store, op, UP)
    job = store.claim("fake")
    assert "next safe point" in cancel_training(store, op)
    fake_worker.train(store, job, "fake", {"pause": 0})
    assert store.round().state == "failed"
    assert store.current_version().number == 0


def test_who_does_not_count_any_more_is_trained_without(store: Store, op: User) -> None:
    """Not counted, rolled back, and trained again at once with what the others said."""
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    rater = store.recent(store.users()[-1].id)[0].rating.rater_id
    press_main_button(store, op, UP)
    work(store)
    said = accounts.change_access(store, op, rater, "exclude")
    assert "Version 1, which is in use, has learned from them: Train anew without them" in said
    assert "goes back to version 0" in said
    with pytest.raises(Busy, match="Responses are being written"):
        train_anew(store, op)
    work(store)
    assert "As soon as it has written its responses, it is trained without rater 1." in train_anew(store, op)
    assert store.active_job("generate").payload == {"then_train": "op"}
    assert store.current_version().number == 0
    with pytest.raises(Refused, match="nothing to train anew"):
        train_anew(store, op)
    assert "has learned" not in accounts.change_access(store, op, rater, "exclude")
    other = store.add_user("somebody else", "rater")
    work(store)
    step = read_overview(store, UP).next_step
    assert (step.label, step.alternative, step.alternative_overrides_gate) == (
        "Train round 3",
        "Train with what is there",
        False,
    )
    assert "Round 2 was rolled back. Ratings from before count on" in step.sentence
    submit(store, other, store.next_card(other.id), 4.0)
    train(store, op)
    assert {one.rating.rater_id for one in store.snapshot(3)} == {other.id}


def test_writing_that_nobody_does_can_be_asked_for(store: Store) -> None:
    op = store.add_user("op", "operator")
    prepare_home(store)
    store.add_version(fake_worker.version(0, None, "current"))
    store.start_round({"quota": 8, "expected_responses": 8}, 0)
    job = store.claim("fake")
    assert not read_overview(store, UP).next_step.enabled
    store.fail(job.id, "fake", "It died three times.")
    step = read_overview(store, UP).next_step
    assert (step.label, step.enabled) == ("Write on", True)
    assert "It died three times. 0 of 8 responses are written" in step.sentence
    assert press_main_button(store, op, UP) == "Responses are on their way."
    assert store.active_job("generate") is not None
    store.fail(store.claim("fake").id, "fake", "again")
    prepare_home(store)  # a server that starts asks by itself
    assert store.active_job("generate") is not None


def test_first_responses_that_failed_can_be_asked_for_again(store: Store, op: User) -> None:
    prepare_home(store)
    store.fail(store.claim("fake").id, "fake", "There is no model at /models/x.")
    step = read_overview(store, UP).next_step
    assert step.sentence == "The first responses could not be written: There is no model at /models/x."
    assert press_main_button(store, op, UP) == "Responses are on their way."
    work(store)
    assert store.round().state == "rating"
