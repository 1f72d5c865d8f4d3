"""How raters use the scale: what is found, how sure it is, and who is named."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rater_data.statistics.rater_findings import rater_findings
from rater_data.statistics.rater_habits import RaterHabits, rater_habits
from rater_data.statistics.score_frame import score_frame
from tests.rater_data.statistics.rated_world import rated, simulated

TOLD_APART = 12  # shared responses


def turned(rows, rater):
    """The same ratings, of which one rater's are the other way round."""
    return [
        replace(r, rating=replace(r.rating, score=11 - r.rating.score)) if r.rating.rater_id == rater else r
        for r in rows
    ]


def of(rows, rater, expected=None):
    return next(h for h in rater_habits(score_frame(rows), expected) if h.rater_id == rater)


def test_what_was_put_in_lies_within_the_intervals():
    """Offset −1, 0, 1, which is −1.5, 0, 1.5 from the mean of the others; noise 1; a direction of 1.5 / √(1.5² + 1 +
    1/12) = 0.82: nine of ten intervals hold it."""
    held = []
    for seed in range(8):
        everybody = rater_habits(score_frame(simulated(seed, shared=30, alone=30)))
        for found, offset in zip(everybody, (-1.0, 0.0, 1.0), strict=True):
            held += [
                found.direction.low < 0.82 < found.direction.high,
                found.noise.low < 1.04 < found.noise.high,
            ]
            held += [
                found.offset.low < 1.5 * offset < found.offset.high,
                found.slope.low < 0.82 / 0.75 < found.slope.high,
            ]
    assert np.mean(held) > 0.9


def test_an_offset_is_against_the_others_and_not_against_everybody():
    """Of two who share ten responses and differ by 2 on average: nine of ten intervals hold the difference, and so few
    of those around half of it, which is how far each is from the mean of both."""
    held, halves = [], []
    for seed in range(20):
        bias = (np.random.default_rng(seed).normal(2, 0.5), 0.0)
        strict = rater_habits(score_frame(simulated(seed, bias=bias, shared=10, alone=0)))[1].offset
        held.append(strict.low < -bias[0] < strict.high)
        halves.append(strict.low / 2 < -bias[0] < strict.high / 2)
    assert np.mean(held) >= 0.9 and np.mean(halves) < 0.7


def test_one_rating_each_makes_nobody_certain():
    """With no two ratings of one person, nothing is known of how far their scores spread."""
    for scores in ((2, 9, 5), (5, 5, 5)):
        offsets = [
            h.offset for h in rater_habits(score_frame([rated(1, r + 1, s) for r, s in enumerate(scores)]))
        ]
        assert all(o.high - o.low > 1 for o in offsets)
        assert all(o.low < 0 < o.high for o in offsets)


def test_few_ratings_leave_the_prior_nearly_as_it_is():
    rows = [*simulated(3), *(rated(i, 9, 1 + 9 * (i % 2)) for i in range(901, 906))]
    alone, five = of([rated(1, 1, 5)], 1).direction, of(rows, 9).direction
    assert five.mean == pytest.approx(alone.mean, abs=0.1)
    assert (five.low, five.high) == pytest.approx((alone.low, alone.high), abs=0.1)
    assert rater_findings(rater_habits(score_frame(rows))) == []


def test_who_answers_the_other_way_round_is_named_with_the_evidence():
    found = rater_habits(score_frame(turned(simulated(5, shared=TOLD_APART), 2)))
    (one,) = rater_findings(found)
    assert (one.rater_id, one.kind) == (2, "reversed")
    assert one.says.startswith("seems to use the scale the other way round: −0.")
    assert f"with others on {TOLD_APART} shared responses" in one.says
    assert found[1].direction.high < 0 < found[0].direction.low


def test_a_head_that_the_others_taught_is_believed_as_well():
    """Nothing is shared; the head's opinion alone tells the reversed rater from the others."""
    rows = turned(simulated(7, shared=0, alone=120), 3)
    truth = {r.rating.response_id: r.rating.score for r in simulated(7, shared=0, alone=120, noise=2.0)}
    expected = {(r.rating.rater_id, r.rating.response_id): truth[r.rating.response_id] for r in rows}
    assert rater_findings(rater_habits(score_frame(rows))) == []
    (one,) = rater_findings(rater_habits(score_frame(rows), expected))
    assert (one.rater_id, one.kind) == (3, "reversed")
    assert "with a reward head that others taught on 40" in one.says


def test_who_rates_whatever_the_text_says_is_named():
    draw = np.random.default_rng(0)
    rows = [
        replace(r, rating=replace(r.rating, score=float(draw.integers(1, 11))))
        if r.rating.rater_id == 1
        else r
        for r in simulated(2, shared=40)
    ]
    (one,) = rater_findings(rater_habits(score_frame(rows)))
    assert (one.rater_id, one.kind) == (1, "at random")


