"""What one look of an open console costs on a store of many ratings: the server's answer to the page's timer."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from app.access import accounts
from app.benchmark.server import serving
from rater_data.benchmark.synthetic import fill
from rater_data.store import Store

LOOKS = 40
FIRST_LOOKS = 4  # what is counted beside the page is counted then
SETTLED_S = 5.0


@dataclass(frozen=True)
class ConsoleLook:
    """Milliseconds for everything the page shows, sent anew (`all_*`), and for a look at which nothing changed."""

    ratings: int
    all_median: float
    all_p95: float
    unchanged_median: float
    unchanged_p95: float


def measure_console(ratings: int, on_progress: Callable[[int], None]) -> ConsoleLook:
    """On a home of its own with so many ratings, over HTTP."""
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        store = Store.open(Path(folder) / "home")
        fill(store, ratings)
        with (
            serving(store.home, "--no-worker") as (url, _),
            httpx.Client(base_url=url, timeout=60) as operator,
        ):
            operator.headers["Origin"] = url
            link = accounts.create_link(store, accounts.get_or_create_operator(store).name, url)
            operator.post(link)
            index, outputs = _timer(operator.get("/operator/config").json())

            def look(known: str) -> tuple[float, str]:
                body = {"data": [known, None, None], "fn_index": index, "session_hash": "bench"}
                began = time.perf_counter()
                answer = operator.post("/operator/gradio_api/run/predict", json=body)
                took = 1000 * (time.perf_counter() - began)
                answer.raise_for_status()
                return took, str(answer.json()["data"][outputs])

            known = "{}"
            for _ in range(FIRST_LOOKS):
                _, known = look("{}")
                time.sleep(SETTLED_S)
            whole, unchanged = [], []
            for done in range(LOOKS):
                took, known = look("{}")
                whole.append(took)
                unchanged.append(look(known)[0])
                on_progress(done + 1)
        store.close()
    ends = [float(np.quantile(times, share)) for times in (whole, unchanged) for share in (0.5, 0.95)]
    return ConsoleLook(ratings, *ends)


def _timer(config: dict[str, Any]) -> tuple[int, int]:
    """The number of the event that the page's timer sets off, and the place of the fingerprints in its answer."""
    timers = {part["id"] for part in config["components"] if part["type"] == "timer"}
    event = next(d for d in config["dependencies"] if any(target[0] in timers for target in d["targets"]))
    return int(event["id"]), len(event["outputs"]) - 1
