"""The console's panels as HTML. Every text from outside passes `h()`; nothing else builds HTML here.

Model text, prompts, names and errors are hostile until escaped: the console's components execute what they
are given.
"""

from __future__ import annotations

import time
from datetime import datetime
from html import escape
from typing import Any

from app.console.state.next_step import STATE_WORDS, Overview
from app.trainer.supervisor import WorkerStatus
from app.wording import end_with_period, format_duration
from rater_data.lifecycle import Event, Round, RoundProgress


def h(value: object) -> str:
    """Text as text."""
    return escape(str(value), quote=True)


def top(static: str) -> str:
    return (
        '<div class="rl"><header class="rl-top"><a class="rl-brand" href="/operator/">'
        f'<img src="{h(static)}/mark.svg" alt="" width="22" height="22">Rateloop</a>'
        '<nav aria-label="Pages"><a href="/operator/" aria-current="page">Console</a>'
        '<a href="/rate/">Rate</a></nav>'
        '<div class="rl-tools"><form method="post" action="/sign-out">'
        '<button class="rl-link">Sign out</button></form></div></header></div>'
    )


def heading(seen: Overview) -> str:
    progress = seen.progress
    title = f"Round {progress.round.number}" if progress else "Getting ready"
    state = progress.round.state if progress else "generating"
    chip = f'<span class="ops-state {h(state)}">{h(STATE_WORDS.get(state, state))}</span>'
    return (
        f'<div class="ops-heading"><h1>{h(title)} {chip}</h1>'
        f"<p>{h(seen.next.sentence)}</p></div>{worker_line(seen)}"
    )


def worker_line(seen: Overview) -> str:
    worker = seen.worker
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


def notice(sentence: str, bad: bool = False) -> str:
    """What came of a wish. Said again, it is new: the page lets a sentence go after a while."""
    at = f'data-at="{time.time():.2f}"'
    kind = "ops-notice bad" if bad else "ops-notice"
    return f'<p class="{kind}" role="status" {at}>{h(sentence)}</p>' if sentence else ""


def bar(done: float, total: float, label: str) -> str:
    share = 100 * min(1.0, done / total) if total else 0
    return (
        f'<div class="rl-bar" role="progressbar" aria-label="{h(label)}" aria-valuenow="{share:.0f}" '
        f'aria-valuetext="{done:g} of {total:g}"><span style="width:{share:.1f}%"></span></div>'
    )


def busy_bar(label: str) -> str:
    """For work that is not counted."""
    return f'<div class="rl-bar rl-busy" role="progressbar" aria-label="{h(label)}"><span></span></div>'


def tile(value_html: str, label: str, more: str = "") -> str:
    return f'<div class="ops-tile"><b>{value_html}</b><span>{h(label)}</span>{more}</div>'


def training(seen: Overview) -> str:
    """The work in progress: phase, bar, step x of y, how long still."""
    job = seen.job
    if job is None:
        return ""
    p = job.progress
    phase = p.get("phase") or ("Waiting for the trainer" if job.state == "queued" else "Starting")
    done, total, eta = p.get("done", 0), p.get("total", 0), p.get("eta_s")
    counted = total > 1
    count = f"{done} of {total}" if counted else ""
    left = f"{format_duration(eta)} left" if isinstance(eta, int | float) and counted and done < total else ""
    facts = " · ".join(h(fact) for fact in (count, left, p.get("note", "")) if fact)
    return (
        f'<section class="ops-work rl-panel"><div><h2>{h(phase)}</h2><span>{facts}</span></div>'
        f"{bar(done, total, phase) if counted else busy_bar(phase)}</section>"
    )


def training_heading(trained: Round | None) -> str:
    """Whose curves these are, what came of them, and how sure the reward head was."""
    if trained is None:
        return ""
    said = [end_with_period(trained.decision)] if trained.decision else []
    reason = (trained.gate or {}).get("reason")
    if reason and reason != trained.decision:
        said.append(end_with_period(str(reason)))
    return section(f"Training of round {trained.number}") + (quiet(" ".join(said)) if said else "")


METRICS = (
    ("reward", "Reward", "{:+.2f}"),
    ("rating", "Expected rating", "{:.2f}"),
    ("kl", "KL, nats", "{:.2f}"),
    ("clip_frac", "Clipped", "{:.1%}"),
    ("entropy", "Entropy", "{:.2f}"),
    ("explained_variance", "Explained variance", "{:.2f}"),
    ("length", "Tokens", "{:.0f}"),
    ("eos_share", "Ended by itself", "{:.0%}"),
)