def test_who_always_says_the_same_is_named_without_anything_shared():
    rows = [*simulated(4, shared=0, alone=60), *(rated(i, 9, 7) for i in range(901, 913))]
    (one,) = rater_findings(rater_habits(score_frame(rows)))
    assert (one.rater_id, one.says) == (
        9, "gave the same answer in 12 of 12 ratings, and the others do not",
    )  # fmt: skip


def test_where_most_answers_are_the_same_nobody_is_named_for_it():
    rows = [rated(i, i % 3 + 1, 1 if i % 14 else 10) for i in range(1, 91)]
    assert rater_findings(rater_habits(score_frame(rows))) == []


def test_of_two_who_contradict_each_other_neither_is_called_wrong():
    (one,) = rater_findings(rater_habits(score_frame(turned(simulated(1, bias=(0.0, 0.0), shared=20), 2))))
    assert (one.rater_id, one.kind, one.others) == (1, "opposed", (2,))


@pytest.mark.parametrize("others", [[], [(2, 3)], [(2, 3), (2, 9), (3, 1)]])
def test_nobody_is_named_for_equal_scores_with_nobody_to_compare_with(others):
    """One rater alone is a usual home; and of one to three ratings nothing is known of who gave them."""
    rows = [rated(i, 1, 7) for i in range(1, 13)]
    rows += [rated(i, rater, score) for i, (rater, score) in enumerate(others, 101)]
    assert rater_findings(rater_habits(score_frame(rows))) == []


def test_a_few_different_scores_of_another_make_equal_ones_strange_in_the_end():
    """Four of another, all different, leave a chance of 0.004 for ten equal ones, and of 0.012 for seven."""
    rows = [
        *(rated(i, 2, score) for i, score in enumerate((2, 4, 5, 9), 101)),
        *(rated(i, 1, 7) for i in range(1, 11)),
    ]
    one = of(rows, 1)
    assert one.usual_chance == pytest.approx(20 * 6 / (12 * 13 * 14 * 15)), "20 · B(12, 4)"
    assert [f.kind for f in rater_findings(rater_habits(score_frame(rows)))] == ["the same"]
    assert rater_findings(rater_habits(score_frame(rows[:-3]))) == []


def test_who_saw_a_text_twice_shares_it_with_nobody():
    """Anchors come again, and are one response for the trainer."""
    rows = [rated(1 + i % 3, 1, 3 + i % 4) for i in range(12)]
    assert of(rows, 1).shared == 0
    assert [of([*rows, rated(1, 2, 5)], rater).shared for rater in (1, 2)] == [4, 1]


def at_random(rows, rater):
    draw = np.random.default_rng(500)
    return [
        replace(r, rating=replace(r.rating, score=float(draw.integers(1, 11))))
        if r.rating.rater_id == rater
        else r
        for r in rows
    ]


def test_of_two_who_do_not_agree_neither_is_called_random():
    """What one says tells nothing of the other either way, so the wrong one was named as often as the right one."""
    found = [
        finding
        for seed in range(12)
        for finding in rater_findings(
            rater_habits(score_frame(at_random(simulated(seed, bias=(0.0, 0.0), shared=40), 1)))
        )
    ]
    assert "unlike" in {f.kind for f in found}
    assert {(f.rater_id, f.others) for f in found} == {(1, (2,))}


def test_one_against_many_who_say_a_little_each_is_named():
    """And is not said to be opposed to nobody: each of the others shares too little to be judged."""
    draw, rows = np.random.default_rng(2), []
    for i in range(1, 17):
        quality = draw.normal(5.5, 2)
        rows += [
            rated(i, 1, np.clip(round(11 - quality), 1, 10)),
            rated(i, 2 + i % 8, np.clip(round(quality), 1, 10)),
        ]
    (one,) = rater_findings(rater_habits(score_frame(rows)))
    assert (one.rater_id, one.kind, one.others) == (1, "reversed", ())


def test_comparisons_have_a_direction_too():
    draw = np.random.default_rng(0)
    rows = []
    for pair in range(40):
        better = draw.choice([-1.0, 1.0])
        for rater in (1, 2, 3):
            first, other = (2 * pair, 2 * pair + 1)[:: 1 if draw.random() < 0.5 else -1]
            said = better * (1 if first < other else -1) * (-1 if rater == 3 else 1)
            rows.append((first, rater, pair, 1, "train", said, float(other), True))
    columns = ["response_id", "rater_id", "prompt_id", "round", "stratum", "score", "other_id", "paired"]
    found = rater_habits(pd.DataFrame(rows, columns=columns))
    assert [f.rater_id for f in rater_findings(found)] == [3]
    assert found[0].offset.low == found[0].offset.high == 0


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 10)), max_size=15))
def test_any_ratings_give_finite_habits(given_ratings):
    rows = [rated(i, j, s) for (i, j), s in {(i, j): s for i, j, s in given_ratings}.items()]
    for habits in rater_habits(score_frame(rows)):
        kept = RaterHabits.from_json(json.loads(json.dumps(asdict(habits), allow_nan=False)))
        assert kept == habits
        for interval in (habits.offset, habits.slope, habits.noise, habits.direction):
            assert interval.low <= interval.mean <= interval.high
