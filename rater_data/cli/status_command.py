"""`python -m rater_data status`: what is in a home."""

import time

from rich.table import Table

from rater_data.cli.common import Home, app, open_store, out_console
from rater_data.database_option import DatabaseUrl
from rater_data.lifecycle import Job, Worker
from rater_data.overview.next_step import offered_buttons
from rater_data.overview.round_overview import read_overview
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.overview.verdict_words import latest_judged_round, verdict_line
from rater_data.round_settings import ARTIFACTS, ENGINE_REPORT, SET_ASIDE
from rater_data.store import Store

MAX_PROMPT, MAX_SET_ASIDE = 60, 10  # characters, and prompts that are listed
MAX_WORKERS = 5
NO_PROCESS = WorkerStatus(state="off")  # a terminal started no trainer: those that were heard of count


@app.command()
def status(home: Home = None, database: DatabaseUrl = None) -> None:
    """What is in a home folder."""
    with open_store(home, database, make=False) as store:
        table = Table("", "", show_header=False, box=None)
        for name, value in status_lines(store):
            table.add_row(name, value)
        out_console.print(table)


def status_lines(store: Store) -> list[tuple[str, str]]:
    """Name and value of each line of `status`."""
    train, holdout = len(store.prompts(split="train")), len(store.prompts(split="holdout"))
    version = store.current_version()
    lines = [
        ("Home", str(store.home)),
        *([] if store.location == store.home else [("Database", str(store.location))]),
        *([("Artifacts", kept["location"])] if (kept := store.setting(ARTIFACTS)) else []),
        ("Prompts", f"{train + holdout} ({holdout} holdout)"),
        ("People", str(len(store.users()))),
        ("Ratings", str(store.count_ratings())),
        *([("Better answers", str(edits))] if (edits := store.count_edits()) else []),
        ("Version in use", "none yet" if version is None else str(version.number)),
    ]
    overview = read_overview(store, NO_PROCESS)
    progress, job = overview.progress, overview.job
    lines += [("State", f"{overview.title}: {overview.state_label}"), ("", overview.next_step.sentence)]
    if buttons := offered_buttons(overview.next_step):
        lines.append(("The console offers", buttons))
    if verdict := verdict_line(latest_judged_round(store), store.scale()):
        lines.append(("Did it help?", verdict))
    if progress is not None:
        lines.append(("Responses in it", str(progress.responses)))
        lines.append(("Ratings in it", f"{progress.ratings} of {progress.quota}"))
    if job is not None:
        lines.append(("At work", f"{job.kind}, {job.state}{_how_far(job)}"))
    aside = store.setting(SET_ASIDE, {}).get("prompts", {})
    lines += [
        ("Set aside", f"{p['text'][:MAX_PROMPT]}: {p['why']}") for p in list(aside.values())[:MAX_SET_ASIDE]
    ]
    if len(aside) > MAX_SET_ASIDE:
        lines.append(("", f"… and {len(aside) - MAX_SET_ASIDE} prompts more"))
    lines += [("Trainer", _describe_worker(store, worker)) for worker in store.workers()[:MAX_WORKERS]]
    report = store.setting(ENGINE_REPORT)
    if report is not None:
        lines.append(("Model", " ".join([report["model"] + ".", report["says"], *report["notes"]])))
    return lines


def _how_far(job: Job) -> str:
    phase, done, total = (job.progress.get(name, "") for name in ("phase", "done", "total"))
    return f": {phase}{f', {done} of {total}' if total and total > 1 else ''}" if phase else ""


def _describe_worker(store: Store, worker: Worker) -> str:
    jobs = [f"{job.kind} (job {job.id})" for job in store.running_jobs() if job.worker == worker.name]
    seen = max(0.0, time.time() - worker.seen_at)
    alive = f"seen {seen:.0f} s ago" if worker.is_alive(time.time()) else f"not seen for {seen / 60:.0f} min"
    other = "" if worker.same_release else ", another release than this one"
    return f"{worker.host}, {worker.device}, release {worker.release}{other}, {alive}; " + (
        f"at {', '.join(jobs)}" if jobs else "idle"
    )
