"""Try it: an operator's own prompt, answered by two versions. The worker writes; this asks and shows."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rater_data.errors import BadInput
from rater_data.lifecycle import Job
from rater_data.records import User
from rater_data.store import Store

LONGEST = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """The newest try: its prompt, whether it is still under way and why, its answers or what went wrong."""

    prompt: str
    waiting: str
    answers: tuple[tuple[int, str, bool], ...]
    error: str | None


def ask(store: Store, user: User, prompt: str, versions: list[int], seed: int | None = None) -> str:
    """Asks versions the same prompt with the same seed. Raises BadInput, Missing, Busy."""
    text = (prompt or "").strip()
    if not text or len(text) > LONGEST:
        raise BadInput(f"A prompt has 1 to {LONGEST} characters.")
    wanted = list(dict.fromkeys(versions))
    if not 1 <= len(wanted) <= 2:
        raise BadInput("Choose one version, or two that differ.")
    for number in wanted:
        store.version(number)
    seed = random.randrange(2**31) if seed is None else seed
    messages = [{"role": "user", "content": text}]
    store.enqueue("try", {"messages": messages, "versions": wanted, "seed": seed})
    store.log(user.name, "tried a prompt", versions=" and ".join(map(str, wanted)))
    return "The trainer is asked; the answers appear below."


def tried(store: Store) -> Tried | None:
    """The newest try, if there was any."""
    job = store.newest_job("try")
    if job is None:
        return None
    answers = (job.result or {}).get("answers", [])
    return Tried(
        prompt=job.payload["messages"][-1]["content"],
        waiting=waiting(job, store.active_job()),
        answers=tuple((a["version"], a["text"], a["ended"]) for a in answers),
        error=job.error if job.state in ("failed", "cancelled") else None,
    )


def waiting(job: Job, busy: Job | None) -> str:
    if job.state == "running":
        return "The versions are answering …"
    if job.state != "queued":
        return ""
    if busy is not None and busy.state == "running":
        what = "training" if busy.kind == "train" else "writing responses"
        return f"The trainer is {what}; your prompt is next."
    return "Waiting for the trainer …"
