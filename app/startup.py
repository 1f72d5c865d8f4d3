"""What a server does with a home before and while it starts: check its model, give it work, say how far that is."""

from __future__ import annotations

from collections.abc import Callable

from rater_data.importing.import_files import bundled_prompts
from rater_data.store import Store

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
        phase = job.progress.get("phase") or "Loading the model"
        line = f"{phase} {done} of {total}" if total > 2 else f"{phase} …"
        if line != last_line:
            say(line)
        last_line = line
        if wait(PROGRESS_INTERVAL):
            return
    progress = store.round_progress()
    if last_line and progress and progress.round.state != "generating":
        say(f"{progress.responses} responses are ready to rate.")
