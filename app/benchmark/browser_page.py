"""What a rater's own browser takes: from a click to the painted next card, and from the address to the first answer.

Part of `python -m app bench`; it needs Playwright (requirements-dev.txt) and a Chromium.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.access import accounts
from app.benchmark.server import make_home, serving
from rater_data.errors import BadInput, Missing

LOADS = 10
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CARD = "[data-part=text]:visible"
# From the event to the frame after the one in which the text of the card was changed
PAINTED = """async ([times, pause]) => {
  const durations = [];
  const text = document.querySelector('[data-part=text]');
  for (let i = 0; i < times; i++) {
    await new Promise((done) => setTimeout(done, pause));
    const began = performance.now();
    const painted = new Promise((done) => {
      const watch = new MutationObserver(() => {
        watch.disconnect();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - began), 0));
      });
      watch.observe(text, { childList: true, characterData: true, subtree: true });
    });
    document.querySelector("[data-score='6']").click();
    durations.push(await painted);
  }
  return durations;
}"""


@dataclass(frozen=True)
class Page:
    """Milliseconds. `first_*`: from asking for the page to its first rating being on the server's disk."""

    clicks: int
    painted_median: float
    painted_p95: float
    loads: int
    first_median: float
    first_p95: float


def measure_page(clicks: int, on_progress: Callable[[int], None], loads: int = LOADS) -> Page:
    """Raises Missing without Playwright or a Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise Missing("Measuring the page needs Playwright: pip install -r requirements-dev.txt.") from None
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise Missing("Measuring the page needs a Chromium: apt install chromium, or name one in CHROMIUM.")
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="rateloop-bench-") as folder:
        store = make_home(Path(folder) / "home", clicks + 4 * loads, 1)
        with serving(store.home, "--no-worker") as (url, _), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=flags)
            rater = browser.new_page()
            rater.goto(accounts.invite(store, "bench", "bench", url))
            rater.get_by_role("button", name="Continue").click()
            first = _time_loads(rater, f"{url}/rate/", loads)
            on_progress(0)
            painted = rater.evaluate(PAINTED, [clicks, 300])
            on_progress(clicks)
            browser.close()
        store.close()
    if len(painted) != clicks:
        raise BadInput(f"Of {clicks} clicks {len(painted)} were painted.")
    return Page(
        clicks=clicks,
        painted_median=float(np.median(painted)),
        painted_p95=float(np.quantile(painted, 0.95)),
        loads=loads,
        first_median=float(np.median(first)),
        first_p95=float(np.quantile(first, 0.95)),
    )


def _time_loads(rater: Any, address: str, loads: int) -> list[float]:
    """The page asked for anew, and a key pressed as soon as its card is there. The first one warms up."""
    durations = []
    for _ in range(loads + 1):
        began = time.perf_counter()
        rater.goto(address, wait_until="commit")
        rater.wait_for_selector(CARD)
        rater.keyboard.press("7")
        rater.get_by_text("Saved 7").first.wait_for()
        durations.append((time.perf_counter() - began) * 1000)
    return durations[1:]
