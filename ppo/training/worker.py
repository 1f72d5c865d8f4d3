"""The trainer's own process: claims a job, does it, says how it goes, claims the next.

A thread beats the heart while the work is between two reports, so that a job whose process died can be told from
one that is merely slow; a second thread of control is not needed anywhere else.
"""

import contextlib
import logging
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch

from ppo.config import Config
from ppo.model.loading.base_models import model_name
from ppo.model.loading.default_model import DEFAULT, is_unpacked
from ppo.model.loading.quantize import check_can_quantize
from ppo.processes import Processes, ProcessGone
from ppo.progress import Cancelled, Progress
from ppo.tracking.trackers import TRACKED, TrackerChoice
from ppo.tracking.tracking import Tracking
from ppo.training.engine import Engine
from ppo.training.followers import joined_processes
from ppo.training.prompt_trial import answer_prompt_trial
from ppo.training.readiness import CostMeasurement, ReadinessCheck, ReturnWhenHurt, TrainAtQuota
from ppo.training.round_recipe import generate_round, train_round
from rater_data import checks
from rater_data.artifacts.opening import open_artifacts
from rater_data.errors import Busy, NotYours, RateloopError, Refused, Unavailable
from rater_data.lifecycle import LOADING, LOST_AFTER_S, THEN_TRAIN, UNPACKING, Job
from rater_data.round_settings import (
    ENGINE_REPORT,
    GENERATOR_KEY,
    RELEASE,
    ROUND_CONFIG,
    embedded_defaults,
    keep_older_length,
)
from rater_data.store import PatientStore, Store
from rater_data.store.database.release import own_release

log = logging.getLogger(__name__)
PRESENT_S = 20.0  # the store is told that the trainer lives, work or none
PATIENCE_S = 3600.0  # a database or artifact store that is away is waited for so long
BEAT_S = 5.0  # a heartbeat at least this often; the store calls a job dead after 60 s
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux's: another with every start of a machine
REPORT_S = 0.5  # progress is written at most this often
IDLE_S = 0.5  # pause between two looks for work


