"""Numbers from the store as the small tables that the console's plots draw."""

from __future__ import annotations

from typing import Any

import pandas as pd

from rater_data.lifecycle import RoundProgress
from rater_data.scales import Scale


def metric_frame(steps: list[dict[str, Any]], metric: str) -> pd.DataFrame:
    """One row per PPO step that has this metric: columns step, value."""
    rows = [(float(s["step"]), float(s[metric])) for s in steps if isinstance(s.get(metric), int | float)]
    return pd.DataFrame(rows, columns=["step", "value"])


def score_histogram(progress: RoundProgress | None, scale: Scale) -> pd.DataFrame:
    """One row per point of the scale, empty ones too: columns score (text: bars), ratings."""
    scores = progress.scores if progress else {}
    counts = {float(point): count for point, count in scores.items()}
    return pd.DataFrame(
        {
            "score": [scale.mark(p) for p in scale.points],
            "ratings": [counts.get(float(p), 0) for p in scale.points],
        }
    )


def step_limits(steps: list[dict[str, Any]]) -> list[float]:
    """From 0 to at least 10, so that the axis counts whole steps and shows the room that is left."""
    return [0, max(10, *(float(s["step"]) for s in steps))] if steps else [0, 10]


def value_limits(frame: pd.DataFrame) -> list[float] | None:
    """From the lowest to the highest value, or from zero where none is below, with room above the line."""
    if frame.empty:
        return None
    low, high = min(0.0, float(frame["value"].min())), float(frame["value"].max())
    margin = 0.08 * ((high - low) or 1.0)
    return [low - (margin if low < 0 else 0), high + margin]
