"""How long the reward head takes: to be fitted, and to be reported on, by ratings."""

import time
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
    """Random features of the embedded model's shape and four raters; printed, and as `--json` writes it. In seconds."""
    rows = []
    with console.status("Fitting heads …"):
        for ratings in SIZES:
            features, judgements = _made_up(ratings)
            prompts = np.arange(ratings) // PER_PROMPT
            begun = time.perf_counter()
            fit(features, judgements, prompts, np.ones(ratings, dtype=bool), DEPTHS)
            fitted = time.perf_counter()
            cross_validate(features, judgements, prompts, FOLDS, 0, DEPTHS)
            reported = time.perf_counter()
            rows.append({"ratings": ratings, "fit_s": fitted - begun, "report_s": reported - fitted})
    table = Table(title="The reward head")
    for name in ("ratings", "fit, s", "report, s"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(str(row["ratings"]), f"{row['fit_s']:.2f}", f"{row['report_s']:.2f}")
    console.print(table)
    return rows


def _made_up(ratings: int) -> tuple[np.ndarray, Judgements]:
    draw = np.random.default_rng(0)
    features = DEPTHS * WIDTH + 2
    shared = draw.normal(size=(ratings, SHARED)) @ draw.normal(size=(SHARED, features))
    x = shared + 0.3 * draw.normal(size=(ratings, features))
    scores = np.clip(5.5 + 0.3 * x[:, 0] + draw.normal(size=ratings), 1, 10)
    return x, of_scores(scores, (1.0, 10.0), draw.integers(RATERS, size=ratings))
