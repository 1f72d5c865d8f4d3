"""Why a rater waits: what goes on, what comes next, and when, as far as this home's last rounds tell."""

from __future__ import annotations

import time
from typing import Any

from rater_data.lifecycle import ROUND_JOBS, Job, RoundProgress
from rater_data.overview.round_times import RoundTimes, read_round_times
from rater_data.overview.wording import format_duration, format_range, format_time_to_quota
from rater_data.store import Store

WRITING = ("The model is writing", "New responses appear here by themselves as soon as they are written.")
WRITING_STOPPED = (
    "The model has stopped writing",
    "The operator's console says why, and the operator can start it again. Your ratings are kept.",
)
FIRST_TRAINING = "The first training: its time is not known yet."


def explain_wait(store: Store, trainer_is_down: bool) -> dict[str, Any]:
    """Why there is no card, what happens next, and how far that is."""
    progress, job = store.round_progress(), store.active_job()
    state = progress.round.state if progress else "none"
    done, total = (job.progress.get("done", 0), job.progress.get("total", 0)) if job else (0, 0)
    if progress and state == "generating":
        done, total = progress.responses, progress.expected_responses
    elif progress and state == "rating":
        done, total = progress.ratings, progress.quota
    title, why = wait_sentences(progress)
    if trainer_is_down and state not in ("rating", "failed"):
        why = "The part that runs the model has stopped and is being started again. Nothing is lost."
    if state not in ("rating", "sealed", "training", "failed") and _has_failed(store):
        title, why = WRITING_STOPPED
    bar = {"done": done, "total": total, "left": time_left(progress, job)} if total else None
    stands = trainer_is_down or state == "failed" or (title, why) == WRITING_STOPPED
    coming = None if stands else next_card(read_round_times(store), progress, job, time.time())
    return {"title": title, "why": why, "progress": bar, "next_card": coming}


def next_card(
    times: RoundTimes, progress: RoundProgress | None, job: Job | None, now: float
) -> dict[str, Any] | None:
    """When the next card is there: `usually` in words, `left_s` in seconds, None where nobody can say.

    None where there is nothing to be said at all.
    """
    state = progress.round.state if progress else "none"
    trains = state in ("sealed", "training")
    if not times.known:
        is_first = trains and not times.trainings
        return {"usually": FIRST_TRAINING, "left_s": None} if is_first else None
    usual = format_range(*times.usual)
    if state == "rating":
        return {"usually": f"Training and the first new responses usually take {usual}.", "left_s": None}
    if trains:
        told = job.progress if job is not None and job.kind == "train" else {}
        return {"usually": f"Usually {usual} in all.", "left_s": times.left_of_training(told, now)}
    if job is None or job.kind != "generate" or job.progress.get("done", 0) > 0:
        return None  # nothing is asked for, or others rate the first of them already
    first = format_range(min(times.first), max(times.first))
    return {
        "usually": f"The first ones usually take {first}.",
        "left_s": times.left_of_writing(job.created_at, now),
    }


def wait_sentences(progress: RoundProgress | None) -> tuple[str, str]:
    """The title of a screen without a card, and what it says of the round."""
    if progress is None:
        return WRITING
    state, number = progress.round.state, progress.round.number
    if state == "published":
        return (
            "The model has learned",
            "A new version is writing its first responses. They appear here soon.",
        )
    if state in ("sealed", "training"):
        return (
            f"Round {number} is being trained",
            "You have rated all there was: thank you. The new version's responses appear here by themselves.",
        )
    if state == "rating":
        rest = (
            "The operator can train now; then the model writes new responses."
            if progress.complete
            else "The rest is with other raters; new responses come after training."
        )
        return (
            "You have rated everything",
            f"Thank you. Round {number} has {progress.ratings} of {progress.quota} ratings. {rest}",
        )
    if state == "failed":
        return (
            f"Round {number} was stopped",
            "Your ratings are kept. No cards are dealt until the operator decides what happens next.",
        )
    return WRITING


def _has_failed(store: Store) -> bool:
    """Whether the newest job of a round failed, so that nothing is written until somebody asks again."""
    newest = store.jobs(limit=1, kinds=ROUND_JOBS)
    return bool(newest) and newest[0].state == "failed"


def time_left(progress: RoundProgress | None, job: Job | None) -> str:
    """When there is more to rate, as far as anybody can know, in words; empty when nobody can."""
    if progress is not None and progress.round.state == "rating":
        time_to_quota = format_time_to_quota(progress.quota - progress.ratings, progress.ratings_last_hour)
        return f"full in {time_to_quota} at this pace" if time_to_quota else ""
    eta = job.progress.get("eta_s") if job else None
    if job is None or not isinstance(eta, int | float) or eta <= 0:
        return ""
    return f"{job.progress.get('phase') or 'this part'}: {format_duration(eta)} left"
