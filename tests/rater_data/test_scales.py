"""Scales and verdicts: what may be answered, and what it means in training."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rater_data import guidelines
from rater_data.errors import BadInput
from rater_data.scales import COUNTING, SCALES, SET_ASIDE, VERDICTS, Scale, offered_verdicts

SCALE = SCALES["score_1_10"]


@pytest.mark.parametrize("score", range(1, 11))
def test_every_point_is_taken(score):
    assert SCALE.check(score) == float(score)


@pytest.mark.parametrize(
    "score", [0, 11, -1, 1e300, math.nan, math.inf, -math.inf, True, "7", None, [7], 7.5, 9.999]
)
def test_what_is_not_on_the_scale_is_refused(score):
    with pytest.raises(BadInput):
        SCALE.check(score)


def test_the_refusal_names_what_came_and_what_was_wanted():
    with pytest.raises(BadInput, match="The score 11 is outside 1–10"):
        SCALE.check(11)


@given(st.floats())
def test_a_float_is_taken_exactly_when_it_is_a_whole_number_from_1_to_10(score):
    if score in range(1, 11):
        assert SCALE.check(score) == score
    else:
        with pytest.raises(BadInput):
            SCALE.check(score)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_point_has_its_own_key_and_words(scale):
    points = (scale.high - scale.low) // scale.step + 1
    assert len(set(scale.keys)) == len(set(scale.anchors)) == points
    assert all(scale.anchors)
    assert [(scale.key(p), scale.words(p)) for p in scale.points] == [
        *zip(scale.keys, scale.anchors, strict=True)
    ]
    assert [words for _, words in scale.anchored_points] == [*scale.anchors]
    assert SCALE.keys == ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0")


def test_a_scale_of_many_points_has_words_and_keys_for_some():
    wide = Scale(
        name="score_0_100",
        low=0,
        high=100,
        step=1,
        anchors=("Bad", "Fair", "Good"),
        keys=("1", "2", "3", "4", "5"),
    )
    assert wide.anchored_points == ((0, "Bad"), (50, "Fair"), (100, "Good"))
    assert [wide.words(score) for score in (0, 24, 26, 74, 76, 100)] == [
        "Bad",
        "Bad",
        "Fair",
        "Fair",
        "Good",
        "Good",
    ]
    assert [wide.key(score) for score in (0, 1, 25, 50, 99, 100)] == ["1", "", "2", "3", "", "5"]
    assert wide.mark(37) == "37"
    with pytest.raises(AssertionError, match="evenly"):
        Scale(name="odd", low=0, high=9, step=1, anchors=("a", "b", "c"), keys=("1", "2"))


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_scale_takes_its_ends_and_nothing_between_or_beyond(scale):
    assert (scale.check(scale.low), scale.check(scale.high)) == (scale.low, scale.high)
    for off in (scale.low - 1, scale.high + 1, scale.low + 0.5):
        with pytest.raises(BadInput):
            scale.check(off)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_keys_of_verdicts_meet_neither_each_other_nor_the_scale(scale):
    keys = [v.key for v in offered_verdicts(scale)]
    assert ("both_bad" in {v.name for v in offered_verdicts(scale)}) == scale.paired
    assert "removed" not in {v.name for v in offered_verdicts(scale)}
    assert len({*keys, *scale.keys}) == len(keys) + len(scale.keys)
    assert all(v.label and v.meaning.endswith(".") for v in VERDICTS.values())


def test_what_verdicts_mean_in_training():
    means = {
        name: verdict.as_score(7.0 if name == "rated" else None, SCALE) for name, verdict in VERDICTS.items()
    }
    assert means == {
        "rated": 7.0, "skip": None, "cannot_judge": None, "broken": 1.0, "unsafe": 1.0,
        "both_bad": 0.0, "removed": None,
    }  # fmt: skip
    assert set(COUNTING) == {"rated", "broken", "unsafe", "both_bad"}
    assert set(SET_ASIDE) == {"skip", "cannot_judge"}


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_the_first_guideline_speaks_of_the_scale_that_is_rated_on(scale):
    text = guidelines.bundled_guideline(scale)
    assert not set("{}") & set(text)
    for mark, words in zip(map(scale.mark, scale.points), scale.anchors, strict=True):
        assert f"| {mark} | {words} |" in text
    assert {one.label for one in VERDICTS.values() if f"**{one.label}**" in text} == {
        one.label for one in offered_verdicts(scale)
    }
    assert ("two answers" in text) is scale.paired
    assert ("a number from" in text) is (scale.name not in ("thumbs", "pair"))


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_the_first_guideline_of_continued_texts_speaks_of_texts(scale):
    text = guidelines.bundled_guideline(scale, continuation=True)
    assert not set("{}") & set(text) and "how well the text goes on" in text
    assert "an answer" not in text.lower() and "one answer" not in text
    for mark, words in zip(map(scale.mark, scale.points), scale.anchors, strict=True):
        assert f"| {mark} | {words} |" in text
    assert ("two texts that begin alike" in text) is scale.paired
