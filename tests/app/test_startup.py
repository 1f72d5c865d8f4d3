"""What a server does with a home before it starts, new and old ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.startup import (
    choose_round_settings,
    prepare_home,
    report_first_progress,
    report_rounds,
    show_embedded_prompt,
)
from rater_data.errors import BadInput
from rater_data.lifecycle import LOADING, UNPACKING
from rater_data.round_settings import EMBEDDED_MODEL, EMBEDDED_SYSTEM, ROUND_CONFIG, SET_ASIDE
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import UP, rate_all, work
from tests.rater_data.store_world import file_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = file_store(tmp_path)
    yield store
    store.close()


def test_first_run_asks_for_responses_once(store: Store) -> None:
    prepare_home(store)
    prepare_home(store)
    assert [job.kind for job in store.jobs()] == ["generate"]


def test_first_progress_is_told(store: Store) -> None:
    prepare_home(store)
    lines: list[str] = []
    told = {"done": 8, "total": 64, "eta_s": None, "note": ""}
    steps = iter([UNPACKING, LOADING, "Generating responses"])
    job = None

    def wait(_: float) -> None:
        nonlocal job
        job = job or store.claim("fake")
        phase = next(steps, None)
        if phase is not None:
            store.job_heartbeat(job.id, "fake", {**told, "phase": phase})
        else:
            fake_worker.generate(store, {})
            store.finish(job.id, "fake")

    report_first_progress(store, lines.append, wait)
    assert lines == [
        "Starting the trainer …",
        "Unpacking the model, this once 8 of 64",
        "Loading the model 8 of 64",
        "Generating responses 8 of 64",
        "16 responses are ready to rate.",
    ]


def test_a_server_that_was_killed_often_goes_on_with_its_job(store: Store) -> None:
    prepare_home(store)
    for n in range(5):
        assert store.claim("fake", now=time.time() + 100 * n) is not None
        prepare_home(store)
    assert store.active_job("generate") is not None


def test_what_is_given_at_the_start_is_kept_for_the_rounds_to_come(store: Store) -> None:
    choose_round_settings(store, None, None, None)
    assert store.setting(ROUND_CONFIG) is None
    choose_round_settings(store, "Be brief.", "plain", "4:16")
    assert store.setting(ROUND_CONFIG)["sample"] == {
        "system": "Be brief.", "prompt_format": "plain", "max_new_tokens_from": 4, "max_new_tokens": 16,
    }  # fmt: skip
    assert store.events(limit=1)[0].actor == "terminal"
    for wrong in (("x" * 5000, None, None), (None, "prose", None), (None, None, "16:4")):
        with pytest.raises(BadInput):
            choose_round_settings(store, *wrong)


def test_a_new_home_shows_the_embedded_models_system_prompt_at_once(store: Store) -> None:
    show_embedded_prompt(store, "another")
    assert store.setting(ROUND_CONFIG) is None
    show_embedded_prompt(store, None)
    assert store.setting(ROUND_CONFIG) == {"sample": {"system": EMBEDDED_SYSTEM}}
    choose_round_settings(store, "", None, None)
    show_embedded_prompt(store, EMBEDDED_MODEL)
    assert store.setting(ROUND_CONFIG) == {"sample": {"system": ""}}, "somebody wanted none"
    store.set_setting(ROUND_CONFIG, {})
    store.add_version(fake_worker.version(0, None, "current"))
    show_embedded_prompt(store, None)
    assert store.setting(ROUND_CONFIG) == {}, "an old home goes on as it was"


def test_a_trainings_steps_are_told_once_each(store: Store) -> None:
    prepare_home(store)
    work(store, quota=8)
    rate_all(store, 8)
    store.start_training(1, "op")
    job = store.claim("fake")
    done = iter((0, 1, 1, 2))
    lines: list[str] = []

    def wait(_: float) -> bool:
        step = next(done, None)
        if step is not None:
            at = {
                "phase": "PPO on rollouts",
                "done": step,
                "total": 6,
                "eta_s": 9.0,
                "note": f"KL {step}.0 nats",
            }
            store.job_heartbeat(job.id, "fake", at)
        return step is None

    report_rounds(store, lambda: UP, lines.append, wait)
    assert lines[1:] == ["PPO on rollouts: 1 of 6, KL 1.0 nats", "PPO on rollouts: 2 of 6, KL 2.0 nats"]


def test_failures_and_prompts_set_aside_are_told_once(store: Store) -> None:
    lines: list[str] = []
    calls = iter(range(100))

    def wait(_: float) -> bool:
        step = next(calls)
        if step == 1:
            store.enqueue("generate", {})
            job = store.claim("fake")
            store.fail(job.id, "fake", "The model is gone.")
        if step == 2:
            aside = {"7": {"text": "And?", "why": "It cannot be written."}}
            store.set_setting(SET_ASIDE, {"round": 1, "prompts": aside})
        return step > 4

    report_rounds(store, lambda: UP, lines.append, wait)
    assert lines == [
        "Getting ready · Writing stopped. The first responses could not be written: The model is gone.",
        "One prompt is set aside in round 1. It cannot be written.",
    ]
