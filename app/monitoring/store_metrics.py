"""What the store and the trainer say of themselves, read when Prometheus asks and kept for a second."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.trainer.supervisor import Supervisor
from rater_data.errors import RateloopError
from rater_data.lifecycle import ROUND_STATES
from rater_data.store import Store

KEPT = 1.0  # seconds
log = logging.getLogger(__name__)


class StoreMetrics(Collector):
    """Collected by a registry. Nothing here identifies a person: no name, no text, no number of an account."""

    def __init__(self, store: Store, supervisor: Supervisor) -> None:
        self._store, self._supervisor = store, supervisor
        self._lock = threading.Lock()
        self._metrics: list[Metric] = []
        self._read_at = -KEPT
        self._ratings = self._highest_rating = 0

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT:
                self._metrics = self._read()
                self._read_at = time.monotonic()
            return self._metrics

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not ask the store."""
        return []

    def _read(self) -> list[Metric]:
        metrics = list(trainer_metrics(self._supervisor))
        try:
            metrics += [*self._rating_metrics(), *round_metrics(self._store), *training_metrics(self._store)]
        except RateloopError as error:  # a scrape tells that the store is away: that is what it is for
            log.warning("The store could not be asked for its metrics: %s", error)
            return [*metrics, gauge("store_up", "Whether the store answered this scrape.", 0)]
        return [*metrics, gauge("store_up", "Whether the store answered this scrape.", 1)]

    def _rating_metrics(self) -> Iterable[Metric]:
        new, self._highest_rating = self._store.count_ratings_after(self._highest_rating)
        self._ratings += new
        yield counter("ratings", "Ratings that are stored, changes of earlier ones included.", self._ratings)


def gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"rateloop_{name}", meaning, value=value)


def counter(name: str, meaning: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"rateloop_{name}", meaning, value=value)


def trainer_metrics(supervisor: Supervisor) -> Iterable[Metric]:
    """The trainer that this server has started; nothing of one that runs elsewhere."""
    status = supervisor.status
    if status.state == "off":
        return
    yield gauge("trainer_up", "Whether the trainer of this server runs.", status.state == "running")
    yield counter("trainer_deaths", "How often the trainer of this server has died.", status.deaths)
    if status.pid is not None and (memory := resident_bytes(status.pid)):
        yield gauge("trainer_resident_memory_bytes", "Memory of the trainer and its children.", memory)


def resident_bytes(pid: int) -> int:
    """Of a process and its children; 0 where it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0


def round_metrics(store: Store) -> Iterable[Metric]:
    current = store.current_version()
    if current is not None:
        yield gauge("version", "The version in use.", current.number)
    yield gauge("cards_leased", "Cards in the hands of raters.", store.raters_at_work(0))
    progress = store.round_progress()
    if progress is None:
        return
    wanted = sum(max(0, wanted - given) for given, wanted in progress.by_stratum.values())
    yield gauge("round", "The number of the newest round.", progress.round.number)
    states = GaugeMetricFamily("rateloop_round_state", "1 for the newest round's state.", labels=["state"])
    for state in ROUND_STATES:
        states.add_metric([state], state == progress.round.state)
    yield states
    yield gauge("round_responses", "Responses of the newest round.", progress.responses)
    yield gauge("round_ratings", "Ratings that count for the newest round.", progress.ratings)
    yield gauge("round_quota", "Ratings that the newest round asks for.", progress.quota)
    yield gauge("round_raters", "People who have rated in the newest round.", progress.raters)
    yield gauge("ratings_waiting", "Ratings that the newest round's responses still wait for.", wanted)


def training_metrics(store: Store) -> Iterable[Metric]:
    jobs = GaugeMetricFamily("rateloop_jobs", "Jobs of the trainer.", labels=["kind", "state"])
    for (kind, state), count in sorted(store.job_counts().items()):
        jobs.add_metric([kind, state], count)
    yield jobs
    near = sum(worker.is_alive(time.time()) for worker in store.workers())
    yield gauge("trainers", "Trainers that were heard of lately, wherever they run.", near)
    beats = [job.heartbeat_at for job in store.running_jobs() if job.heartbeat_at is not None]
    if beats:
        silence = max(0.0, time.time() - min(beats))
        yield gauge("job_silence_seconds", "Since a running job last gave a sign, wherever it runs.", silence)
    step = store.last_step()
    if step is None:
        return
    yield gauge("training_round", "The round of the newest step of training.", step.round_number)
    yield gauge("training_step", "The number of the newest step of training.", step.step)
    yield gauge("training_step_timestamp_seconds", "When the newest step of training ended.", step.at)
    if step.seconds is not None:
        yield gauge("training_step_seconds", "Seconds that the newest step of training took.", step.seconds)
    for name, meaning in STEP_METRICS.items():
        value = step.metrics.get(name)
        if isinstance(value, int | float):
            yield gauge(f"training_{name}", meaning, value)


STEP_METRICS = {
    "reward": "Reward of the newest step, in standard deviations of people's ratings.",
    "kl": "KL to the reference of the newest step, nats per response.",
    "rating": "Rating of the newest step's responses, as people gave it or the head foretells it.",
}
