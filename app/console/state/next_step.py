"""What an operator can see and ask, as plain functions. Nothing here knows about widgets."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from app.trainer.supervisor import WorkerStatus
from app.wording import end_with_period, format_time_to_quota
from rater_data.errors import Busy, Missing, Refused
from rater_data.lifecycle import OVER, ROUND_JOBS, Job, Round, RoundProgress
from rater_data.records import User
from rater_data.store import Store

FEWEST_TO_TRAIN = 8
"""Below this, training early is not even offered: the reward head could learn nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """What the main button says, whether it can be pressed, and why."""

    label: str
    sentence: str
    possible: bool = False
    again: str | None = None
    """Label of the second way (train early, train although the gate refused), or None."""
    again_override: bool = False
    cancel: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the console's top shows: several reads, so its numbers may be a moment apart."""

    progress: RoundProgress | None
    job: Job | None
    last_error: str | None
    worker: WorkerStatus
    next: NextStep


STATE_WORDS = {
    "generating": "Writing responses",
    "rating": "Open for rating",
    "sealed": "Sealed",
    "training": "Training",
    "published": "Published",
    "refused": "Refused by the gate",
    "failed": "Training stopped",
    "rolled_back": "Rolled back",
}


def overview(store: Store, worker: WorkerStatus) -> Overview:
    progress, job = store.round_progress(), store.active_job()
    last_error = None
    if job is None:
        newest = store.jobs(limit=1, kinds=ROUND_JOBS)
        last_error = newest[0].error if newest and newest[0].state == "failed" else None
    return Overview(
        progress=progress,
        job=job,
        last_error=last_error,
        worker=worker,
        next=next_step(progress, job, last_error, worker, counts_on(store, progress)),
    )


def counts_on(store: Store, progress: RoundProgress | None) -> Round | None:
    """The round before, if no version in use has learned from it: the gate refused it, or it was rolled back.

    Its ratings count on. The operator may overrule the gate, or train at once without those who do not count any more.
    """
    before = store.round(progress.round.number - 1) if progress and progress.round.number > 1 else None
    return before if before is not None and before.state in ("refused", "rolled_back") else None


def next_step(
    progress: RoundProgress | None,
    job: Job | None,
    last_error: str | None,
    worker: WorkerStatus,
    before: Round | None = None,
) -> NextStep:
    """The one decision table of the console. `before`: the round before, where its ratings count on (`counts_on`)."""
    down = (
        " The trainer is not running at the moment, so nothing moves until it is back."
        if worker.is_down
        else ""
    )
    if progress is None:
        return NextStep(label="Train round 1", sentence=first_words(job, last_error) + down)
    number, state = progress.round.number, progress.round.state
    label = f"Train round {number}"
    if job is not None and job.kind == "train":
        if job.cancel_requested:
            return NextStep(label="Cancelling…", sentence="Training stops at the next safe point.")
        sentence = (
            f"Round {number} is in training. Raters can go on; what they add counts for the next round."
            + down
        )
        return NextStep(label="Training…", sentence=sentence, cancel=True)
    if state == "generating" and job is None:
        why = f"{end_with_period(last_error)} " if last_error else ""
        written = f"{progress.responses} of {progress.expected_responses} responses are written"
        sentence = f"{why}{written}; nobody writes on."
        return NextStep(label="Write on", sentence=sentence + down, possible=True)
    if state == "generating":
        sentence = f"{progress.responses} of {progress.expected_responses} responses are written. "
        return NextStep(
            label=label, sentence=sentence + "Raters can begin; training comes after rating." + down
        )
    if state == "rating":
        return when_rating(progress, label, down, before)
    if state in ("sealed", "training"):
        return NextStep(label="Training…", sentence="The trainer is about to take over this round." + down)
    if state == "refused":
        return when_refused(progress, job, down)
    if state == "failed":
        why = last_error or progress.round.decision or "training was stopped."
        return NextStep(
            label=f"Train round {number} again",
            sentence=f"{end_with_period(why)} The ratings are safe and the last good version is still in use."
            + down,
            possible=True,
        )
    done = f"Round {number} is published." if state == "published" else f"Round {number} was rolled back."
    if job is not None:
        return NextStep(
            label=f"Train round {number + 1}", sentence=f"{done} The next responses are being written." + down
        )
    trouble = f"{end_with_period(last_error)} " if last_error else ""
    sentence = f"{done} {trouble}Nothing is being written for the next round."
    return NextStep(label=f"Start round {number + 1}", sentence=sentence + down, possible=True)


def when_refused(progress: RoundProgress, job: Job | None, down: str) -> NextStep:
    """The same version writes more; once it does, overruling the gate belongs to the next round."""
    number = progress.round.number
    said = f"The gate refused round {number}: {gate_reason(progress.round)} Its ratings count on."
    if job is not None:
        return NextStep(
            label=f"Train round {number + 1}", sentence=f"{said} More responses are being written." + down
        )
    return NextStep(
        label=f"Start round {number + 1}",
        sentence=f"{said} More ratings may change that." + down,
        possible=True,
        again="Train although the gate refused",
        again_override=True,
    )