def steps_table(steps: list[dict[str, Any]]) -> str:
    """The curves' numbers: the newest step first."""
    if not steps:
        return ""
    head = "".join(f"<th>{h(label)}</th>" for _, label, _ in METRICS)
    rows = []
    for step in reversed(steps):
        cells = (number(step.get(name), shape) for name, _, shape in METRICS)
        name = f"{step['step']:g}" if step["step"] else "People"
        rows.append(f"<tr><th>{h(name)}</th>" + "".join(f"<td>{h(cell)}</td>" for cell in cells) + "</tr>")
    return table("Step", head, rows, "numbers")


def lights(found: list[dict[str, Any]]) -> str:
    """What must hold while the engine runs: a light each, with the engine's own sentence."""
    if not found:
        return ""
    rows = "".join(_light(light) for light in found)
    broken = sum(not light["ok"] for light in found)
    told = "All checks hold" if not broken else f"{broken} of {len(found)} checks ask for a look"
    return (
        f'<details class="ops-lights rl-panel"{" open" if broken else ""}>'
        f'<summary class="{"bad" if broken else "good"}">{h(told)}</summary><ul>{rows}</ul></details>'
    )


def _light(light: dict[str, Any]) -> str:
    kind, word = ("good", "holds") if light["ok"] else ("bad", "broken")
    says = light["says"] if light["ok"] else f"{light['says']} (Step {light['step']}.)"
    rule = str(light["rule"])
    return (
        f'<li class="{kind}"><b>{h(rule[:1].upper() + rule[1:])}<span class="rl-hidden-text"> {word}</span></b>'
        f"<span>{h(says)}</span></li>"
    )


def number(value: object, shape: str) -> str:
    if not isinstance(value, int | float):
        return "–"
    text = shape.format(value)
    return text if any(digit in text for digit in "123456789") else text.lstrip("+-")  # zero has no sign


def quiet(sentence: str) -> str:
    return f'<p class="rl-quiet">{h(sentence)}</p>'


def table(first: str, head: str, rows: list[str], kind: str = "") -> str:
    return (
        f'<div class="ops-table rl-panel" tabindex="0"><table class="{h(kind)}">'
        f"<thead><tr><th>{h(first)}</th>{head}</tr>"
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def section(title: str, sentence: str = "") -> str:
    more = f"<p>{h(sentence)}</p>" if sentence else ""
    return f'<div class="ops-section"><h2>{h(title)}</h2>{more}</div>'


STRATA = {
    "train": "For training",
    "calibration": "Read by several",
    "holdout": "Never trained on",
    "anchor": "Repeated every round",
    "control": "From the version before",
    "imported": "Imported",
}


def order(stratum: str) -> int:
    return list(STRATA).index(stratum) if stratum in STRATA else len(STRATA)


def strata(progress: RoundProgress | None) -> str:
    if progress is None or not progress.by_stratum:
        return (
            '<div class="ops-strata rl-panel"><h3>Ratings by kind</h3><p class="rl-quiet">None yet.</p></div>'
        )
    rows = "".join(
        f"<div><span>{h(STRATA.get(name, name))}</span><b>{given} <small>of {wanted}</small></b>"
        f"{bar(given, wanted, name)}</div>"
        for name, (given, wanted) in sorted(progress.by_stratum.items(), key=lambda pair: order(pair[0]))
        if wanted
    )
    return f'<div class="ops-strata rl-panel"><h3>Ratings by kind of response</h3>{rows}</div>'


WORKER_WORDS = {
    "off": "No trainer belongs to this server (--no-worker).",
    "starting": "The trainer is starting.",
    "running": "The trainer is running.",
    "waiting": "The trainer has stopped and is about to be started again.",
    "stopped": "The trainer has stopped.",
}


def trainer(worker: WorkerStatus) -> str:
    again = f" It has been started again {worker.deaths} times." if worker.deaths > 1 else ""
    return quiet(WORKER_WORDS[worker.state] + again)


def log(events: list[Event]) -> str:
    if not events:
        return quiet("Nothing yet.")
    rows = "".join(
        f"<li><time>{h(when(e.at))}</time><b>{h(e.actor)}</b> {h(e.what)} "
        f"<small>{h(brief(e.data))}</small></li>"
        for e in events
    )
    return f'<ol class="ops-log rl-panel">{rows}</ol>'


UNTOLD = ("user", "job", "rating", "sha256")  # numbers that say nothing to a person


def brief(data: dict[str, Any]) -> str:
    told = {
        k: v
        for k, v in data.items()
        if k not in UNTOLD and isinstance(v, str | int | float) and v is not False
    }
    return ", ".join(f"{k} {str(v)[:60]}" for k, v in told.items())[:160]


def when(at: float) -> str:
    then, now = datetime.fromtimestamp(at), datetime.now()
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%d %b %H:%M}"


def ago(at: float) -> str:
    seconds = max(0.0, time.time() - at)
    if seconds < 90:
        return "now"
    return f"{format_duration(seconds).removeprefix('about ')} ago"
