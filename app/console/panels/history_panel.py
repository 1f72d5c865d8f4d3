"""The panel of the trainer's state and the journal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from app.console.panels.elements import format_time, h, quiet
from rater_data.lifecycle import Event, Worker
from rater_data.overview.trainer_status import WorkerStatus
from rater_data.round_settings import SETTING_OF_PATH, TextSetting

WORKER_SENTENCES = {
    "off": "No trainer belongs to this server (--no-worker).",
    "starting": "The trainer is starting.",
    "running": "The trainer is running.",
    "waiting": "The trainer has stopped and is about to be started again.",
    "stopped": "The trainer has stopped.",
}
MAX_DETAIL, MAX_DETAILS = 60, 240  # characters of one value, and of all
MAX_TRAINERS = 5
HIDDEN_KEYS = (
    "user",
    "job",
    "rating",
    "sha256",
    "to",
)  # what says nothing to a person, or is in the sentence


def trainer_state(worker: WorkerStatus) -> str:
    again = f" It has been started again {worker.deaths} times." if worker.deaths > 1 else ""
    return quiet(WORKER_SENTENCES[worker.state] + again)


def trainers(seen: Sequence[Worker]) -> str:
    """Who trained in the last day: machine, device, release, and when it was last heard of."""
    now = time.time()
    return "".join(
        quiet(
            f"Trainer on {trainer.host} ({trainer.device}), release {trainer.release}: "
            + ("at work or ready" if trainer.is_alive(now) else "not heard of any more")
            + f", last seen {format_time(trainer.seen_at)}."
        )
        for trainer in seen[:MAX_TRAINERS]
    )


def event_log(events: Sequence[Event]) -> str:
    if not events:
        return quiet("Nothing yet.")
    rows = "".join(
        f"<li><time>{h(format_time(event.at))}</time><b>{h(event.actor)}</b> {h(event.what)} "
        f"<small>{h(_details(event.data))}</small></li>"
        for event in events
    )
    return f'<ol class="ops-log rl-panel">{rows}</ol>'


def _details(data: dict[str, Any]) -> str:
    shown = (
        _detail(key, value)
        for key, value in data.items()
        if key not in HIDDEN_KEYS and isinstance(value, str | int | float) and value is not False
    )
    return ", ".join(shown)[:MAX_DETAILS]


def _detail(key: str, value: object) -> str:
    """A value by its name; that of a setting as the form calls it, with what people wrote in quotes."""
    setting = SETTING_OF_PATH.get(key)
    if value is True:
        return "whatever the gate says" if key == "override" else key
    if isinstance(value, float):
        value = f"{value:g}"
    text = str(value) if len(str(value)) <= MAX_DETAIL else f"{str(value)[:MAX_DETAIL].rstrip()} …"
    if isinstance(setting, TextSetting) and not setting.choices:
        text = f"“{text}”" if text else "none"
    return text if key == "why" else f"{setting.label if setting else key} {text}"