def first_words(job: Job | None, last_error: str | None) -> str:
    if job is None and last_error:
        return f"The first responses could not be written: {end_with_period(last_error)}"
    return "The model is being loaded; then it writes the first responses."


def when_rating(progress: RoundProgress, label: str, down: str, before: Round | None) -> NextStep:
    missing = progress.quota - progress.ratings
    if progress.complete:
        sentence = f"All {progress.quota} ratings are in: the model can learn from them now."
        return NextStep(label=label, sentence=sentence + down, possible=True)
    sentence = f"{missing} more rating{'s' if missing != 1 else ''} to go"
    time_to_quota = format_time_to_quota(missing, progress.ratings_last_hour)
    if time_to_quota:
        sentence += f", {time_to_quota} at the pace of the last hour"
    if before is not None and before.state == "rolled_back":
        why = f"Round {before.number} was rolled back. Ratings from before count on; "
        return NextStep(label=label, sentence=why + sentence + "." + down, again="Train with what is there")
    if before is not None:
        why = f"The gate refused round {before.number}: {gate_reason(before)} Its ratings count on; "
        overrule = "Train although the gate refused"
        return NextStep(
            label=label, sentence=why + sentence + "." + down, again=overrule, again_override=True
        )
    early = "Train early" if progress.ratings >= FEWEST_TO_TRAIN else None
    return NextStep(label=label, sentence=sentence + "." + down, again=early)


def gate_reason(round_: Round) -> str:
    gate = round_.gate or {}
    return end_with_period(
        str(gate.get("reason") or round_.decision or "the reward model is not sure enough.")
    )


def round_state(store: Store, worker: WorkerStatus) -> dict[str, Any]:
    """The overview as JSON."""
    seen = overview(store, worker)
    p, job = seen.progress, seen.job
    return {
        "round": p
        and {
            "number": p.round.number,
            "state": p.round.state,
            "version": p.round.version_number,
            "responses": p.responses,
            "expected_responses": p.expected_responses,
            "ratings": p.ratings,
            "quota": p.quota,
            "complete": p.complete,
            "by_stratum": {name: list(pair) for name, pair in p.by_stratum.items()},
            "raters": p.raters,
            "ratings_last_hour": p.ratings_last_hour,
            "mean_score": p.mean_score,
            "scores": p.scores,
            "gate": p.round.gate,
        },
        "job": job and {"id": job.id, "kind": job.kind, "state": job.state, "progress": job.progress},
        "next": {
            "label": seen.next.label,
            "sentence": seen.next.sentence,
            "possible": seen.next.possible,
            "override_possible": seen.next.again_override,
        },
        "worker": {"state": worker.state, "deaths": worker.deaths, "last_words": worker.last_words},
    }


def press(store: Store, user: User, worker: WorkerStatus) -> str:
    """The main button. Returns what was done, in words."""
    seen = overview(store, worker)
    if not seen.next.possible:
        raise Refused(seen.next.sentence)
    if seen.progress is None or seen.progress.round.state in (*OVER, "generating"):
        store.enqueue("generate", {})
        store.log(user.name, "asked for more responses")
        return "Responses are on their way."
    return train(store, user)


def train(store: Store, user: User, *, override: bool = False) -> str:
    progress = store.round_progress()
    if progress is None:
        raise Refused("There is no round yet: the model has not written its first responses.")
    number, state = progress.round.number, progress.round.state
    few = progress.ratings < FEWEST_TO_TRAIN and counts_on(store, progress) is None
    if state == "rating" and few and not progress.complete:
        raise Refused(
            f"Round {number} has {progress.ratings} of {progress.quota} ratings: "
            f"training needs at least {FEWEST_TO_TRAIN} to learn anything."
        )
    store.start_training(number, user.name, override=override)
    return f"Round {number} is sealed; training begins."


def cancel(store: Store, user: User) -> str:
    job = store.active_job("train")
    if job is None:
        raise Missing("Nothing is being trained, so there is nothing to cancel.")
    store.cancel(job.id, user.name)
    return "Training stops at the next safe point; the last good version stays in use."


def roll_back(store: Store, user: User, to: int) -> str:
    if store.active_job("train") is not None:
        raise Busy("A round is in training: cancel it first, then roll back.")
    version = store.roll_back(to, user.name)
    with contextlib.suppress(Busy):  # what was being written for the version left behind stops first
        store.enqueue("generate", {})
    return f"Version {version.number} is in use again. The next round's responses come from it."


def health(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The engine's rules over a round: of each the step that broke it first, else the latest; broken ones first."""
    found: dict[str, dict[str, Any]] = {}
    for step in steps:
        for light in step.get("lights", ()):
            before = found.get(light["rule"])
            if before is None or before["ok"]:
                found[light["rule"]] = {**light, "step": step.get("step", 0)}
    return sorted(found.values(), key=lambda light: light["ok"])


def last_trained(store: Store) -> tuple[Round | None, list[dict[str, Any]]]:
    """The round in training, else the newest that has PPO steps, with these steps."""
    for found in sorted(store.rounds(), key=lambda r: -r.number)[:3]:
        steps = store.steps(found.number)
        if steps:
            return found, steps
    return None, []
