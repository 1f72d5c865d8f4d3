"""The head of the console and the title of its tab."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.console.panels import page_header
from rater_data.lifecycle import Job
from rater_data.overview.next_step import decide_next_step
from rater_data.overview.round_overview import RoundOverview
from rater_data.overview.trainer_status import WorkerStatus
from tests.app.console.helpers import DOWN, UP, job, progress


def overview(
    state: str | None, ratings: int, running: Job | None, worker: WorkerStatus, error: str | None
) -> RoundOverview:
    seen = progress(state, ratings) if state else None
    return RoundOverview(
        progress=seen,
        job=running,
        last_error=error,
        worker=worker,
        trainers=(),
        next_step=decide_next_step(seen, running, error),
    )


def test_what_a_dead_trainer_said_last_is_shown() -> None:
    assert "ImportError: no torch" in page_header.heading(overview(None, 0, None, DOWN, None))


def test_the_verdict_is_a_line_of_its_own_and_only_where_there_is_one() -> None:
    seen = overview("rating", 3, None, UP, None)
    assert "ops-line" not in page_header.heading(seen)
    assert '<p class="ops-line">Version 2 &lt;helped&gt;.</p>' in page_header.heading(
        seen, "Version 2 <helped>."
    )


@pytest.mark.parametrize(
    ("state", "ratings", "running", "worker", "error", "title"),
    [
        (None, 0, None, UP, None, "Writing responses · Rateloop"),
        ("rating", 12, None, UP, None, "12/64 rated · Round 3 · Rateloop"),
        ("rating", 67, None, UP, None, "✓ 64/64 rated · Round 3 · Rateloop"),
        ("training", 64, job("train"), UP, None, "Training · Round 3 · Rateloop"),
        ("failed", 64, None, UP, "no disk", "Training stopped · Round 3 · Rateloop"),
        ("generating", 0, None, UP, "no disk", "Writing stopped · Round 3 · Rateloop"),
        ("rating", 12, None, DOWN, None, "Trainer stopped · Round 3 · Rateloop"),
        ("published", 64, job("generate"), UP, None, "Published · Round 3 · Rateloop"),
    ],
)
def test_the_tabs_title_says_the_news_first(
    state: str | None,
    ratings: int,
    running: Job | None,
    worker: WorkerStatus,
    error: str | None,
    title: str,
) -> None:
    seen = overview(state, ratings, running, worker, error)
    assert f'data-title="{title}"' in page_header.heading(seen)
    share = replace(job("train"), progress={"done": 3, "total": 6})
    training = replace(seen, job=share, worker=UP, progress=progress("training", 64))
    assert 'data-title="Training 50 % · Round 3' in page_header.heading(training)
