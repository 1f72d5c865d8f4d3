"""The operator's decisions: what the main button says and does in every state of a round."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.access import accounts
from app.console.console_page import PLOTS, Seen, changed, look
from app.console.panels import people_panels, version_panels
from app.console.panels import training_panels as elements
from app.console.panels.version_panels import Known
from app.console.state import next_step as operating
from app.console.state import plot_data
from app.console.state.next_step import next_step
from app.console.state.version_gains import Helped
from app.safe_html import render_markdown
from app.sample_comparison import SampleComparison, compare_samples
from app.settings import Settings
from app.startup import prepare_home
from app.trainer.supervisor import Supervisor, WorkerStatus
from rater_data.errors import Busy, Missing, Refused
from rater_data.lifecycle import Job, Round, RoundProgress
from rater_data.records import Card, Rating, Token, User
from rater_data.scales import SCALES
from rater_data.store import Store
from tests import fake_worker
from tests.rater_data.store_world import file_store

UP = WorkerStatus(state="running", pid=1)
DOWN = WorkerStatus(
    state="waiting", deaths=2, exit_code=1, next_try_at=0.0, last_words="ImportError: no torch"
)
OVERRULE = "Train although the gate refused"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>'\"&`${1}{{value}}"


def progress(state: str, ratings: int = 0, quota: int = 64, **more: Any) -> RoundProgress:
    found = Round(
        number=3,
        state=state,
        config={"quota": quota},
        version_number=2,
        snapshot_sha256=None,
        gate=more.pop("gate", None),
        decision=None,
        created_at=0.0,
        updated_at=0.0,
    )
    return RoundProgress(
        round=found,
        responses=64,
        expected_responses=64,
        ratings=ratings,
        set_aside=0,
        quota=quota,
        by_stratum={"train": (ratings, quota)},
        raters=2,
        ratings_last_hour=more.pop("pace", 0.0),
        mean_score=None,
        scores={},
        complete=ratings >= quota,
    )


def job(kind: str, state: str = "running", cancel: bool = False) -> Job:
    return Job(
        id=1,
        kind=kind,
        payload={},
        state=state,
        progress={},
        worker="w",
        heartbeat_at=0.0,
        attempts=1,
        cancel_requested=cancel,
        error=None,
        log_tail="",
        created_at=0.0,
        updated_at=0.0,
    )


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
    step = next_step(seen, running, None, UP)
    assert (step.label, step.possible, step.again) == (label, possible, again)
    assert says in step.sentence
    assert step.again_override is (again == OVERRULE)
    assert step.cancel is (running is not None and running.kind == "train" and not running.cancel_requested)
    assert step.sentence.endswith((".", "!", "?"))


def test_a_dead_trainer_is_said() -> None:
    assert "trainer is not running" in next_step(progress("rating", 64), None, None, DOWN).sentence
    assert "trainer is not running" not in next_step(progress("rating", 64), None, None, UP).sentence
    seen = operating.Overview(
        progress=None, job=None, last_error=None, worker=DOWN, next=next_step(None, None, None, DOWN)
    )
    assert "ImportError: no torch" in elements.heading(seen)


def test_after_a_refusal_the_gate_can_be_overruled() -> None:
    refused = replace(progress("refused", gate={"reason": "Chance."}).round, number=1)
    step = next_step(progress("rating", 0), None, None, UP, refused)
    assert "The gate refused round 1: Chance." in step.sentence
    assert (step.again, step.again_override, step.possible) == (
        "Train although the gate refused",
        True,
        False,
    )
    assert next_step(progress("rating", 0), None, None, UP).again is None


def test_time_to_quota_only_from_a_real_pace() -> None:
    assert "pace" not in next_step(progress("rating", 1, pace=1), None, None, UP).sentence
    assert "about 60 min at the pace" in next_step(progress("rating", 4, pace=60), None, None, UP).sentence


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = file_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def op(store: Store) -> User:
    return store.add_user("op", "operator")


def submit(store: Store, rater: User, card: Card, score: float) -> None:
    now = time.time()
    store.submit(
        Rating(
            response_id=card.response_id,
            rater_id=rater.id,
            score=score,
            shown_at=now - 3,
            submitted_at=now,
            active_ms=3000,
            position=card.position,
            guideline_version=1,
            key=f"{rater.id} on {card.response_id}",
        )
    )


def rate_all(store: Store, count: int) -> None:
    rater = store.add_user(f"rater {len(store.users())}", "rater")
    for i in range(count):
        submit(store, rater, store.next_card(rater.id), 1.0 + i % 10)


def work(store: Store, **settings: Any) -> None:
    """What the trainer would do with the job that waits."""
    job = store.claim("fake")
    if job.kind == "generate":
        fake_worker.generate(store, settings)
        store.finish(job.id, "fake")
    else:
        fake_worker.train(store, job, "fake", settings | {"pause": 0})


def test_the_ring_by_the_buttons(store: Store, op: User) -> None:
    prepare_home(store)
    work(store)
    with pytest.raises(Refused, match="8 more ratings to go"):
        operating.press(store, op, UP)
    rate_all(store, 8)
    assert "Round 1 is sealed" in operating.press(store, op, UP)
    assert store.round().state == "sealed"
    with pytest.raises(Busy, match="cancel it first"):
        operating.roll_back(store, op, 0)
    work(store)
    assert store.current_version().number == 1
    trained, steps = operating.last_trained(store)
    assert (trained.number, len(steps)) == (1, 4)
    assert "Learned." in elements.training_heading(trained)
    comparison = compare_samples(store)
    assert (comparison.older, comparison.newer, len(comparison.rows)) == (0, 1, 3)
    assert comparison.rows[0][1] == "Before."
    assert "Version 0 is in use again" in operating.roll_back(store, op, 0)
    assert store.current_version().number == 0


def test_too_few_ratings_are_refused_by_name(store: Store, op: User) -> None:
    prepare_home(store)
    work(store, quota=12)
    rate_all(store, operating.FEWEST_TO_TRAIN - 1)
    with pytest.raises(Refused, match="7 of 12 ratings"):
        operating.train(store, op, override=True)
    rate_all(store, 1)
    operating.train(store, op)
    assert store.round().state == "sealed"


def test_gate_refuses_and_the_operator_insists(store: Store, op: User) -> None:
    """The same version writes a next round; there the operator may overrule, with the ratings there are."""
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    operating.press(store, op, UP)
    work(store, gate="the head cannot be told from chance")
    assert "cannot be told from chance." in operating.overview(store, UP).next.sentence
    work(store)
    step = operating.overview(store, UP).next
    assert (step.label, step.possible, step.again, step.again_override) == (
        "Train round 2",
        False,
        OVERRULE,
        True,
    )
    assert "The gate refused round 1" in step.sentence
    operating.train(store, op, override=True)
    work(store, gate="the head cannot be told from chance")
    assert store.round(2).state == "published"
    assert len(store.snapshot(2)) == 8


def test_refused_and_nobody_writes(store: Store, op: User) -> None:
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    operating.press(store, op, UP)
    work(store, gate="unsure")
    store.cancel(store.active_job().id, "op")
    assert operating.overview(store, UP).next.label == "Start round 2"
    operating.press(store, op, UP)
    work(store)
    rate_all(store, 8)
    operating.press(store, op, UP)
    assert store.round().number == 2
    assert len(store.snapshot(2)) == 16


def test_failure_is_shown_and_training_can_start_again(store: Store, op: User) -> None:
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    operating.press(store, op, UP)
    work(store, fail="The loss was not finite at step 3")
    seen = operating.overview(store, UP)
    assert seen.next.label == "Train round 1 again"
    assert "The loss was not finite at step 3." in seen.next.sentence
    operating.press(store, op, UP)
    work(store)
    assert store.round(1).state == "published"


def test_cancel(store: Store, op: User) -> None:
    with pytest.raises(Missing, match="Nothing is being trained"):
        operating.cancel(store, op)
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    operating.press(store, op, UP)
    job = store.claim("fake")
    assert "next safe point" in operating.cancel(store, op)
    fake_worker.train(store, job, "fake", {"pause": 0})
    assert store.round().state == "failed"
    assert store.current_version().number == 0


def test_who_does_not_count_any_more_is_trained_without(store: Store, op: User) -> None:
    """Not counted, rolled back, and trained again at once with what the others said."""
    prepare_home(store)
    work(store)
    rate_all(store, 8)
    rater = store.recent(store.users()[-1].id)[0].rating.rater_id
    operating.press(store, op, UP)
    work(store)
    said = accounts.change_access(store, op, rater, "exclude")
    assert "Version 1, which is in use, has learned from them: roll back to version 0" in said
    operating.roll_back(store, op, 0)
    assert "has learned" not in accounts.change_access(store, op, rater, "exclude")
    other = store.add_user("somebody else", "rater")
    work(store)
    step = operating.overview(store, UP).next
    assert (step.label, step.again, step.again_override) == (
        "Train round 2",
        "Train with what is there",
        False,
    )
    assert "Round 1 was rolled back. Ratings from before count on" in step.sentence
    submit(store, other, store.next_card(other.id), 4.0)
    operating.train(store, op)
    assert {one.rating.rater_id for one in store.snapshot(2)} == {other.id}


# ---- panels and charts


def test_hostile_text_is_text_in_every_panel(store: Store) -> None:
    prepare_home(store)
    work(store, texts=[HOSTILE])
    user = store.add_user(HOSTILE[:60], "rater")
    store.log(HOSTILE, HOSTILE, note=HOSTILE)
    comparison = SampleComparison(older=0, newer=1, rows=((HOSTILE, HOSTILE, HOSTILE),))
    hurt = job("train")
    hurt = replace(hurt, progress={"phase": HOSTILE, "note": HOSTILE, "done": 1, "total": 2, "eta_s": 1.0})
    worker = replace(DOWN, last_words=HOSTILE)
    seen = operating.Overview(
        progress=progress("refused", gate={"reason": HOSTILE}),
        job=hurt,
        last_error=HOSTILE,
        worker=worker,
        next=next_step(progress("refused", gate={"reason": HOSTILE}), None, HOSTILE, worker),
    )
    shown = [
        elements.heading(seen),
        elements.training(seen),
        version_panels.samples(comparison, (0, 1)),
        people_panels.people(store.rater_stats(), store.users()),
        elements.log(store.events()),
        elements.notice(HOSTILE),
        people_panels.invited(user.name, "rater", HOSTILE),
        people_panels.new_token(user.name, "rater", HOSTILE),
        people_panels.tokens([Token(id=1, user=user, created_at=0.0, expires_at=1.0)]),
        version_panels.versions(
            [replace(fake_worker.version(1, 0, "kept"), metrics={"kl": HOSTILE}, notes=HOSTILE)],
            False,
            Known(),
        ),
        elements.strata(replace(progress("rating", 1), by_stratum={HOSTILE: (1, 2)})),
        elements.lights([{"rule": HOSTILE, "says": HOSTILE, "ok": False, "step": HOSTILE}]),
    ]
    for panel in shown:
        assert "<img src=x" not in panel
        assert "<script" not in panel


def test_a_broken_rule_comes_first_and_stays_broken() -> None:
    def light(rule: str, ok: bool) -> dict[str, Any]:
        return {"rule": rule, "ok": ok, "value": 0.0, "limit": 0.0, "says": f"{rule} is {ok}."}

    steps = [
        {"step": 1, "lights": [light("a", True), light("b", True)]},
        {"step": 2, "lights": [light("a", True), light("b", False)]},
        {"step": 3, "lights": [light("a", True), light("b", True)]},
    ]
    found = operating.health(steps)
    assert [(f["rule"], f["ok"], f["step"]) for f in found] == [("b", False, 2), ("a", True, 3)]
    shown = elements.lights(found)
    assert "1 of 2 checks ask for a look" in shown
    assert "(Step 2.)" in shown
    assert "All checks hold" in elements.lights(operating.health(steps[:1]))
    assert elements.lights(operating.health([{"step": 1}])) == ""


def test_only_what_changed_is_sent_again(store: Store) -> None:
    supervisor = Supervisor(Settings(home=store.home, worker=False))
    prepare_home(store)
    work(store)
    first, marks = changed(look(store, supervisor, Seen()), "{}")
    assert set(first) == set(look(store, supervisor, Seen()))
    again, marks = changed(look(store, supervisor, Seen()), marks)
    assert set(again) == PLOTS, "plots are sent twice"
    assert changed(look(store, supervisor, Seen()), marks)[0] == {}
    rate_all(store, 1)
    differs, marks = changed(look(store, supervisor, Seen()), marks)
    assert {"tiles", "scores", "heading"} <= set(differs)
    assert "versions" not in differs
    assert set(changed(look(store, supervisor, Seen()), "not json")[0]) == set(first)


def test_histogram_has_every_point() -> None:
    frame = plot_data.scores(replace(progress("rating"), scores={"7": 2, "10.0": 1}), SCALES["score_1_10"])
    assert list(frame["score"]) == [str(i) for i in range(1, 11)]
    assert list(frame["ratings"]) == [0, 0, 0, 0, 0, 0, 2, 0, 0, 1]


def test_curves_leave_gaps_out() -> None:
    steps = [{"step": 1, "kl": 0.5}, {"step": 2}, {"step": 3, "kl": 1}]
    frame = plot_data.curve(steps, "kl")
    assert frame.values.tolist() == [[1.0, 0.5], [3.0, 1.0]]
    assert plot_data.step_axis(steps) == [0, 10]
    assert plot_data.value_axis(frame) == [0, 1.08]
    assert plot_data.value_axis(frame - 2) == pytest.approx([-1.54, -0.96])
    assert plot_data.value_axis(frame[:0]) is None


def test_zero_has_no_sign() -> None:
    assert elements.number(-0.001, "{:+.2f}") == "0.00"
    assert elements.number(-0.01, "{:+.2f}") == "-0.01"
    assert elements.number(None, "{:.2f}") == "–"


def test_guidelines_are_cleaned_last() -> None:
    hostile = "**ok** <script>x</script> [a](javascript:x) ![b](http://evil.example/i.png)\n\n<p style='x' id='y'>z</p>"
    html = render_markdown(hostile)
    assert "<strong>ok</strong>" in html
    assert set(re.findall(r"<[^>]*>", html)) == {"<p>", "</p>", "<strong>", "</strong>"}, (
        "no tag has attributes"
    )
    assert "<td>7</td>" in render_markdown("| | |\n|--|--|\n| 7 | good |")


def test_what_people_say_of_a_new_version(store: Store) -> None:
    """Old and new answers to the same prompts, in the round that the new version wrote."""
    helped = Helped()
    fake_worker.generate(store, {"quota": 4})
    rate_all(store, 4)
    store.start_training(1, "op")
    work(store)
    assert helped.of(store) == {}
    assert "too few ratings yet" in version_panels.versions(store.versions(), False, Known(helped.of(store)))
    number = store.start_round({"quota": 8}, 1).number
    answers = [
        replace(fake_worker.response(p.id, number, by, 2 * i + by, f"{i} by {by}", 2), stratum=stratum)
        for i, p in enumerate(store.prompts()[:2])
        for by, stratum in ((0, "control"), (1, "train"))
    ]
    store.add_responses(answers)
    store.set_round_state(number, "rating")
    ann, bob = (store.add_user(name, "rater") for name in ("ann", "bob"))
    for rater, better in ((ann, 3.0), (bob, -3.0)):
        while card := store.next_card(rater.id):
            score = 5.0 + (better if card.text.endswith("by 1") else 0.0) + (card.text < "1")
            submit(store, rater, card, score)
    store.set_excluded(bob.id, True, "op")
    found = helped.of(store)[1]
    assert (found.mean, found.n) == (pytest.approx(3.0), 2)
    assert "+3.0 (" in version_panels.versions(store.versions(), False, Known({1: found}))
    store.set_excluded(bob.id, False, "op")
    assert helped.of(store)[1].mean == pytest.approx(0.0, abs=1e-9)


def test_writing_that_nobody_does_can_be_asked_for(store: Store) -> None:
    op = store.add_user("op", "operator")
    prepare_home(store)
    store.add_version(fake_worker.version(0, None, "current"))
    store.start_round({"quota": 8, "expected_responses": 8}, 0)
    job = store.claim("fake")
    assert not operating.overview(store, UP).next.possible
    store.fail(job.id, "fake", "It died three times.")
    step = operating.overview(store, UP).next
    assert (step.label, step.possible) == ("Write on", True)
    assert "It died three times. 0 of 8 responses are written" in step.sentence
    assert operating.press(store, op, UP) == "Responses are on their way."
    assert store.active_job("generate") is not None
    store.fail(store.claim("fake").id, "fake", "again")
    prepare_home(store)  # a server that starts asks by itself
    assert store.active_job("generate") is not None
