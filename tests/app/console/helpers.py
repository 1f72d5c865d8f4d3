"""Rounds, jobs and raters for the tests of the console."""

from __future__ import annotations

import time
from typing import Any

from rater_data.lifecycle import Job, Round, RoundProgress
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.records import Card, Rating, User
from rater_data.store import Store
from tests import fake_worker

OFF = WorkerStatus(state="off")
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
        decision=more.pop("decision", None),
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
