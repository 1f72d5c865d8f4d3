"""The trainer's own process: claims a job, does it, says how it goes, claims the next.

A thread beats the heart while the work is between two reports, so that a job whose process died can be told from
one that is merely slow; a second thread of control is not needed anywhere else.
"""

import contextlib
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from ppo.config import Config
from ppo.model.loading.base_models import model_name
from ppo.model.loading.default_model import DEFAULT
from ppo.progress import Cancelled, Progress
from ppo.training.engine import Engine
from ppo.training.prompt_trial import answer_prompt_trial
from ppo.training.readiness import ReadinessCheck
from ppo.training.round_recipe import generate_round, train_round
from rater_data import checks
from rater_data.errors import NotYours, RateloopError
from rater_data.lifecycle import Job
from rater_data.round_settings import (
    ENGINE_REPORT,
    GENERATOR_KEY,
    ROUND_CONFIG,
    embedded_defaults,
    keep_older_length,
)
from rater_data.store import Store

BEAT_S = 5.0  # a heartbeat at least this often; the store calls a job dead after 60 s
REPORT_S = 0.5  # progress is written at most this often
IDLE_S = 0.5  # pause between two looks for work


class Worker:
    """One engine, one store, one job at a time."""

    def __init__(
        self, store: Store, make_engine: Callable[[], Engine], show: Callable[[Job, dict], None] | None = None
    ):
        self.store, self._make_engine, self._show = store, make_engine, show
        self.name = f"{socket.gethostname()}:{os.getpid()}:{time.monotonic_ns() % 1_000_000}"
        self._engine: Engine | None = None
        self._readiness = ReadinessCheck()

    @property
    def engine(self) -> Engine:
        """Loaded when the first job asks for it, so that the page is up before the model is."""
        if self._engine is None:
            self._engine = self._make_engine()
            self.store.set_setting(ENGINE_REPORT, self._engine.report())
        return self._engine

    def run_one(self) -> Job | None:
        """Claims the next job and does it; None when there is none. Errors end in the job, not here."""
        job = self.store.claim(self.name)
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
            except RateloopError as error:
                self._end_without_result(job, str(error))
            except Exception as error:
                self.store.log("worker", "job failed", job=job.id, trace=traceback.format_exc()[-2000:])
                self._end_without_result(job, f"{type(error).__name__}: {error}")
            else:
                self.store.finish(job.id, self.name, result)
                self._enqueue_next(job, result)
        return self.store.job(job.id)

    def check_readiness(self) -> None:
        """While nothing is asked: how ready is the reward head?"""
        if not self._readiness.is_due(self.store):
            return
        silent = Progress(lambda _: None)
        try:
            self._readiness.update(self.store, self.engine, silent)
        except Exception as error:  # it must never keep the worker from its work
            why = f"{type(error).__name__}: {error}"[:300]
            self.store.log("worker", "could not look at the reward head", why=why)

    def _run(self, job: Job, progress: Progress) -> dict[str, Any]:
        progress.phase("Loading the model", 1)
        engine = self.engine
        if job.kind == "try":
            return answer_prompt_trial(self.store, engine, job, progress)
        if job.kind == "generate":
            return {"round": generate_round(self.store, engine, progress)}
        number = int(job.payload["round"])
        state = train_round(self.store, engine, number, progress, override=bool(job.payload.get("override")))
        return {"round": number, "state": state}

    def _enqueue_next(self, job: Job, result: dict[str, Any]) -> None:
        """A training, published or refused, is followed by the writing of the next round: raters never run dry."""
        if job.kind == "train":
            self.store.enqueue("generate", {})

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

        return Progress(show, self.store.add_step, log)

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
    host = socket.gethostname()
    for job in store.running_jobs():
        name, _, rest = (job.worker or "").rpartition(":")[0].rpartition(":")
        if job.worker and name == host and rest.isdigit() and not psutil.pid_exists(int(rest)):
            with contextlib.suppress(NotYours):
                store.release_job(job.id, job.worker)


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


def work(
    home: Path, model: str | None, device: str, url: str | None = None, generator: str | None = None
) -> None:
    """Works until it is ended. Without a model, the home's own, or the default in a new home.

    `generator`: address of a server of vLLM that writes the responses. Raises BadInput for what is no address.
    """
    if generator is not None:
        checks.server_address("--generator", generator, GENERATOR_KEY)
    store = Store.open(home, url)
    chosen = store.base_model(model) or model_name(model or DEFAULT)
    prepare_settings(store, chosen)
    worker = Worker(store, lambda: Engine(home, chosen, device, Config(), generator))
    release_jobs_of_dead_workers(store)
    while True:
        if worker.run_one() is None:
            worker.check_readiness()
            time.sleep(IDLE_S)
