"""What raters wait for, and what survives: `python -m app bench`. Each part has a server and a home of its own.

The raters are threads of this process on the JSON routes; times are told by the server itself (Server-Timing) and
as the client saw them. A shared, noisy machine shows in the 95th percentile first: compare medians and ratios.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import psutil

from app.access import accounts
from app.benchmark.server import NO_MODEL, background_work, make_home, serving, wait_for
from app.benchmark.simulate import Outcome, rate_with, simulate
from rater_data.errors import RateloopError
from rater_data.round_settings import ROUND_CONFIG
from rater_data.store import Store, default_home

OnProgress = Callable[[int], None]


@dataclass(frozen=True)
class Load:
    """Milliseconds for a rating with its next card: at the server and for the client.

    `trained_beside`: what this server's own trainer was at when the last rating was given; empty where none ran.
    """

    raters: int
    ratings: int
    per_second: float
    server_median: float
    server_p95: float
    client_median: float
    client_p95: float
    stored: int
    beyond_overlap: int
    trained_beside: str


@dataclass(frozen=True)
class KillResult:
    """Ratings that clients were told are saved, over `kills` kills, and how many of them were gone."""

    kills: int
    acknowledged: int
    lost: int
    trained_after: bool


@dataclass(frozen=True)
class Memory:
    """MiB of the server after a tenth of the ratings and after all."""

    ratings: int
    early: float
    late: float


def rate_by_length(prompt: str, response: str) -> float:
    """A rater without a taste."""
    return 1 + (len(prompt) * 7 + len(response) * 3) % 10


def target_ratings(raters: int, think_s: float, seconds: float) -> int:
    """How many ratings they give in about so many seconds, each thinking `think_s` seconds about a card."""
    return int(raters * seconds / max(think_s, 0.05))


def measure_load(
    raters: int, think_s: float, seconds: float, background: str, train: str, on_progress: OnProgress
) -> Load:
    """Raters who think about each card, for about so many seconds, while a `background` command runs.

    `train`: a model that the server's own trainer trains meanwhile, by PPO, on what these raters said before.
    """
    ratings = target_ratings(raters, think_s, seconds)
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        store = make_home(Path(folder) / "home", ratings + 2 * raters, raters, train or NO_MODEL)
        models = default_home() / "models"
        if train and models.is_dir():
            (store.home / "models").symlink_to(models)
        token = accounts.create_token(store, "bench", "bench", role="operator")
        trainer = ("--model", train) if train else ("--no-worker",)
        with serving(store.home, *trainer) as (url, _), background_work(background):
            simulate(
                url, token, rate_with(rate_by_length), raters * 2, raters, think_s=0.2
            )  # everybody's first cards
            if train:
                store.start_training(1, "bench", override=True)
                wait_for(lambda: _training_phase(store) == "PPO on rollouts", "PPO to begin", 900)
            outcome = simulate(
                url, token, rate_with(rate_by_length), ratings, raters, on_progress, think_s=think_s
            )
            phase = _training_phase(store)
        load = _summarise(raters, outcome, store, phase)
        store.close()
    return load


def _training_phase(store: Store) -> str:
    """The phase of the training under way; empty when there is none. Raises RateloopError for one that failed."""
    job = store.active_job("train")
    ended = store.newest_job("train")
    if job is None and ended is not None and ended.state == "failed":
        raise RateloopError(f"The training failed: {ended.error}")
    return str(job.progress.get("phase", "")) if job else ""


def _summarise(raters: int, outcome: Outcome, store: Store, phase: str) -> Load:
    return Load(
        raters=raters,
        ratings=outcome.ratings,
        per_second=outcome.ratings / outcome.seconds,
        server_median=outcome.server_median_ms,
        server_p95=outcome.server_p95_ms,
        client_median=outcome.median_ms,
        client_p95=outcome.p95_ms,
        stored=store.count_ratings(),
        beyond_overlap=store.count_beyond_overlap(),
        trained_beside=phase,
    )


def measure_memory(ratings: int, on_progress: OnProgress) -> Memory:
    """The server's memory over many ratings."""
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        store = make_home(Path(folder) / "home", ratings, 8)
        token = accounts.create_token(store, "bench", "bench", role="operator")
        with serving(store.home, "--no-worker") as (url, process):
            server = psutil.Process(process.pid)
            simulate(url, token, rate_with(rate_by_length), ratings // 10, 8, on_progress)
            early = server.memory_info().rss / 2**20
            simulate(
                url,
                token,
                rate_with(rate_by_length),
                ratings - ratings // 10,
                8,
                lambda n: on_progress(ratings // 10 + n),
            )
            late = server.memory_info().rss / 2**20
        store.close()
    return Memory(ratings, early, late)


def measure_kills(count: int, on_progress: OnProgress) -> KillResult:
    """Raters without a pause while a tiny model trains; server and trainer are killed at random moments."""
    rng = random.Random(0)
    acknowledged: dict[int, float] = {}  # the score of each rating that a client was told is saved
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        home = Path(folder) / "home"
        store = Store.open(home)
        store.set_setting(ROUND_CONFIG, {"plan": {"ratings": 1000, "calibration_share": 0.4}})
        tokens = [accounts.create_token(store, "bench", f"rater {n}") for n in range(6)]
        for n in range(count):
            with serving(home, "--model", "tiny") as (url, process):
                wait_for(lambda: _written_responses(store) > 60, "responses", 120)
                stop = threading.Event()
                threads = [
                    threading.Thread(target=_rate_until, args=(url, token, acknowledged, stop))
                    for token in tokens
                ]
                for thread in threads:
                    thread.start()
                enough = len(acknowledged) + 5
                wait_for(partial(_has_at_least, acknowledged, enough), f"ratings after {n} kills", 60)
                if _round_state(store) == "rating" and n >= count // 4:
                    store.start_training(1, "bench")
                time.sleep(rng.uniform(0.05, 1.5))
                os.killpg(process.pid, signal.SIGKILL)
                stop.set()
                for thread in threads:
                    thread.join()
            on_progress(n + 1)
        lost = sum(not _is_stored(store, rating_id, score) for rating_id, score in acknowledged.items())
        with serving(home, "--model", "tiny"):
            trained = _finishes_training(store)
        store.close()
    return KillResult(count, len(acknowledged), lost, trained)


def _rate_until(url: str, token: str, acknowledged: dict[int, float], stop: threading.Event) -> None:
    """A client that rates without a pause until `stop` is set or the server is gone."""
    headers = {"Authorization": f"Bearer {token}"}
    with contextlib.suppress(httpx.HTTPError), httpx.Client(base_url=url, headers=headers) as client:
        card = client.get("/api/card").json()["card"]
        while not stop.is_set():
            if card is None:  # more is being written
                time.sleep(0.2)
                card = client.get("/api/card").json()["card"]
                continue
            score = random.randint(1, 10)
            body = {"response_id": card["response_id"], "score": score, "key": secrets.token_hex(8)}
            answer = client.post("/api/rate", json=body)
            if answer.status_code != 200:
                card = client.get("/api/card").json()["card"]
                continue
            acknowledged[answer.json()["saved"]["rating_id"]] = score
            card = answer.json()["card"]
            time.sleep(0.1)  # so that a round of cards lasts for all the kills


def _has_at_least(ratings: dict[int, float], count: int) -> bool:
    return len(ratings) >= count


def _written_responses(store: Store) -> int:
    progress = store.round_progress()
    return progress.responses if progress else 0


def _round_state(store: Store, number: int | None = None) -> str:
    """Of the newest round, or of the one of that number."""
    round_ = store.round(number)
    return round_.state if round_ else "none"


def _is_stored(store: Store, rating_id: int, score: float) -> bool:
    with contextlib.suppress(RateloopError):
        return store.rating(rating_id).score == score
    return False


def _finishes_training(store: Store, timeout_s: float = 240.0) -> bool:
    """Whether the training that was killed again and again still comes to its end."""
    with contextlib.suppress(RateloopError):
        wait_for(lambda: _round_state(store, 1) != "generating", "the rest of the responses", timeout_s)
        # a training whose worker died thrice waits for an operator
        if _round_state(store, 1) in ("rating", "failed"):
            store.start_training(1, "bench")
        wait_for(lambda: _round_state(store, 1) in ("published", "refused"), "the training", timeout_s)
        return True
    return False
