"""Every state of round, job and trainer: what is said of it, what can be pressed, and that everybody says the same.

The table is in tests/golden/round_states.txt, to be read by people; this module, run as a program, prints it anew.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.console.panels import page_header
from app.startup import announce_start, report_rounds
from rater_data.cli.status_command import status_lines
from rater_data.errors import RateloopError
from rater_data.lifecycle import LOST_AFTER_S, ROUND_STATES, Job, RoundProgress, Worker
from rater_data.overview.next_step import NextStep, decide_next_step, offered_buttons, state_of
from rater_data.overview.round_overview import overview_as_json, read_overview
from rater_data.overview.trainer_status import (
    NO_TRAINER,
    STARTING,
    STUCK_AFTER_S,
    WorkerStatus,
    trainer_trouble,
)
from rater_data.records import User
from rater_data.round_settings import TRAIN_AT_QUOTA
from rater_data.store import Store
from rater_data.store.database.release import own_release
from rater_data.store.rounds.workers import STARTING_FOR_S
from tests import fake_worker
from tests.app.console.helpers import DOWN, OFF, UP, job, progress, rate_all, work
from tests.paths import ROOT
from tests.rater_data.store_world import file_store

GOLDEN = ROOT / "tests" / "golden" / "round_states.txt"
NOW = 1e9
GATE = {"passed": False, "reason": "no better than chance"}
KEPT_NOTHING = (
    "Of round 3's training nothing is kept: the KL is 13.1 nats per response, beyond 12.0. "
    "Version 2 stays in use."
)
ERROR = "The disk is full"
ROUNDS: dict[str, RoundProgress | None] = {
    "no round": None,
    "rating, 3 of 64": progress("rating", 3),
    "rating, 20 of 64, 40 an hour": progress("rating", 20, pace=40),
    "rating, 64 of 64": progress("rating", 64),
    **{
        name: progress(name, 64, gate=GATE if name == "refused" else None)
        for name in ROUND_STATES
        if name != "rating"
    },
    "refused, trained": progress(
        "refused", 64, gate={"passed": True, "reason": "better than chance"}, decision=KEPT_NOTHING
    ),
}
JOBS: dict[str, Job | None] = {
    "no job": None,
    "the last failed": None,
    "generate waits": job("generate", "queued"),
    "generate runs": job("generate"),
    "train waits": job("train", "queued"),
    "train runs": job("train"),
    "train is cancelled": job("train", cancel=True),
}
TRAINERS = ("at work", "starting", "none", "not heard of", "stuck")
IMPOSSIBLE = {  # a training belongs to a round that is sealed or in training; those have one
    *itertools.product(
        [name for name in ROUNDS if name not in ("sealed", "training")],
        ["train waits", "train runs", "train is cancelled"],
    ),
    *itertools.product(
        ["sealed", "training"], ["generate waits", "generate runs", "no job", "the last failed"]
    ),
    *itertools.product(
        [n for n in ROUNDS if n.startswith("rating") or n == "failed"], ["generate waits", "generate runs"]
    ),
}


def rows() -> Iterator[tuple[str, str, str, str, NextStep]]:
    """Round, job, trainer, label of the state, and what is decided: what can be, in all combinations."""
    for (round_, seen), (name, running), trainer in itertools.product(ROUNDS.items(), JOBS.items(), TRAINERS):
        runs = running is not None and running.state == "running"
        if (round_, name) in IMPOSSIBLE or (trainer in ("not heard of", "stuck") and not runs):
            continue
        if trainer == "starting" and runs:  # it is heard of before it takes a job
            continue
        error = ERROR if name == "the last failed" else None
        worker = OFF if trainer in ("starting", "none") else UP
        trouble = trainer_trouble(worker, (), _as_seen(running, trainer), NOW, trainer == "starting")
        step = decide_next_step(seen, running, error, trouble)
        yield round_, name, trainer, state_of(seen, running, error)[1], step


def _as_seen(running: Job | None, trainer: str) -> Job | None:
    if running is None:
        return None
    beat = NOW - 2 * LOST_AFTER_S if trainer == "not heard of" else NOW - 1
    moved = NOW - 2 * STUCK_AFTER_S if trainer == "stuck" else NOW - 1
    return replace(running, heartbeat_at=beat, progress={"moved_at": moved})


def table() -> str:
    """A paragraph for each row."""
    return "\n".join(
        f"{round_} · {name} · trainer {trainer}\n    {label}. {step.sentence}\n"
        f"    main button: {step.label}{'' if step.enabled else ' (cannot be pressed)'}"
        f"{f'; beside it: {step.alternative}' if step.alternative else ''}"
        f"{'; Cancel training' if step.can_cancel else ''}\n"
        for round_, name, trainer, label, step in rows()
    )


def test_the_table_of_all_states() -> None:
    assert table() == GOLDEN.read_text(encoding="utf-8")


def test_no_state_is_a_dead_end() -> None:
    """Something can be pressed, or is under way, or people have something to rate; what hinders it is said."""
    for round_, name, trainer, _, step in rows():
        way_on = step.enabled or step.alternative or JOBS[name] is not None or round_.startswith("rating")
        assert way_on, (round_, name)
        assert step.sentence.endswith("."), step.sentence
        if trainer == "none":
            assert step.sentence.endswith(NO_TRAINER), (round_, name)
        if trainer == "starting":
            assert step.sentence.endswith(STARTING), (round_, name)
        if name == "the last failed" and not round_.startswith("rating"):
            assert ERROR in step.sentence and step.enabled, (round_, name)


@pytest.mark.parametrize(
    ("worker", "alive", "says"),
    [
        (UP, False, ""),
        (DOWN, True, NO_TRAINER),
        (OFF, True, ""),
        (OFF, False, NO_TRAINER),
    ],
)
def test_whose_trainer_counts(worker: WorkerStatus, alive: bool, says: str) -> None:
    elsewhere = Worker(
        name="w", host="h", device="cpu", release="1", same_release=True, seen_at=NOW - (1 if alive else 999)
    )
    assert trainer_trouble(worker, [elsewhere], None, NOW) == says


def test_a_trainer_that_starts_is_said_to_by_whoever_reads_the_store(store: Store) -> None:
    store.enqueue("generate", {})
    assert NO_TRAINER in dict(status_lines(store))[""], "nobody has started one"
    announce_start(store, OFF)
    announce_start(store, DOWN)
    assert NO_TRAINER in dict(status_lines(store))[""], "these start none"
    announce_start(store, UP)
    sentence = dict(status_lines(store))[""]
    assert sentence == f"The first responses come as soon as the trainer is there. {STARTING}"
    assert overview_as_json(store, OFF)["state"]["trouble"] == STARTING, (
        "a server without a trainer of its own"
    )
    assert read_overview(store, DOWN).trouble == NO_TRAINER, "its own died"
    assert not store.is_trainer_starting(time.time() + STARTING_FOR_S), "what was said long ago is over"
    store.report_worker("w", "here", "cpu", own_release())
    assert dict(status_lines(store))[""] == "The first responses come as soon as the trainer is there."


def test_a_lost_and_a_stuck_trainer_are_told_from_a_slow_one() -> None:
    running = job("train")
    slow = replace(
        running, heartbeat_at=NOW - LOST_AFTER_S + 1, progress={"moved_at": NOW - STUCK_AFTER_S + 1}
    )
    assert trainer_trouble(UP, (), slow, NOW) == ""
    lost = replace(slow, heartbeat_at=NOW - 300)
    assert "not heard of for about 5 min" in trainer_trouble(UP, (), lost, NOW)
    stuck = replace(slow, progress={"moved_at": NOW - 3600})
    assert "no further for about 60 min" in trainer_trouble(UP, (), stuck, NOW)
    assert trainer_trouble(UP, (), replace(stuck, state="queued"), NOW) == "", (
        "it waits, and nothing is stuck"
    )


# ---- the same words everywhere, on a real store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = file_store(tmp_path)
    yield store
    store.close()


def _ways(store: Store) -> Iterator[str]:
    """Takes a home through its life and stops wherever something else is to be said."""
    operator = store.add_user("op", "operator")
    yield "a new home"
    store.enqueue("generate", {})
    yield "writing"
    first = store.claim("fake")
    store.fail(first.id, "fake", "The model is gone.")
    yield "the first responses failed"
    store.enqueue("generate", {})
    work(store, quota=10)
    yield "rating"
    rate_all(store, 8)
    yield "nearly"
    store.set_setting(TRAIN_AT_QUOTA, True)
    yield "trains itself"
    rate_all(store, 2)
    yield "full"
    yield from _trainings(store, operator)


def _trainings(store: Store, operator: User) -> Iterator[str]:
    store.start_training(1, operator.name)
    yield "training waits"
    running = store.claim("fake")
    yield "training"
    store.cancel(running.id, operator.name)
    yield "cancelling"
    store.set_round_state(1, "training")
    store.fail(running.id, "fake", "The loss was not finite.")
    store.set_round_state(1, "failed", decision="The loss was not finite.")
    yield "failed"
    store.start_training(1, operator.name)
    work(store)
    yield "published"
    work(store, quota=8)
    rate_all(store, 8)
    store.start_training(2, operator.name)
    work(store, gate="no better than chance")
    yield "refused"


def test_console_api_status_and_terminal_say_the_same(store: Store) -> None:
    seen = []
    for name in _ways(store):
        lines = _told_by_the_terminal(store)
        overview = read_overview(store, OFF)
        told = overview_as_json(store, OFF)
        sentence, status = overview.next_step.sentence, dict(status_lines(store))
        assert page_header.h(sentence) in page_header.heading(overview), name
        assert told["next"]["sentence"] == sentence == status[""], name
        assert status["State"] == f"{told['title']}: {told['state']['label']}", name
        assert status.get("The console offers", "") == offered_buttons(overview.next_step), name
        if overview.progress is not None:
            assert lines == [f"{overview.title} · {overview.state_label}. {sentence}"], name
        seen.append((overview.state, sentence))
    assert len(seen) == len(set(seen)), "nothing that differs is told alike"


def _told_by_the_terminal(store: Store) -> list[str]:
    lines: list[str] = []
    report_rounds(store, lambda: OFF, lines.append, lambda _: True)
    return lines


def test_the_terminal_tells_changes_and_not_each_rating(store: Store) -> None:
    lines: list[str] = []
    moves: Iterator[None] = _quiet_round(store)
    report_rounds(store, lambda: UP, lines.append, lambda _: next(moves, 1))
    assert [line.split(".")[0] for line in lines] == [
        "Round 1 · Open for rating",
        "Round 1 · Open for rating",
        "Round 1 · Training",
    ]
    assert "All 10 ratings are in" in lines[1]


def _quiet_round(store: Store) -> Iterator[None]:
    fake_worker.generate(store, {"quota": 10})
    yield
    for _ in range(5):
        rate_all(store, 1)
        yield
    rate_all(store, 5)
    yield
    store.start_training(1, "op")
    store.set_round_state(1, "training")
    yield
    yield


def test_what_is_offered_can_be_done(store: Store) -> None:
    """The button that can be pressed does something, and what cannot be is refused with the sentence."""
    from app.console.state.actions import press_main_button

    operator = store.add_user("the one", "operator")
    enough = time.time() + 60
    for name in _ways(store):
        assert time.time() < enough
        if not read_overview(store, UP).next_step.enabled:
            with pytest.raises(RateloopError) as refused:
                press_main_button(store, operator, UP)
            assert str(refused.value) == read_overview(store, UP).next_step.sentence, name


if __name__ == "__main__":
    print(table(), end="")
