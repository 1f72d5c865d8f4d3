"""The tables behind the plots."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.console.state import plot_data
from rater_data.scales import SCALES
from tests.app.console.helpers import progress


def test_histogram_has_every_point() -> None:
    frame = plot_data.score_histogram(
        replace(progress("rating"), scores={"7": 2, "10.0": 1}), SCALES["score_1_10"]
    )
    assert list(frame["score"]) == [str(i) for i in range(1, 11)]
    assert list(frame["ratings"]) == [0, 0, 0, 0, 0, 0, 2, 0, 0, 1]


def test_curves_leave_gaps_out() -> None:
    steps = [{"step": 1, "kl": 0.5}, {"step": 2}, {"step": 3, "kl": 1}]
    frame = plot_data.metric_frame(steps, "kl")
    assert frame.values.tolist() == [[1.0, 0.5], [3.0, 1.0]]
    assert plot_data.step_limits(steps) == [0, 10]
    assert plot_data.value_limits(frame) == [0, 1.08]
    assert plot_data.value_limits(frame - 2) == pytest.approx([-1.54, -0.96])
    assert plot_data.value_limits(frame[:0]) is None
