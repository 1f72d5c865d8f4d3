"""The head of the console: navigation, the round and its state, an alarm when the trainer is down."""

from __future__ import annotations

import time

from app.console.panels.elements import format_time, h
from rater_data.overview.round_overview import RoundOverview
from rater_data.overview.trainer_status import WorkerStatus

TITLE_JS = """
// Gradio asks once, when it starts; a system that turns dark in the evening leaves its letters black
const dark = matchMedia('(prefers-color-scheme: dark)');
dark.addEventListener('change', () => document.body.classList.toggle('dark', dark.matches));
const show = () => {
  const heading = element.querySelector('[data-title]');
  if (heading) document.title = heading.dataset.title;
};
new MutationObserver(show).observe(element, {childList: true, subtree: true, attributes: true});
show();
"""
"""Keeps the browser tab's title at what the heading says, and Gradio's colours at the system's."""


def navigation(static: str) -> str:
    return (
        '<div class="rl"><header class="rl-top"><a class="rl-brand" href="./">'
        f'<img src="{h(static)}/mark.svg" alt="" width="22" height="22">Rateloop</a>'
        '<nav aria-label="Pages"><a href="./" aria-current="page">Console</a>'
        '<a href="../rate/">Rate</a></nav>'
        '<div class="rl-tools"><form method="post" action="../sign-out">'
        '<button class="rl-link">Sign out</button></form></div></header></div>'
    )


def heading(overview: RoundOverview, verdict: str = "") -> str:
    """Title, state, what is going on and comes next; then the `verdict` on the version in use, a line."""
    line = f'<p class="ops-line">{h(verdict)}</p>' if verdict else ""
    chip = f'<span class="ops-state {h(overview.state)}">{h(overview.state_label)}</span>'
    return (
        f'<div class="ops-heading" data-title="{h(tab_title(overview))}"><h1>{h(overview.title)} {chip}</h1>'
        f"<p>{h(overview.next_step.sentence)}</p>{line}</div>{trainer_alarm(overview.worker)}"
        f"{trainers_alarm(overview)}"
    )


def tab_title(overview: RoundOverview) -> str:
    """What the browser's tab says of the round, the news first: a tab shows some twenty letters."""
    progress, job, label = overview.progress, overview.job, overview.state_label
    if overview.worker.is_down:
        news = "Trainer stopped"
    elif job is None and overview.last_error:
        news = label
    elif job is not None and job.kind == "train":
        total = job.progress.get("total") or 0
        share = f" {100 * job.progress.get('done', 0) / total:.0f} %" if total > 2 else ""
        news = f"Training{share}"
    elif progress is not None and progress.round.state == "rating":
        news = f"{min(progress.ratings, progress.quota)}/{progress.quota} rated"
        news = f"✓ {news}" if progress.complete else news
    else:
        news = label
    number = f" · Round {progress.round.number}" if progress is not None else ""
    return f"{news}{number} · Rateloop"


def trainer_alarm(worker: WorkerStatus) -> str:
    if not worker.is_down:
        return ""
    wait = (
        f" It starts again in {max(0, worker.next_try_at - time.time()):.0f} s." if worker.next_try_at else ""
    )
    words = f" <code>{h(worker.last_words)}</code>" if worker.last_words else ""
    times = f"{worker.deaths} times so far" if worker.deaths > 1 else "once so far"
    return (
        f'<div class="ops-alarm" role="alert"><b>The trainer has stopped</b> ({times}).{h(wait)}{words}</div>'
    )


def trainers_alarm(overview: RoundOverview) -> str:
    """What is wrong with trainers elsewhere: another release, or none there for work that waits."""
    now = time.time()
    alive = [trainer for trainer in overview.trainers if trainer.is_alive(now)]
    other = next((trainer for trainer in alive if not trainer.same_release), None)
    if other is not None:
        return _alarm(
            "A trainer is of another release",
            f"That on {other.host} is {other.release}. Update its checkout to this server's, and start it again.",
        )
    if overview.worker.state != "off" or alive:
        return ""
    seen = overview.trainers[0] if overview.trainers else None
    last = f" The last, on {seen.host}, was heard of at {format_time(seen.seen_at)}." if seen else ""
    waits = "Work waits for one" if overview.job is not None else "Nothing is written or trained"
    return _alarm(
        "There is no trainer",
        f"{waits}, and this server has none of its own: python -m ppo work starts one.{last}",
    )


def _alarm(title: str, sentence: str) -> str:
    return f'<div class="ops-alarm" role="alert"><b>{h(title)}.</b> {h(sentence)}</div>'