class Worker:
    """One engine, one store, one job at a time."""

    def __init__(
        self,
        store: Store,
        make_engine: Callable[[], Engine],
        show: Callable[[Job, dict], None] | None = None,
        tracking: Tracking | None = None,
        loading: Callable[[], str] = lambda: LOADING,
    ):
        """`show` is told each job's progress, and `loading` says what is done until there is an engine."""
        self._loading = loading
        self.store, self._make_engine, self._show, self._tracking = store, make_engine, show, tracking
        self.name = f"{_machine()}:{os.getpid()}:{time.monotonic_ns() % 1_000_000}"
        self._engine: Engine | None = None
        self._readiness, self._returning = ReadinessCheck(), ReturnWhenHurt()
        self._starting, self._costs = TrainAtQuota(), CostMeasurement()

    @property
    def device(self) -> str | None:
        """What the model is on, in words; None while it is not loaded."""
        if self._engine is None:
            return None
        where = self._engine.policy.device
        return torch.cuda.get_device_name(where) if where.type == "cuda" else str(where)

    @property
    def engine(self) -> Engine:
        """Loaded when the first job asks for it, so that the page is up before the model is."""
        if self._engine is None:
            self._engine = self._make_engine()
            self.store.set_setting(ENGINE_REPORT, self._engine.report())
        return self._engine

    def run_one(self) -> Job | None:
        """Claims the next job and does it; None when there is none. Errors end in the job, not here."""
        # After an absence of the database every heartbeat is old: those who beat have to come first
        job = self.store.claim(self.name, stale_s=LOST_AFTER_S + self.store.patience.extra_s())
        if job is None:
            return None
        with self._heartbeat(job) as cancel:
            progress = self._progress(job, cancel)
            try:
                result = self._run(job, progress)
            except Cancelled:
                self._end_without_result(job, "The operator stopped it.", cancelled=True)
            except NotYours:
                pass  # another worker has the job now: it was thought dead, and the other one ends it
            except ProcessGone as error:
                self._end_without_result(job, str(error))
                raise
            except RateloopError as error:
                self._end_without_result(job, str(error))
            except Exception as error:
                self.store.log("worker", "job failed", job=job.id, trace=traceback.format_exc()[-2000:])
                self._end_without_result(job, f"{type(error).__name__}: {error}")
            else:
                self.store.finish(job.id, self.name, result)
                self._enqueue_next(job, result)
        return self.store.job(job.id)

    def look_at_ratings(self) -> None:
        """While nothing is asked: has the version hurt, is it time to train, how ready is the reward head, and what
        would a round cost here?"""
        if self._returning.look(self.store) or self._starting.look(self.store):
            return
        self.check_readiness()
        self.measure_costs()

    def check_readiness(self) -> None:
        """How ready is the reward head?"""
        if not self._readiness.is_due(self.store):
            return
        silent = Progress(lambda _: None)
        try:
            self._readiness.update(self.store, self.engine, silent)
        except Exception as error:  # it must never keep the worker from its work
            why = f"{type(error).__name__}: {error}"[:300]
            self.store.log("worker", "could not look at the reward head", why=why)

    def measure_costs(self) -> None:
        """What does a mini-batch cost on this machine? Asked once, with a model that is in memory."""
        engine = self._engine
        if engine is None or not self._costs.is_due(self.store, engine):
            return
        try:
            self._costs.update(self.store, engine)
        except Exception as error:  # it must never keep the worker from its work
            why = f"{type(error).__name__}: {error}"[:300]
            self.store.log("worker", "could not measure what a round costs", why=why)

    def _run(self, job: Job, progress: Progress) -> dict[str, Any]:
        progress.phase(self._loading(), 1)
        engine = self.engine
        engine.policy.return_memory()  # what the job before held, or a look at the ratings
        if job.kind == "try":
            return answer_prompt_trial(self.store, engine, job, progress)
        if job.kind == "generate":
            return {"round": generate_round(self.store, engine, progress)}
        number, override = int(job.payload["round"]), bool(job.payload.get("override"))
        with self._tracked(number, progress.log):
            state = train_round(self.store, engine, number, progress, override=override)
        return {"round": number, "state": state}

    @contextlib.contextmanager
    def _tracked(self, number: int, log: Callable[[str], None]) -> Iterator[None]:
        """Tells the tracker, if there is one, how the training of a round ended."""
        try:
            yield
            if self._tracking is not None:
                self._tracking.end_round(self.store, log, number)
        finally:
            if self._tracking is not None:
                self._tracking.close(lambda _line: None)  # the job may be another's by now

    def _enqueue_next(self, job: Job, result: dict[str, Any]) -> None:
        """A training, published or refused, is followed by the writing of the next round: raters never run dry.

        Responses that were asked for to train anew are followed by that training.
        """
        if job.kind == "train":
            self.store.enqueue("generate", {})
        elif THEN_TRAIN in job.payload:
            try:
                self.store.start_training(int(result["round"]), str(job.payload[THEN_TRAIN]))
            except (Busy, Refused) as error:
                self.store.log("worker", "could not train anew", why=str(error))

    def _end_without_result(self, job: Job, why: str, cancelled: bool = False) -> None:
        """The job failed or was stopped: the round goes back to where the operator can press Train again."""
        # What is on the model is not known after an error in the middle of an update
        if self._engine is not None:
            self._engine.loaded_version = None
        if job.kind == "train":
            round_ = self.store.round(int(job.payload["round"]))
            if round_ is not None and round_.state in ("sealed", "training"):
                self.store.set_round_state(round_.number, "failed", decision=why)
        with contextlib.suppress(NotYours):
            self.store.fail(job.id, self.name, why, cancelled=cancelled)

    def _progress(self, job: Job, cancel: threading.Event) -> Progress:
        last_at, last_phase = 0.0, ""

        def show(progress: dict[str, Any]) -> None:
            nonlocal last_at, last_phase
            if cancel.is_set():
                raise Cancelled
            now = time.monotonic()
            if self._show is not None:
                self._show(job, progress)
            if progress["phase"] != last_phase or now - last_at >= REPORT_S:
                last_at, last_phase = now, progress["phase"]
                if self.store.job_heartbeat(job.id, self.name, progress=progress):
                    cancel.set()

        def log(line: str) -> None:
            self.store.job_heartbeat(job.id, self.name, log=line)

        def record_step(number: int, step: int, metrics: dict[str, Any]) -> None:
            if self._tracking is None:
                self.store.add_step(number, step, metrics)
            else:
                self._tracking.record_step(self.store, log, number, step, metrics)

        return Progress(show, record_step, log)

    @contextlib.contextmanager
    def _heartbeat(self, job: Job) -> Iterator[threading.Event]:
        """Beats while the body runs; the event is set when the operator asks the job to stop."""
        cancel, over = threading.Event(), threading.Event()

        def beat() -> None:
            while not over.wait(BEAT_S):
                try:
                    if self.store.job_heartbeat(job.id, self.name):
                        cancel.set()
                except NotYours:
                    cancel.set()
                    return

        thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
        thread.start()
        try:
            yield cancel
        finally:
            over.set()
            thread.join()


