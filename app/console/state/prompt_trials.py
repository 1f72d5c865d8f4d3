"""An operator's own prompt, answered by one or two versions. The trainer's process writes; this asks and reads."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from rater_data.errors import BadInput
from rater_data.lifecycle import Job
from rater_data.records import User
from rater_data.round_settings import Told
from rater_data.store import Store

MAX_LENGTH = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTrial:
    """`waiting`: what it waits for, empty once it is over; `answers`: (version, text, whether it ended with EOS).

    `told`: what stood before the answers.
    """

    prompt: str
    waiting: str
    answers: tuple[tuple[int, str, bool], ...]
    error: str | None
    told: Told = field(default_factory=Told)


def try_prompt(store: Store, user: User, prompt: str, selected: tuple[int | None, int | None]) -> str:
    """Asks the selected versions, or where none are the newest two, the same prompt with the same seed.

    Raises BadInput, Busy.
    """
    versions = [number for number in dict.fromkeys(selected) if number is not None]
    current = store.current_version()
    if not versions and current is not None:
        versions = [current.number] if current.parent is None else [current.parent, current.number]
    usable = {version.number for version in store.versions() if version.status != "candidate"}
    if not versions or not set(versions) <= usable:
        raise BadInput("There is no such version to try a prompt on yet.")
    text = (prompt or "").strip()
    if not text or len(text) > MAX_LENGTH:
        raise BadInput(f"A prompt has 1 to {MAX_LENGTH} characters.")
    messages = [{"role": "user", "content": text}]
    store.enqueue("try", {"messages": messages, "versions": versions, "seed": random.randrange(2**31)})
    store.log(user.name, "tried a prompt", versions=" and ".join(map(str, versions)))
    return "The trainer is asked; the answers appear below."


def find_latest_trial(store: Store) -> PromptTrial | None:
    job = store.newest_job("try")
    if job is None:
        return None
    answers = (job.result or {}).get("answers", [])
    return PromptTrial(
        prompt=job.payload["messages"][-1]["content"],
        waiting=_waiting_for(job, store.active_job()),
        answers=tuple((a["version"], a["text"], a["ended"]) for a in answers),
        error=job.error if job.state in ("failed", "cancelled") else None,
        told=Told.of(job.result or {}),
    )


def _waiting_for(job: Job, active: Job | None) -> str:
    if job.state == "running":
        return "The versions are answering …"
    if job.state != "queued":
        return ""
    if active is not None and active.state == "running":
        work = "training" if active.kind == "train" else "writing responses"
        return f"The trainer is {work}; your prompt is next."
    return "Waiting for the trainer …"
