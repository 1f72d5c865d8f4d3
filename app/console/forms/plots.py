"""The plots of the console."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.console.forms.live_page import LivePage, Properties
from app.console.panels.training_panels import CURVES
from app.console.state import plot_data
from app.console.state.console_state import ConsoleState
from rater_data.scales import Scale


def add_curves(page: LivePage) -> None:
    """A curve over the PPO steps for each metric; hidden while there is none."""
    for metric, title in CURVES.items():

        def content(state: ConsoleState, metric: str = metric) -> Properties:
            frame = plot_data.metric_frame(state.steps, metric)
            limits = {"x_lim": plot_data.step_limits(state.steps), "y_lim": plot_data.value_limits(frame)}
            return {"value": frame, "visible": not frame.empty} | limits

        plot = _plot(gr.LinePlot, title, "step", "value", "PPO step", visible=False)
        page.add(metric, plot, content, is_plot=True)


def add_score_histogram(page: LivePage, scale: Scale) -> None:
    def content(state: ConsoleState) -> Properties:
        frame = plot_data.score_histogram(state.overview.progress, state.scale)
        return {"value": frame, "y_lim": [0, max(4, int(frame["ratings"].max()))]}

    marks = [scale.mark(point) for point in scale.points]
    plot = _plot(gr.BarPlot, "Scores this round", "score", "ratings", "Score", sort=marks)
    page.add("scores", plot, content, is_plot=True)


def _plot(kind: type, title: str, x: str, y: str, x_title: str, **kwargs: Any) -> Any:
    return kind(x=x, y=y, title=title, x_title=x_title, y_title=" ", height=230, min_width=340, **kwargs)
