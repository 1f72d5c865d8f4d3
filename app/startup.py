"""What a server does with a home before and while it starts: check its model, give it work, say how far that is."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from app.access.accounts import TERMINAL_ACTOR
from app.console.state.settings_change import change_settings
from rater_data.errors import Unavailable
from rater_data.importing.import_files import bundled_prompts
from rater_data.lifecycle import LOADING, Job
from rater_data.overview.round_overview import read_overview
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.round_settings import (
    EMBEDDED_MODEL,
    FORMAT_PATH,
    LIMIT_FROM_PATH,
    LIMIT_PATH,
    ROUND_CONFIG,
    SET_ASIDE,
    SYSTEM_PATH,
    embedded_defaults,
    parse_length_range,
)
from rater_data.store import Store
from rater_data.store.database.release import own_release

PROGRESS_INTERVAL = 4.0  # seconds


def prepare_home(store: Store) -> None:
    """A new home gets the bundled prompts and its first job: write responses. In an old one the work goes on."""
    store.reset_job_attempts()
    if not store.prompts():
        store.add_prompts(bundled_prompts())
    newest = store.round()
    unfinished = newest is None or newest.state == "generating"
    if unfinished and store.active_job("generate") is None:
        store.enqueue("generate", {})


def announce_release(store: Store, say: Callable[[str], None]) -> None:
    """Tells trainers which release this server is of, and the operator which trainers at work are of another."""
    store.announce_release()
    for worker in store.workers():
        if not worker.same_release and worker.is_alive(time.time()):
            say(
                f"The trainer on {worker.host} is of release {worker.release}, this server of {own_release()}: "
                "the trainer ends by itself. Update its checkout to the same release, and start it again."
            )


def choose_round_settings(
    store: Store, system: str | None, prompt_format: str | None, max_new_tokens: str | None
) -> None:
    """Keeps what was given at the start as settings of the rounds to come. Raises BadInput for what cannot be."""
    changes: dict[str, object] = {}
    if system is not None:
        changes[SYSTEM_PATH] = system
    if prompt_format is not None:
        changes[FORMAT_PATH] = prompt_format
    if max_new_tokens is not None:
        changes[LIMIT_FROM_PATH], changes[LIMIT_PATH] = parse_length_range(max_new_tokens)
    if changes:
        change_settings(store, TERMINAL_ACTOR, changes)


def show_embedded_prompt(store: Store, model: str | None) -> None:
    """A new home of the embedded model shows its system prompt before the trainer is there to put it in place."""
    if model in (None, EMBEDDED_MODEL) and store.current_version() is None:
        stored = store.setting(ROUND_CONFIG, {})
        if (begun := embedded_defaults(stored)) != stored:
            store.set_setting(ROUND_CONFIG, begun)


def start_reports(
    store: Store,
    worker: Callable[[], WorkerStatus],
    say: Callable[[str], None],
    wait: Callable[[float], object],
) -> None:
    """Lets the reports go on beside the server: of its trainer's first responses, and of how the rounds stand."""
    threading.Thread(target=report_rounds, args=(store, worker, say, wait), daemon=True).start()
    if worker().state != "off":
        threading.Thread(target=report_first_progress, args=(store, say, wait), daemon=True).start()


def announce_start(store: Store, worker: WorkerStatus) -> None:
    """While this server's trainer was not heard of yet, others who ask the store are told that it starts."""
    is_wanted = worker.state in ("starting", "running")
    if is_wanted and not any(trainer.is_alive(time.time()) for trainer in store.workers()):
        store.announce_start()


def report_rounds(
    store: Store,
    worker: Callable[[], WorkerStatus],
    say: Callable[[str], None],
    wait: Callable[[float], object],
) -> None:
    """Says how the round stands whenever that changes, and which prompts are set aside, until `wait` says to stop.

    In the words of the console. Ratings that come in change nothing by themselves, nor does a trainer that died:
    whoever keeps it alive says so.
    """
    told: tuple[object, ...] | None = None
    told_aside: dict[str, Any] = {}
    told_step = ""
    while True:
        with contextlib.suppress(
            Unavailable
        ):  # whoever asks for something is told; it is looked at again in a moment
            announce_start(store, worker())
            overview, aside = read_overview(store, worker()), store.setting(SET_ASIDE, {})
            step, trouble = overview.next_step, overview.trouble and not overview.worker.is_down
            now = (
                overview.title,
                overview.state,
                step.label,
                step.enabled,
                overview.last_error,
                bool(trouble),
            )
            if now != told and (
                told is not None or overview.progress is not None
            ):  # a new home has nothing yet
                say(f"{overview.title} · {overview.state_label}. {step.sentence}")
            told = now
            step_done = _training_step(overview.job)
            if step_done and step_done != told_step:
                say(step_done)
            told_step = step_done
            new = {key: p for key, p in aside.get("prompts", {}).items() if key not in told_aside}
            told_aside = aside.get("prompts", {})
            if new:
                first = next(iter(new.values()))
                count = f"{len(new)} prompts are" if len(new) > 1 else "One prompt is"
                say(f"{count} set aside in round {aside['round']}. {first['why']}")
        if wait(PROGRESS_INTERVAL):
            return


def _training_step(job: Job | None) -> str:
    """How far a training is, where it counts: phase, step, and what the trainer notes beside it."""
    if job is None or job.kind != "train":
        return ""
    phase, done, total = (job.progress.get(name) for name in ("phase", "done", "total"))
    note = job.progress.get("note")
    return f"{phase}: {done} of {total}{f', {note}' if note else ''}" if done and total and total > 2 else ""


def report_first_progress(store: Store, say: Callable[[str], None], wait: Callable[[float], object]) -> None:
    """While the first responses are being written, say how far that is; ends when there is a card to rate.

    `wait` waits so many seconds and returns something true when it is time to stop.
    """
    last_line = ""
    while (job := store.active_job("generate")) is not None:
        progress = store.round_progress()
        if progress and progress.round.state != "generating":
            break
        done, total = job.progress.get("done", 0), job.progress.get("total", 0)
        phase = job.progress.get("phase") or ("Starting the trainer" if job.state == "queued" else LOADING)
        line = f"{phase} {done} of {total}" if total > 2 else f"{phase} …"
        if line != last_line:
            say(line)
        last_line = line
        if wait(PROGRESS_INTERVAL):
            return
    progress = store.round_progress()
    if last_line and progress and progress.round.state != "generating":
        say(f"{progress.responses} responses are ready to rate.")
