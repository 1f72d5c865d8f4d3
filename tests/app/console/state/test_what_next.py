"""What more ratings should buy, and for whom it matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.console.panels.what_next_panel import what_next as panel
from app.console.state.what_next import what_next
from rater_data.records import RaterStats, User
from rater_data.scales import SCALES
from tests.app.console.helpers import HOSTILE
from tests.head_report import HEAD_REPORT

SCALE = SCALES["score_1_10"]
REPORT: dict[str, Any] = HEAD_REPORT | {
    "ratings": 40,
    "advice": [
        {"more": 16, "spearman": 0.03, "low": 0.01, "high": 0.06},
        {"more": 64, "spearman": 0.09, "low": 0.02, "high": 0.7},
    ],
    "favourite_ci": [-0.1, 1.21],
    "curve": [
        {"ratings": 10.2, "spearman": 0.2, "gain": 0.3},
        {"ratings": 20.0, "spearman": 0.31, "gain": 0.5},
        {"ratings": 35.0, "spearman": 0.4, "gain": 0.8},
    ],
}
ROWS = {
    "spearman": ("Spearman", "0.41 (0.20 … 0.58) <small>raters with each other: 0.62"),
    "pair_accuracy": (
        "Pairs put right",
        "64 % (55 … 72) <small>raters with each other: 70 %, the longer answer: 52 % (44 … 60)",
    ),
    "favourite_gain": (
        "Favourite&#x27;s gain",
        "+0.83 (−0.10 … +1.21) points <small>an answer drawn at random: 0",
    ),
    "calibration": ("Calibration", "0.90 (0.50 … 1.30) <small>as sure as it may be: 1; below, too sure"),
}


def rater(number: int, name: str, agreement: float | None = 0.5, excluded: bool = False) -> RaterStats:
    user = User(id=number, name=name, role="rater", active=True, excluded=excluded, created_at=0.0)
    return RaterStats(
        user=user, ratings=20, median_s=5.0, mean=5.0, sd=1.0, last_seen=0.0, agreement=agreement
    )


ANN, BEN = rater(1, "ann"), rater(2, "ben")


def test_what_more_ratings_buy_is_added_to_what_is_there_and_never_above_one() -> None:
    found = what_next(REPORT, [ANN], {}, 1, SCALE)
    assert (found.now, found.ratings) == (0.41, 40)
    assert [(m.more, round(m.expected, 2), round(m.low, 2), round(m.high, 2)) for m in found.more] == [
        (16, 0.44, 0.42, 0.47),
        (64, 0.5, 0.43, 1.0),
    ]
    shown = panel(found)
    assert "Now, 40 ratings" in shown and "0.44 <small>+0.03 (+0.01 … +0.06)</small>" in shown
    full = REPORT | {"advice": [{"more": 16, "spearman": 0.001, "low": 0.0, "high": 0.002}]}
    assert "0.41 <small>nothing more to be expected</small>" in panel(what_next(full, [ANN], {}, 1, SCALE))


@pytest.mark.parametrize(
    ("now", "ceiling", "says"),
    [
        (0.41, 0.62, "there is room for more ratings"),
        (0.55, 0.62, "clearer guidelines would buy more"),
        (0.1, 0.15, "Raters hardly agree"),
        (0.41, None, "not known yet: too few responses"),
    ],
)
def test_whether_raters_agree_enough_for_that_to_matter(now: float, ceiling: float | None, says: str) -> None:
    told = None if ceiling is None else {"spearman": ceiling, "n": 22}
    found = what_next(REPORT | {"spearman": now, "ceiling": told}, [], {}, 1, SCALE)
    assert [says in sentence for sentence in found.sentences] == [True]


def test_who_should_look_at_which_guidelines() -> None:
    cy = replace(rater(3, "cy", excluded=True))
    found = what_next(None, [ANN, BEN, cy], {1: 1, 2: 3, 3: 1}, 3, SCALE)
    assert [s for s in found.sentences if "guidelines" in s] == [
        "The latest ratings of ann went by version 1 of the guidelines: let them read version 3, which is in force."
    ]
    worst = what_next(None, [ANN, rater(2, HOSTILE, -0.1)], {}, 1, SCALE)
    assert "orders answers least as the others do (-0.10)" in worst.sentences[-1]
    assert "<img" not in panel(worst), "names are text"
    alone = what_next(None, [rater(2, "ben", -0.1)], {}, 1, SCALE)
    assert not [s for s in alone.sentences if "least" in s], "nobody to compare with"


@pytest.mark.parametrize(
    ("ratings", "advice", "says"),
    [(8, [], "Too little is rated"), (98, [], "cannot be told from the last look")],
)
def test_why_nothing_is_said_of_more_ratings(ratings: int, advice: list[Any], says: str) -> None:
    found = what_next(REPORT | {"ratings": ratings, "advice": advice}, [ANN], {}, 1, SCALE)
    assert found.now is None and found.sentences[0].find(says) >= 0


def test_all_that_is_known_of_the_head_stands_beside_what_it_is_compared_with() -> None:
    shown = panel(what_next(REPORT, [ANN], {}, 1, SCALE))
    assert (
        "(36 responses to 12 prompts), with 95 % intervals. Chance alone does as well with a probability of 0.004."
        in shown
    )
    for name, value in ROWS.values():
        assert f"<dt>{name} <small>" in shown and f"<dd>{value}</small>" in shown
    assert shown.count('<circle class="people"') == 3 and '<path class="ceiling"' in shown
    assert "<title>35 ratings: 0.40, favourite&#x27;s gain +0.80 points</title>" in shown
    assert "(−0.10 … +1.21) logits" in panel(what_next(REPORT, [ANN], {}, 1, SCALES["pair"]))
    assert "<details" not in panel(what_next(REPORT | {"curve": []}, [ANN], {}, 1, SCALE))


@pytest.mark.parametrize("key", REPORT)
def test_what_a_record_does_not_say_is_left_out(key: str) -> None:
    of = {"spearman_ci": "spearman", "pair_ci": "pair_accuracy", "favourite_ci": "favourite_gain"}
    without = {name: value for name, value in REPORT.items() if name != key}
    odd = {list: [[]], dict: [{}, {"spearman": HOSTILE}]}.get(type(REPORT[key]), [HOSTILE, float("nan")])
    for report in (without, *(without | {key: unknown} for unknown in (None, *odd))):
        shown = panel(what_next(report, [ANN], {}, 1, SCALE))
        left = {name for name, (title, _) in ROWS.items() if f"<dt>{title}" in shown}
        assert left == ROWS.keys() - {key, of.get(key, key.replace("_ci", ""))}
        assert "<img" not in shown and "nan" not in shown and "None" not in shown


def test_where_nothing_could_be_measured_the_trainer_says_why() -> None:
    nothing = {
        "spearman_ci": [-1, 1],
        "pair_ci": [0, 1],
        "favourite_ci": [0.0, 0.0],
        "calibration_ci": [0.0, 0.0],
    }
    shown = panel(what_next(REPORT | nothing | {"advice": [], "reason": HOSTILE}, [ANN], {}, 1, SCALE))
    assert "<dt>" not in shown and "<img" not in shown and "&lt;img" in shown
    assert "<h2>The reward head</h2>" not in panel(what_next({"ratings": 3}, [ANN], {}, 1, SCALE))


def test_nothing_is_said_before_anybody_rated() -> None:
    assert panel(what_next(None, [], {}, 1, SCALE)) == ""
