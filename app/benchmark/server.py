"""What raters wait for, and what survives: `python -m app bench`. Each part has a server and a home of its own.

The raters are threads of this process on the JSON routes; times are told by the server itself (Server-Timing) and
as the client saw them. A shared, noisy machine shows in the 95th percentile first: compare medians and ratios.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from app.access import invitations
from app.benchmark.simulate import Outcome, simulate
from rater_data.errors import RateloopError
from rater_data.lifecycle import Version
from rater_data.records import Prompt, Response
from rater_data.store import Store, default_home

OVERLAP = 3
PER_PROMPT = 4
READY = 120.0  # seconds for a server to answer


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
class Kills:
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


def rate(prompt: str, response: str) -> float:
    """A rater without a taste."""
    return 1 + (len(prompt) * 7 + len(response) * 3) % 10


def make_home(home: Path, ratings: int, raters: int, model: str = "made up") -> Store:
    """A round of made-up responses that takes at least so many ratings of so many raters."""
    store = Store.open(home)
    prompts = -(-ratings // (min(OVERLAP, raters) * PER_PROMPT)) + 8
    store.add_prompts([Prompt.of(f"What is {n} plus {n % 7}?", split="train") for n in range(prompts)])
    store.add_version(
        Version(
            number=0,
            parent=None,
            folder="",
            sha256="",
            base_model=model,
            base_revision="",
            metrics={},
            status="current",
            created_at=time.time(),
        )
    )
    store.start_round({"quota": prompts * PER_PROMPT * OVERLAP}, 0)
    store.add_responses(
        [_response(p.id, k, i) for i, p in enumerate(store.prompts()) for k in range(PER_PROMPT)]
    )
    store.set_round_state(1, "rating")
    return store


def _response(prompt_id: int, k: int, place: int) -> Response:
    return Response(
        prompt_id=prompt_id,
        round_number=1,
        version_number=0,
        slot=place * PER_PROMPT + k,
        text=f"Let me think about it. I would say {place + k}. " * (k + 1),
        prompt_ids=(1, 2),
        token_ids=(3, 4, 5),
        logprobs=(-0.1, -0.2, -0.3),
        seed=place,
        temperature=0.7,
        finish_reason="eos",
        stratum="train",
        overlap=OVERLAP,
    )


@contextlib.contextmanager
def serving(home: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`python -m app serve` on a free port, in a process group of its own: its address, and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app", "serve", "--home", str(home), "--port", str(port), *more]
    with (home / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(lambda: process.poll() is not None or _answers(url), "the server to answer", READY)
        if process.poll() is not None:
            raise RateloopError((home / "bench.log").read_text()[-500:])
        yield url, process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT if process.poll() is None else signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/sign-in", timeout=1).status_code == 200
    return False


def _wait(found: Callable[[], object], what: str, limit: float) -> None:
    end = time.monotonic() + limit
    while not found():
        if time.monotonic() > end:
            raise RateloopError(f"Waited {limit:.0f} s in vain for {what}.")
        time.sleep(0.05)


@contextlib.contextmanager
def beside(command: str) -> Iterator[None]:
    """Other work at the lowest priority, as the trainer is, while the body runs. Empty: none."""
    if not command:
        yield
        return
    process = subprocess.Popen(
        ["nice", "-n", "19", *shlex.split(command)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        time.sleep(20)  # until its model is loaded and it computes
        if process.poll() is not None:
            raise RateloopError(f"The work beside ended at once with code {process.returncode}: {command}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def load(
    raters: int, think: float, seconds: float, work: str, train: str, tell: Callable[[int], None]
) -> Load:
    """Raters who think about each card, for about so many seconds, with other work beside them.

    `train`: a model that the server's own trainer trains meanwhile, by PPO, on what these raters said before.
    """
    wanted, at_work = int(raters * seconds / max(think, 0.05)), ""
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        store = make_home(Path(folder) / "home", wanted + 2 * raters, raters, train or "made up")
        models = default_home() / "models"
        if train and models.is_dir():
            (store.home / "models").symlink_to(models)
        token = invitations.token(store, "bench", "bench", role="operator")
        trainer = ("--model", train) if train else ("--no-worker",)
        with serving(store.home, *trainer) as (url, _), beside(work):
            simulate(url, token, rate, raters * 2, raters, think_s=0.2)  # everybody has been there once
            if train:
                store.start_training(1, "bench", override=True)
                _wait(lambda: _phase(store) == "Practising", "PPO to begin", 600)
            done = simulate(url, token, rate, wanted, raters, tell, think_s=think)
            at_work = _phase(store)
        found = _summary(raters, done, store, at_work)
        store.close()
    return found


def _phase(store: Store) -> str:
    """What the training is at; empty when there is none."""
    job = store.active_job("train")
    return str(job.progress.get("phase", "")) if job else ""


def _summary(raters: int, done: Outcome, store: Store, at_work: str) -> Load:
    return Load(
        raters=raters,
        ratings=done.ratings,
        per_second=done.ratings / done.seconds,
        server_median=done.server_median_ms,
        server_p95=done.server_p95_ms,
        client_median=done.median_ms,
        client_p95=done.p95_ms,
        stored=store.count_ratings(),
        beyond_overlap=store.beyond_overlap(),
        trained_beside=at_work,
    )


def memory(ratings: int, tell: Callable[[int], None]) -> Memory:
    """The server's memory over many ratings."""
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        store = make_home(Path(folder) / "home", ratings, 8)
        token = invitations.token(store, "bench", "bench", role="operator")
        with serving(store.home, "--no-worker") as (url, process):
            server = psutil.Process(process.pid)
            simulate(url, token, rate, ratings // 10, 8, tell)
            early = server.memory_info().rss / 2**20
            simulate(url, token, rate, ratings - ratings // 10, 8, lambda n: tell(ratings // 10 + n))
            late = server.memory_info().rss / 2**20
        store.close()
    return Memory(ratings, early, late)


def kills(count: int, tell: Callable[[int], None]) -> Kills:
    """Raters without a pause while a tiny model trains; server and trainer are killed at random moments."""
    draw, told = random.Random(0), dict[int, float]()
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        home = Path(folder) / "home"
        store = Store.open(home)
        store.set_setting("round_config", {"plan": {"ratings": 1000, "calibration_share": 0.4}})
        tokens = [invitations.token(store, "bench", f"rater {n}") for n in range(6)]
        for n in range(count):
            with serving(home, "--model", "tiny") as (url, process):
                _wait(
                    lambda: store.round_progress() and store.round_progress().responses > 60, "responses", 120
                )
                stop = threading.Event()
                threads = [threading.Thread(target=_rate_on, args=(url, k, told, stop)) for k in tokens]
                for thread in threads:
                    thread.start()
                before = len(told)
                _wait(lambda before=before: len(told) > before + 4, f"ratings after {n} kills", 60)
                if store.round().state == "rating" and n >= count // 4:
                    store.start_training(1, "bench")
                time.sleep(draw.uniform(0.05, 1.5))
                os.killpg(process.pid, signal.SIGKILL)
                stop.set()
                for thread in threads:
                    thread.join()
            tell(n + 1)
        lost = sum(not _kept(store, rating_id, score) for rating_id, score in told.items())
        with serving(home, "--model", "tiny"):
            trained = _trained(store)
        store.close()
    return Kills(count, len(told), lost, trained)


def _rate_on(url: str, token: str, told: dict[int, float], stop: threading.Event) -> None:
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
            told[answer.json()["saved"]["rating_id"]] = score
            card = answer.json()["card"]
            time.sleep(0.1)  # so that a round of cards lasts for all the kills


def _kept(store: Store, rating_id: int, score: float) -> bool:
    with contextlib.suppress(RateloopError):
        return store.rating(rating_id).score == score
    return False


def _trained(store: Store, limit: float = 240.0) -> bool:
    """Whether the training that was killed again and again still comes to its end."""
    with contextlib.suppress(RateloopError):
        _wait(lambda: store.round(1).state != "generating", "the rest of the responses", limit)
        # a training whose worker died thrice waits for an operator
        if store.round(1).state in ("rating", "failed"):
            store.start_training(1, "bench")
        _wait(lambda: store.round(1).state in ("published", "refused"), "the training", limit)
        return True
    return False


def as_json(parts: dict[str, Any]) -> dict[str, Any]:
    """What was measured, by part."""
    return {name: asdict(found) for name, found in parts.items()}
