"""Servers to measure: a home full of cards that nobody wrote, and `python -m app serve` on it."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from rater_data.errors import RateloopError
from rater_data.lifecycle import Version
from rater_data.records import Prompt, Response
from rater_data.store import Store

OVERLAP = 3
RESPONSES_PER_PROMPT = 4
NO_MODEL = "made up"
TOKENS = range(3, 200)  # that every model has
STARTUP_TIMEOUT = 120.0  # seconds for a server to answer
BACKGROUND_WARM_UP = 20.0  # seconds until the model of the background work is loaded and computes


def make_home(home: Path, ratings: int, raters: int, model: str = NO_MODEL) -> Store:
    """A home whose round of synthetic responses takes at least so many ratings of so many raters."""
    store = Store.open(home)
    prompts = -(-ratings // (min(OVERLAP, raters) * RESPONSES_PER_PROMPT)) + 8
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
    # where it is trained, PPO on rollouts, which takes longest, begins at once
    store.start_round({"quota": prompts * RESPONSES_PER_PROMPT * OVERLAP, "ppo": {"people_epochs": 0}}, 0)
    store.add_responses(
        [
            _synthetic_response(prompt, k, place)
            for place, prompt in enumerate(store.prompts())
            for k in range(RESPONSES_PER_PROMPT)
        ]
    )
    store.set_round_state(1, "rating")
    return store


def _synthetic_response(prompt: Prompt, k: int, place: int) -> Response:
    assert prompt.id is not None, "a stored prompt has its number"
    draw = random.Random(place * RESPONSES_PER_PROMPT + k)
    tokens = tuple(draw.choices(TOKENS, k=8 * (k + 1)))  # a trainer reads them, if there is one
    return Response(
        prompt_id=prompt.id,
        round_number=1,
        version_number=0,
        slot=place * RESPONSES_PER_PROMPT + k,
        text=f"Let me think about it. I would say {place + k}. " * (k + 1),
        prompt_ids=(1, 2),
        token_ids=tokens,
        logprobs=(-0.2,) * len(tokens),
        seed=place,
        temperature=0.7,
        finish_reason="eos",
        stratum="train",
        overlap=OVERLAP,
    )


@contextlib.contextmanager
def serving(home: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`python -m app serve` on a free port, in a process group of its own: its address, and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app", "serve", "--home", str(home), "--port", str(port), *options]
    with (home / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: process.poll() is not None or _answers(url), "the server to answer", STARTUP_TIMEOUT)
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


def wait_for(condition: Callable[[], object], what: str, timeout_s: float) -> None:
    """Until the condition holds. Raises RateloopError after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise RateloopError(f"Waited {timeout_s:.0f} s in vain for {what}.")
        time.sleep(0.05)


@contextlib.contextmanager
def background_work(command: str) -> Iterator[None]:
    """Other work at the lowest priority, as the trainer is, while the body runs. Empty: none."""
    if not command:
        yield
        return
    process = subprocess.Popen(
        ["nice", "-n", "19", *shlex.split(command)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        time.sleep(BACKGROUND_WARM_UP)
        if process.poll() is not None:
            raise RateloopError(f"The work beside ended at once with code {process.returncode}: {command}")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
