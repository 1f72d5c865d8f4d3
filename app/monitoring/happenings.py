"""What happened to rounds that somebody elsewhere may want to know: a round is full, a training ended, a job failed, a
version was published."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rater_data.lifecycle import ROUND_JOBS, Job
from rater_data.overview.wording import end_with_period
from rater_data.store import Store

JOBS_LOOKED_AT = 20  # the newest: more do not end between two looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """`id`: the same for the same happening, whoever finds it and when; `data`: numbers and states, and no texts of
    people or models."""

    id: str
    kind: str
    at: float
    sentence: str
    data: dict[str, Any]


def read_happenings(store: Store) -> list[Happening]:
    """The latest of each kind, older first. What is told already is among them: ids tell."""
    found = [h for job in store.jobs(JOBS_LOOKED_AT, ROUND_JOBS) for h in _of_job(store, job)]
    found += _of_open_round(store)
    return sorted(found, key=lambda happening: happening.at)


def _of_open_round(store: Store) -> Iterator[Happening]:
    progress = store.round_progress()
    if progress is not None and progress.round.state == "rating" and progress.complete:
        number = progress.round.number
        yield Happening(
            id=f"round-{number}-full",
            kind="round.full",
            at=time.time(),
            sentence=f"Round {number} has its {progress.quota} ratings.",
            data={"round": number, "ratings": progress.ratings, "quota": progress.quota},
        )


def _of_job(store: Store, job: Job) -> Iterator[Happening]:
    about = {"job": job.id, "kind": job.kind}
    if job.state == "failed":
        what = "Training" if job.kind == "train" else "Writing responses"
        sentence = f"{what} failed: {end_with_period(job.error or 'nobody knows why.')}"
        yield _ended(job, "job.failed", sentence, about)
    if job.kind != "train" or job.state != "done":
        return
    number = int(job.payload["round"])
    round_ = store.round(number)
    if round_ is None:
        return
    outcome = str((job.result or {}).get("state", round_.state))
    about |= {"round": number, "outcome": outcome}
    decision = f" {end_with_period(round_.decision)}" if round_.decision else ""
    yield _ended(job, "training.ended", f"The training of round {number} ended: {outcome}.{decision}", about)
    version = round_.published_version
    if outcome == "published" and version is not None:
        sentence = f"Version {version} is in use: raters get its answers from now on."
        yield _ended(job, "version.published", sentence, about | {"version": version})


def _ended(job: Job, kind: str, sentence: str, data: dict[str, Any]) -> Happening:
    return Happening(
        # without a full stop: that parts what is signed
        id=f"job-{job.id}-{kind.replace('.', '-')}",
        kind=kind,
        at=job.updated_at,
        sentence=sentence,
        data=dict(data),
    )
