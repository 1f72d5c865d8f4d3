"""How long the reward head takes: to be fitted, and to be reported on, by ratings."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from ppo.reward.evaluation.report import cross_validate
from ppo.reward.judgements import Judgements, of_scores
from ppo.reward.reward_head import fit

SIZES = (64, 500, 5_000)  # ratings
DEPTHS, WIDTH = 5, 576  # hidden states of the embedded model
SHARED = 40  # directions that most of the variance of real features lies in
RATERS, PER_PROMPT, FOLDS = 4, 2, 8


def measure_head(console: Console) -> list[dict[str, Any]]:
    """Random features of the embedded model's shape and four raters; printed, and as `--json` writes it."""
    rows = []
    with console.status("Fitting heads …"):
        for ratings in SIZES:
            features, judgements = _made_up(ratings)
            prompts = np.arange(ratings) // PER_PROMPT
            everything = np.ones(ratings, dtype=bool)
            cost = _cost("fit", fit, features, judgements, prompts, everything, DEPTHS)
            cost |= _cost("report", cross_validate, features, judgements, prompts, FOLDS, 0, DEPTHS)
            rows.append({"ratings": ratings, **cost})
    table = Table(title="The reward head", caption="Seconds, and in brackets those of all cores together")
    for name in ("ratings", "fit", "report"):
        table.add_column(name, justify="right")
    for row in rows:
        cells = (f"{row[f'{what}_s']:.2f} ({row[f'{what}_cpu_s']:.2f})" for what in ("fit", "report"))
        table.add_row(str(row["ratings"]), *cells)
    console.print(table)
    return rows


def _cost(what: str, work: Callable[..., object], *given: Any) -> dict[str, float]:
    """Seconds that passed, and seconds of all cores together: a machine that others use moves the first alone."""
    begun, began_cpu = time.perf_counter(), time.process_time()
    work(*given)
    return {
        f"{what}_s": time.perf_counter() - begun,
        f"{what}_cpu_s": time.process_time() - began_cpu,
    }


def _made_up(ratings: int) -> tuple[np.ndarray, Judgements]:
    draw = np.random.default_rng(0)
    features = DEPTHS * WIDTH + 2
    shared = draw.normal(size=(ratings, SHARED)) @ draw.normal(size=(SHARED, features))
    x = shared + 0.3 * draw.normal(size=(ratings, features))
    scores = np.clip(5.5 + 0.3 * x[:, 0] + draw.normal(size=ratings), 1, 10)
    return x, of_scores(scores, (1.0, 10.0), draw.integers(RATERS, size=ratings))
