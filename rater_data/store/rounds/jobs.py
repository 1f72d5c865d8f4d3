"""Jobs: work that the trainer's process claims, beats for, and ends."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.checks import to_json_value
from rater_data.errors import Busy, Missing, NotYours, Refused
from rater_data.lifecycle import JOB_KINDS, LOST_AFTER_S, ROUND_JOBS, Job
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import job_of
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.round_states import move_rounds_that_may

ACTIVE = ("queued", "running")
ATTEMPTS = 3
LOG_CHARACTERS = 20_000  # how much of a job's log is kept: its end
DIED = "The worker died three times on this job: look at its log, then try again."
NAMES = {"generate": "the writing of responses", "train": "a training", "try": "another try"}


def require_job(connection: sa.Connection, job_id: int) -> Job:
    """The job of an id. Raises Missing."""
    row = connection.execute(sa.select(t.jobs).where(t.jobs.c.id == job_id)).mappings().one_or_none()
    if row is None:
        raise Missing(f"There is no job {job_id}.")
    return job_of(row)


def find_active_job(connection: sa.Connection, kind: str | None = None) -> Job | None:
    """The job of a kind (of any that moves a round on) that is running, else the one that waits."""
    kinds = ROUND_JOBS if kind is None else (kind,)
    query = sa.select(t.jobs).where(t.jobs.c.state.in_(ACTIVE), t.jobs.c.kind.in_(kinds))
    # "running" before "queued"
    query = query.order_by(t.jobs.c.state.desc(), t.jobs.c.id).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else job_of(row)


def busy_error(job: Job) -> Busy:
    state = "running" if job.state == "running" else "queued"
    return Busy(f"There is {NAMES[job.kind]} {state} already: wait until it is done, or cancel it.")


def insert_job(connection: sa.Connection, kind: str, payload: dict[str, Any], now: float) -> Job:
    """A new job. Raises Busy when one of its kind waits or runs."""
    running = find_active_job(connection, kind)
    if running is not None:
        raise busy_error(running)
    row = {
        "kind": kind,
        "payload": to_json_value(payload),
        "state": "queued",
        "progress": {},
        "attempts": 0,
        "cancel_requested": False,
        "log_tail": "",
        "created_at": now,
        "updated_at": now,
    }
    key = connection.execute(t.jobs.insert().values(row)).inserted_primary_key
    assert key is not None, "one row was inserted"
    return require_job(connection, key[0])


def _change(connection: sa.Connection, job_id: int, now: float, **values: Any) -> Job:
    connection.execute(t.jobs.update().where(t.jobs.c.id == job_id).values(values | {"updated_at": now}))
    return require_job(connection, job_id)


def _end_unattended(connection: sa.Connection, job: Job, state: str, why: str, now: float) -> Job:
    """Ends a job that no worker has: nobody else would tell its round."""
    if job.kind == "train":
        its_round = t.rounds.c.number == job.payload.get("round")
        move_rounds_that_may(connection, its_round, "failed", now, decision=why)
    record_event(connection, "store", f"{job.kind} job {state}", now, job=job.id, why=why)
    return _change(connection, job.id, now, state=state, error=why)


class Jobs(Database):
    """The queue of the trainer."""

    def enqueue(self, kind: str, payload: dict[str, Any]) -> Job:
        """Raises Busy when a job of this kind waits or runs."""
        checks.one_of("The kind of a job", kind, JOB_KINDS)
        with self.writing() as connection:
            return insert_job(connection, kind, payload, time.time())

    def claim(
        self,
        worker: str,
        kinds: tuple[str, ...] | None = None,
        stale_s: float = LOST_AFTER_S,
        now: float | None = None,
    ) -> Job | None:
        """The oldest job that waits or has lost its worker, now this worker's; None if there is none.

        A worker is lost when it has not been heard of for `stale_s` seconds. A job is begun at most three
        times; then it fails with a sentence.
        """
        now = time.time() if now is None else now
        j = t.jobs.c
        free = (j.state == "queued") | ((j.state == "running") & (j.heartbeat_at < now - stale_s))
        query = sa.select(t.jobs).where(free).order_by(j.id)
        if kinds is not None:
            query = query.where(j.kind.in_(kinds))
        with self.reading() as connection:
            # Workers ask twice a second: they take the writers' lock only when there is something
            if connection.execute(query.limit(1)).first() is None:
                return None
        with self.writing() as connection:
            for row in connection.execute(query).mappings().all():
                job = job_of(row)
                if job.cancel_requested:
                    _end_unattended(
                        connection, job, "cancelled", "It was cancelled, and its worker is gone.", now
                    )
                elif job.attempts >= ATTEMPTS:
                    _end_unattended(connection, job, "failed", DIED, now)
                else:
                    return _change(
                        connection,
                        job.id,
                        now,
                        state="running",
                        worker=worker,
                        heartbeat_at=now,
                        attempts=job.attempts + 1,
                    )
        return None

    def running_jobs(self) -> list[Job]:
        """Jobs that a worker has claimed and not ended, oldest first."""
        query = sa.select(t.jobs).where(t.jobs.c.state == "running").order_by(t.jobs.c.id)
        with self.reading() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def reset_job_attempts(self) -> None:
        """Deaths of workers so far are not held against the jobs that wait or run: somebody starts everything anew."""
        with self.writing() as connection:
            connection.execute(t.jobs.update().where(t.jobs.c.state.in_(ACTIVE)).values(attempts=0))

    def release_job(self, job_id: int, worker: str) -> None:
        """This worker is known to be dead: the job can be claimed at once. Raises NotYours if it has another one."""
        now = time.time()
        with self.writing() as connection:
            _own(connection, job_id, worker)
            _change(connection, job_id, now, heartbeat_at=0.0)

    def job_heartbeat(
        self, job_id: int, worker: str, progress: dict[str, Any] | None = None, log: str | None = None
    ) -> bool:
        """Says that the worker lives, how far it is, and a line for the log. Returns whether it shall stop.

        Raises NotYours when the job was given to another worker or has ended.
        """
        now = time.time()
        with self.writing() as connection:
            job = _own(connection, job_id, worker)
            values: dict[str, Any] = {"heartbeat_at": now}
            if progress is not None:
                values["progress"] = to_json_value(progress)
            if log is not None:
                values["log_tail"] = (job.log_tail + checks.storable_text(log).rstrip("\n") + "\n")[
                    -LOG_CHARACTERS:
                ]
            return _change(connection, job_id, now, **values).cancel_requested

    def finish(self, job_id: int, worker: str, result: dict[str, Any] | None = None) -> None:
        """The job is done. Raises NotYours as `job_heartbeat` does."""
        now = time.time()
        with self.writing() as connection:
            job = _own(connection, job_id, worker)
            _change(connection, job_id, now, state="done", result=to_json_value(result), heartbeat_at=now)
            record_event(connection, "trainer", f"{job.kind} job done", now, job=job_id)

    def fail(self, job_id: int, worker: str, error: str, cancelled: bool = False) -> None:
        """The job ended without a result; `error` says why, in a sentence. Raises NotYours as `job_heartbeat` does."""
        now = time.time()
        state = "cancelled" if cancelled else "failed"
        with self.writing() as connection:
            job = _own(connection, job_id, worker)
            error = checks.storable_text(error)
            _change(connection, job_id, now, state=state, error=error, heartbeat_at=now)
            record_event(connection, "trainer", f"{job.kind} job {state}", now, job=job_id, why=error)

    def cancel(self, job_id: int, actor: str) -> Job:
        """Ends a job that waits; asks the worker of one that runs to stop. Raises Refused if it has ended."""
        now = time.time()
        with self.writing() as connection:
            job = require_job(connection, job_id)
            if job.state not in ACTIVE:
                raise Refused(f"Job {job_id} has ended already: it is {job.state}.")
            record_event(connection, actor, f"cancelled {NAMES[job.kind]}", now, job=job_id)
            if job.state == "queued":
                return _end_unattended(connection, job, "cancelled", "It was cancelled before it began.", now)
            return _change(connection, job_id, now, cancel_requested=True)

    def job(self, job_id: int) -> Job:
        """Raises Missing."""
        with self.reading() as connection:
            return require_job(connection, job_id)

    def jobs(self, limit: int = 20, kinds: tuple[str, ...] = JOB_KINDS) -> list[Job]:
        """The newest jobs of some kinds, newest first."""
        query = sa.select(t.jobs).where(t.jobs.c.kind.in_(kinds)).order_by(t.jobs.c.id.desc()).limit(limit)
        with self.reading() as connection:
            return [job_of(row) for row in connection.execute(query).mappings()]

    def newest_job(self, kind: str) -> Job | None:
        """The last job of a kind that was asked for, whatever became of it."""
        query = sa.select(t.jobs).where(t.jobs.c.kind == kind).order_by(t.jobs.c.id.desc()).limit(1)
        with self.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else job_of(row)

    def active_job(self, kind: str | None = None) -> Job | None:
        """The job of a kind that runs, else the one that waits; None when there is none.

        Without a kind, of those that move a round on.
        """
        with self.reading() as connection:
            return find_active_job(connection, kind)


def _own(connection: sa.Connection, job_id: int, worker: str) -> Job:
    job = require_job(connection, job_id)
    if job.worker != worker or job.state != "running":
        raise NotYours(f"Job {job_id} is not with {worker} any more.")
    return job
