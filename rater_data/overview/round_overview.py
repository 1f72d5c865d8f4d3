"""The round under way with its job and its trainer: for the head of the console, and as JSON."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rater_data.lifecycle import ROUND_JOBS, Job, Round, RoundProgress, Worker
from rater_data.overview.next_step import NextStep, decide_next_step, state_of
from rater_data.overview.trainer_status import WorkerStatus, trainer_trouble
from rater_data.round_settings import TRAIN_AT_QUOTA
from rater_data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundOverview:
    """Several reads of the store, so its numbers may be a moment apart.

    `last_error`: why the newest job failed, while no other is under way. `trouble`: what keeps the trainer from its
    work.
    """

    progress: RoundProgress | None
    job: Job | None
    last_error: str | None
    trouble: str = ""
    worker: WorkerStatus
    trainers: Sequence[Worker]
    """Those that were heard of in the last day, on this machine and elsewhere; the one heard of last first."""
    next_step: NextStep

    @property
    def title(self) -> str:
        """What is on top of the console."""
        return f"Round {self.progress.round.number}" if self.progress else "Getting ready"

    @property
    def state(self) -> str:
        """One of a round's states; "failed" where writing did."""
        return state_of(self.progress, self.job, self.last_error)[0]

    @property
    def state_label(self) -> str:
        """The same, in words."""
        return state_of(self.progress, self.job, self.last_error)[1]


def read_overview(store: Store, worker: WorkerStatus) -> RoundOverview:
    progress, job = store.round_progress(), store.active_job()
    last_error = None
    if job is None:
        newest = store.jobs(limit=1, kinds=ROUND_JOBS)
        last_error = newest[0].error if newest and newest[0].state == "failed" else None
    trainers = store.workers()
    now = time.time()
    trouble = trainer_trouble(worker, trainers, job, now, store.is_trainer_starting(now))
    return RoundOverview(
        progress=progress,
        job=job,
        last_error=last_error,
        trouble=trouble,
        worker=worker,
        trainers=trainers,
        next_step=decide_next_step(
            progress,
            job,
            last_error,
            trouble,
            find_unlearned_round(store, progress),
            bool(store.setting(TRAIN_AT_QUOTA, False)),
        ),
    )


def find_unlearned_round(store: Store, progress: RoundProgress | None) -> Round | None:
    """The round before, if no version in use has learned from it: the gate refused it, or it was rolled back.

    Its ratings count on. The operator may overrule the gate, or train at once without those who do not count any more.
    """
    before = store.round(progress.round.number - 1) if progress and progress.round.number > 1 else None
    return before if before is not None and before.state in ("refused", "rolled_back") else None


def overview_as_json(store: Store, worker: WorkerStatus) -> dict[str, Any]:
    overview = read_overview(store, worker)
    progress, job, step = overview.progress, overview.job, overview.next_step
    return {
        "round": progress
        and {
            "number": progress.round.number,
            "state": progress.round.state,
            "version": progress.round.version_number,
            "responses": progress.responses,
            "expected_responses": progress.expected_responses,
            "ratings": progress.ratings,
            "quota": progress.quota,
            "complete": progress.complete,
            "by_stratum": {name: list(pair) for name, pair in progress.by_stratum.items()},
            "raters": progress.raters,
            "ratings_last_hour": progress.ratings_last_hour,
            "mean_score": progress.mean_score,
            "scores": progress.scores,
            "gate": progress.round.gate,
        },
        "job": job and {"id": job.id, "kind": job.kind, "state": job.state, "progress": job.progress},
        "title": overview.title,
        "state": {"name": overview.state, "label": overview.state_label, "trouble": overview.trouble},
        "next": {
            "label": step.label,
            "sentence": step.sentence,
            "possible": step.enabled,
            "alternative": step.alternative,
            "override_possible": step.alternative_overrides_gate,
        },
        "worker": {"state": worker.state, "deaths": worker.deaths, "last_words": worker.last_words},
    }
