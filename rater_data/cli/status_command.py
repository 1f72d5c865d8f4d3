"""`python -m rater_data status`: what is in a home."""

import time

from rich.table import Table

from rater_data.cli.common import Home, app, open_store, out_console
from rater_data.database_option import DatabaseUrl
from rater_data.lifecycle import ROUND_JOBS, Worker
from rater_data.round_settings import ARTIFACTS, ENGINE_REPORT, SET_ASIDE
from rater_data.store import Store

MAX_PROMPT, MAX_SET_ASIDE = 60, 10  # characters, and prompts that are listed
MAX_WORKERS = 5


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
    version, progress, job = store.current_version(), store.round_progress(), store.active_job()
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
    if progress is None:
        lines.append(("Round", "none yet"))
    else:
        lines.append(("Round", f"{progress.round.number}, {progress.round.state}"))
        lines.append(("Responses in it", str(progress.responses)))
        lines.append(("Ratings in it", f"{progress.ratings} of {progress.quota}"))
    if job is not None:
        lines.append(("At work", f"{job.kind}, {job.state}"))
    newest = store.jobs(limit=1, kinds=ROUND_JOBS)
    if job is None and newest and newest[0].state == "failed":
        lines.append(("Failed", f"{newest[0].kind}: {newest[0].error}"))
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


def _describe_worker(store: Store, worker: Worker) -> str:
    jobs = [f"{job.kind} (job {job.id})" for job in store.running_jobs() if job.worker == worker.name]
    seen = max(0.0, time.time() - worker.seen_at)
    alive = f"seen {seen:.0f} s ago" if worker.is_alive(time.time()) else f"not seen for {seen / 60:.0f} min"
    other = "" if worker.same_release else ", another release than this one"
    return f"{worker.host}, {worker.device}, release {worker.release}{other}, {alive}; " + (
        f"at {', '.join(jobs)}" if jobs else "idle"
    )
