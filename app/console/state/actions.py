"""What an operator does to a round: the main button, train, cancel, roll back. Each returns what was done, in words."""

from __future__ import annotations

import contextlib

from rater_data.errors import Busy, Missing, Refused
from rater_data.lifecycle import FINISHED_STATES, THEN_TRAIN, Lessons
from rater_data.overview.round_overview import find_unlearned_round, read_overview
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.overview.wording import join_names
from rater_data.records import User
from rater_data.round_settings import MIN_RATINGS_TO_TRAIN
from rater_data.store import Store


def press_main_button(store: Store, user: User, worker: WorkerStatus) -> str:
    """Raises Refused while the button offers nothing."""
    overview = read_overview(store, worker)
    if not overview.next_step.enabled:
        raise Refused(overview.next_step.sentence)
    if overview.progress is None or overview.progress.round.state in (*FINISHED_STATES, "generating"):
        store.enqueue("generate", {})
        store.log(user.name, "asked for more responses")
        return "Responses are on their way."
    return train(store, user)


def train(store: Store, user: User, *, override: bool = False) -> str:
    """Seals the latest round and has it trained; with `override` whatever the gate says. Raises Refused, Busy."""
    progress = store.round_progress()
    if progress is None:
        raise Refused("There is no round yet: the model has not written its first responses.")
    number, state = progress.round.number, progress.round.state
    too_few = progress.ratings < MIN_RATINGS_TO_TRAIN and find_unlearned_round(store, progress) is None
    if state == "rating" and too_few and not progress.complete:
        raise Refused(
            f"Round {number} has {progress.ratings} of {progress.quota} ratings: "
            f"training needs at least {MIN_RATINGS_TO_TRAIN} to learn anything."
        )
    store.start_training(number, user.name, override=override)
    return f"Round {number} is sealed; training begins."


def find_lessons_of_excluded(store: Store) -> Lessons | None:
    """What the version in use has learned from people who do not count any more."""
    excluded = [user.id for user in store.users() if user.excluded]
    return store.lessons_of(excluded) if excluded else None


def train_anew(store: Store, user: User) -> str:
    """Goes back to a version that has not learned from people who do not count, and trains it with the others' ratings.

    The training begins by itself when its responses are written. Raises Refused where there is nobody to leave out,
    Busy while a round is in training or responses are being written.
    """
    lessons = find_lessons_of_excluded(store)
    if lessons is None:
        raise Refused(
            "The version in use has learned from nobody who does not count: there is nothing to train anew."
        )
    if store.active_job("train") is not None:
        raise Busy("A round is in training: cancel it first, then train anew.")
    if store.active_job("generate") is not None:
        raise Busy("Responses are being written: train anew when they are there.")
    store.roll_back(lessons.before, user.name)
    store.enqueue("generate", {THEN_TRAIN: user.name})
    return (
        f"Version {lessons.before} is in use again. As soon as it has written its responses, it is trained without "
        f"{join_names(lessons.names)}."
    )


def cancel_training(store: Store, user: User) -> str:
    """Raises Missing when nothing is being trained."""
    job = store.active_job("train")
    if job is None:
        raise Missing("Nothing is being trained, so there is nothing to cancel.")
    store.cancel(job.id, user.name)
    return "Training stops at the next safe point; the last good version stays in use."


def roll_back(store: Store, user: User, to: int) -> str:
    """Raises Busy while a round is in training, Refused or Missing for a version that cannot be used again."""
    if store.active_job("train") is not None:
        raise Busy("A round is in training: cancel it first, then roll back.")
    version = store.roll_back(to, user.name)
    with contextlib.suppress(Busy):  # what was being written for the version left behind stops first
        store.enqueue("generate", {})
    return f"Version {version.number} is in use again. The next round's responses come from it."
