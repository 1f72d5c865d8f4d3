"""The trainer: its process as the server that started it sees it, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rater_data.lifecycle import LOST_AFTER_S, Job, Worker
from rater_data.overview.wording import format_duration

STUCK_AFTER_S = 900.0
"""A job that gets no further for so long is called stuck: a PPO step of a large model takes minutes."""
STARTING = "The trainer is starting."
NO_TRAINER = "No trainer is at work at the moment: until there is one, nothing is written or trained."


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    state: str
    """off (not wanted here), starting, running, waiting (it died and will be started again), stopped."""
    pid: int | None = None
    deaths: int = 0
    exit_code: int | None = None
    next_try_at: float | None = None
    last_words: str = ""

    @property
    def is_down(self) -> bool:
        return self.state in ("waiting", "stopped")


def trainer_trouble(
    worker: WorkerStatus, trainers: Sequence[Worker], job: Job | None, now: float, starting: bool = False
) -> str:
    """What keeps the trainer from its work, in a sentence; empty where nothing does.

    `worker`: the process that this server started, "off" where it has none: then `trainers` that were heard of count,
    and whether another server is `starting` one.
    """
    alive = any(trainer.is_alive(now) for trainer in trainers)
    if worker.is_down or (worker.state == "off" and not alive):
        return STARTING if starting and not worker.is_down else NO_TRAINER
    if job is None or job.state != "running":
        return ""
    silent = now - (job.heartbeat_at or 0.0)
    if job.heartbeat_at and silent > LOST_AFTER_S:
        return (
            f"The trainer that had this was not heard of for {format_duration(silent)}; another takes it over as soon "
            "as one is free."
        )
    still = now - job.progress.get("moved_at", now)
    if still > STUCK_AFTER_S:
        return f"It has got no further for {format_duration(still)}: the trainer's log may say why."
    return ""
