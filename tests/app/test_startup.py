"""What a server does with a home before it starts, new and old ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.startup import prepare_home, report_first_progress
from rater_data.store import Store
from tests import fake_worker
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
    job = store.claim("fake")
    store.job_heartbeat(
        job.id, "fake", {"phase": "Generating responses", "done": 8, "total": 64, "eta_s": None, "note": ""}
    )
    calls = iter(range(100))

    def wait(_: float) -> None:
        if next(calls) == 1:
            fake_worker.generate(store, {})
            store.finish(job.id, "fake")

    report_first_progress(store, lines.append, wait)
    assert lines == ["Generating responses 8 of 64", "16 responses are ready to rate."]


def test_a_server_that_was_killed_often_goes_on_with_its_job(store: Store) -> None:
    prepare_home(store)
    for n in range(5):
        assert store.claim("fake", now=time.time() + 100 * n) is not None
        prepare_home(store)
    assert store.active_job("generate") is not None