def release_jobs_of_dead_workers(store: Store) -> None:
    """Jobs of workers of this machine that are no more need not wait until their heartbeat is called stale."""
    for job in store.running_jobs():
        if job.worker and _is_dead(job.worker):
            with contextlib.suppress(NotYours):
                store.release_job(job.id, job.worker)
    for worker in store.workers():
        if _is_dead(worker.name):
            store.forget_worker(worker.name)


def _machine() -> str:
    """The machine's name, and which start of it this is: two of one name are not taken for one."""
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()}-{BOOT_ID.read_text()[:8]}"
    return socket.gethostname()


def _is_dead(worker: str) -> bool:
    """Whether this is the name of a process of this machine that is no more."""
    host, _, pid = worker.rpartition(":")[0].rpartition(":")
    return host == _machine() and pid.isdigit() and not psutil.pid_exists(int(pid))


def prepare_settings(store: Store, model: str) -> None:
    """A new home of the embedded model gets its system prompt; one of an older release keeps its responses' length."""
    stored, newest = store.setting(ROUND_CONFIG, {}), store.round()
    kept = stored
    if newest is not None:
        kept = keep_older_length(stored, newest.config)
    elif model == DEFAULT and store.current_version() is None:
        kept = embedded_defaults(stored)
    if kept != stored:
        store.set_setting(ROUND_CONFIG, kept)


class Presence:
    """Tells the store every while that this trainer lives, from the start to the end of the block."""

    def __init__(self, worker: Worker, device: str) -> None:
        self._worker, self._device = worker, device
        self._server = worker.store.setting(RELEASE)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True, name="presence")
        self.refused: Refused | None = None
        """Why this trainer must go: a server of another release was started."""

    def __enter__(self) -> "Presence":
        self._report()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()
        with contextlib.suppress(Unavailable):
            self._worker.store.forget_worker(self._worker.name)

    def _report(self) -> None:
        store, host = self._worker.store, socket.gethostname()
        store.report_worker(self._worker.name, host, self._worker.device or self._device, own_release())

    def _tell(self) -> None:
        while not self._over.wait(PRESENT_S):
            try:
                self._report()
                if self._worker.store.setting(RELEASE) != self._server:
                    self._worker.store.check_release()
            except Refused as error:
                self.refused = error
                return
            except Unavailable as error:  # the work says so, if it is still so when it has something to say
                log.warning("The store could not be told that this trainer lives: %s", error)


def work(
    home: Path,
    model: str | None,
    device: str,
    url: str | None = None,
    generator: str | None = None,
    artifacts: str | None = None,
    quantize: str = "",
    track: str | None = None,
) -> None:
    """Works until it is ended. Without a model, the home's own, or the default in a new home.

    `generator`: address of a server of vLLM that writes the responses; `artifacts`: where versions are kept, in the
    home by default; `track`: the name of a tracker that is told of trainings. With `url` the database is shared with a
    server, whose release has to be this one. Raises Refused where it is another, BadInput for what is no address or no
    tracker that is installed, and what opening database and artifacts raises.
    """
    if generator is not None:
        checks.server_address("--generator", generator, GENERATOR_KEY)
    check_can_quantize(quantize)
    choice = None if track is None else TrackerChoice(track, home / TRACKED)
    with joined_processes(home, device) as joined:
        if joined is not None:
            config = Config(quantize=quantize)
            tracking = None if choice is None else Tracking(choice)  # on the first process alone
            _work_as_first(home, model, *joined, url, generator, artifacts, config, tracking)


def _work_as_first(
    home: Path,
    model: str | None,
    processes: Processes,
    device: str,
    url: str | None,
    generator: str | None,
    artifacts: str | None,
    config: Config,
    tracking: Tracking | None,
) -> None:
    # the server brings a shared database up to date; where it has none of its own, the trainer may be there first
    with contextlib.closing(PatientStore.open(home, url, upgrade=url is None)) as store:
        if url is not None:
            store.check_release()
        kept = open_artifacts(store, artifacts, begin=url is None)
        kept.check_writable()
        chosen = store.base_model(model) or model_name(model or DEFAULT)
        prepare_settings(store, chosen)
        worker = Worker(
            store,
            lambda: Engine(home, chosen, device, config, generator, kept, processes),
            tracking=tracking,
            loading=lambda: LOADING if chosen != DEFAULT or is_unpacked(home) else UNPACKING,
        )
        release_jobs_of_dead_workers(store)
        store.wait_for_the_database(PATIENCE_S)
        kept.wait_for_the_store(PATIENCE_S)
        with Presence(worker, device) as presence:
            while presence.refused is None:
                if worker.run_one() is None:
                    worker.look_at_ratings()
                    time.sleep(IDLE_S)
        raise presence.refused
