"""When the next card is there, in every state: by this home's last rounds, and nothing where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.rating.waiting import FIRST_TRAINING, explain_wait, next_card
from rater_data.overview.round_times import RoundTimes, read_round_times
from rater_data.overview.wording import format_range
from rater_data.round_settings import FIRST_RESPONSES
from tests import fake_worker
from tests.app.console.helpers import job, progress
from tests.rater_data.store_world import file_store

NOW = 1000.0
LAST = RoundTimes(
    [
        {"reading": 60.0, "PPO": 240.0, "publishing": 20.0},
        {"reading": 60.0, "PPO": 360.0, "publishing": 40.0},
    ],
    [20.0, 40.0],
)
NEVER, UNFINISHED = RoundTimes(), RoundTimes(LAST.trainings, ())
IN_ALL = "Usually 5 to 9 minutes in all."


def told(kind: str, asked_at: float = NOW, **made: Any) -> Any:
    return replace(job(kind), progress=made, created_at=asked_at)


@pytest.mark.parametrize(
    ("times", "state", "of", "usually", "left"),
    [
        # nothing is known: the first training says so, everything else is silent
        (NEVER, "none", told("generate"), None, None),
        (NEVER, "generating", told("generate"), None, None),
        (NEVER, "rating", None, None, None),
        (NEVER, "sealed", told("train"), FIRST_TRAINING, None),
        (NEVER, "training", told("train", phase="PPO", done=1, total=4), FIRST_TRAINING, None),
        (NEVER, "published", told("generate"), None, None),
        # trained by a release that kept no time of writing: silent, and not called the first
        (UNFINISHED, "training", told("train", phase="PPO", done=1, total=4), None, None),
        # people have it in their hands
        (LAST, "rating", None, "Training and the first new responses usually take 5 to 9 minutes.", None),
        # waiting for the trainer, and before its first report: a whole training, the median, and the first responses
        (LAST, "sealed", told("train"), IN_ALL, (320 + 460) / 2 + 30),
        (LAST, "training", None, IN_ALL, (320 + 460) / 2 + 30),
        # half of a phase that has no pace of its own yet; then by its own pace, of which time has gone by
        (LAST, "training", told("train", phase="PPO", done=2, total=4, eta_s=None), IN_ALL, (140 + 220) / 2 + 30),
        (LAST, "training", told("train", phase="PPO", done=2, total=4, eta_s=100, moved_at=NOW - 20), IN_ALL,
         80 + (20 + 40) / 2 + 30),
        (LAST, "training", told("train", phase="PPO", done=2, total=4, eta_s=10, moved_at=NOW - 20), IN_ALL, 60.0),
        (LAST, "training", told("train", phase="publishing", done=0, total=1), IN_ALL, (20 + 40) / 2 + 30),
        # a phase that no training before had
        (LAST, "training", told("train", phase="Evaluating the base model", done=0, total=2), IN_ALL, None),
        # after it: from when the responses were asked for
        (LAST, "published", told("generate", NOW - 10), "The first ones usually take 20 to 40 seconds.", 20.0),
        (LAST, "refused", told("generate", NOW - 100), "The first ones usually take 20 to 40 seconds.", 0.0),
        (LAST, "rolled_back", told("generate"), "The first ones usually take 20 to 40 seconds.", 30.0),
        (LAST, "generating", told("generate", phase="Generating responses", done=0, total=64),
         "The first ones usually take 20 to 40 seconds.", 30.0),
        # some are there and with others; nobody has asked for any
        (LAST, "generating", told("generate", phase="Generating responses", done=4, total=64), None, None),
        (LAST, "rolled_back", None, None, None),
    ],
)  # fmt: skip
def test_every_state(times: RoundTimes, state: str, of: Any, usually: str | None, left: float | None) -> None:
    found = next_card(times, None if state == "none" else progress(state), of, NOW)
    wanted = None if left is None else pytest.approx(left)
    assert found == (usually and {"usually": usually, "left_s": wanted})


def test_of_one_round_the_range_is_wide() -> None:
    one = RoundTimes(LAST.trainings[:1], [20.0])
    assert one.usual == (340 / 1.25, 340 * 1.25)
    assert LAST.usual == (340 / 1.1, 500 * 1.1)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (20, 40, "20 to 40 seconds"),
        (0.2, 0.4, "about 1 second"),
        (50, 100, "1 to 2 minutes"),
        (355, 365, "about 6 minutes"),
        (360, 540, "6 to 9 minutes"),
        (3000, 9000, "1 to 2 hours"),
    ],
)
def test_ranges_in_words(low: float, high: float, words: str) -> None:
    assert format_range(low, high) == words


def test_what_the_last_rounds_took_is_read_from_the_home(tmp_path: Path) -> None:
    store = file_store(tmp_path)
    fake_worker.generate(store, {})
    assert read_round_times(store) == RoundTimes([], [])
    store.set_setting(FIRST_RESPONSES, [3.0])
    store.add_version(fake_worker.version(1, 0, "candidate"))
    assert read_round_times(store) == RoundTimes([{"PPO on rollouts": 1.0}], [3.0])
    assert explain_wait(store, False)["next_card"]["usually"].startswith(
        "Training and the first new responses"
    )
    # nobody can say when somebody has to mend it first
    assert explain_wait(store, True)["next_card"] is None
    store.set_round_state(1, "rolled_back")
    store.enqueue("generate", {})
    assert explain_wait(store, False)["next_card"]["left_s"] == pytest.approx(3.0, abs=1)
    store.fail(store.claim("fake").id, "fake", "The model does not fit.")
    assert explain_wait(store, False)["next_card"] is None
    store.close()
