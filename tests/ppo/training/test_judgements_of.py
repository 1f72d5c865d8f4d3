"""ppo/training/store_tensors.py: what ratings of every scale say, as judgements."""

import numpy as np
import pytest

from ppo.reward.judgements import COMPARISON, SCORE, THUMB, WORSE_THAN_USUAL
from ppo.training.store_tensors import judgements_of
from tests.rater_data.store_world import rating


def lines(found):
    return [
        tuple(map(float, line))
        for line in zip(found.kind, found.row, found.other, found.rater, found.said, strict=True)
    ]


def test_scores_stay_as_they_were_given_and_broken_is_the_lowest():
    found = judgements_of(
        [rating(11, 7, 4.0), rating(12, 5, 9.0), rating(11, 5, None, verdict="broken")], [11, 12]
    )
    assert lines(found) == [(SCORE, 0, -1, 1, 4), (SCORE, 1, -1, 0, 9), (SCORE, 0, -1, 0, 1)]
    assert (found.rater_ids, found.responses, found.low, found.high) == ((5, 7), 2, 1, 10)


def test_thumbs_are_up_or_down():
    given = [rating(11, 5, 1.0, scale="thumbs"), rating(12, 5, 0.0, scale="thumbs")]
    assert lines(judgements_of(given, [11, 12])) == [(THUMB, 0, -1, 0, 1), (THUMB, 1, -1, 0, -1)]


@pytest.mark.parametrize(("score", "said"), [(-1.0, 1), (0.0, 0), (1.0, -1)])
def test_of_a_comparison_below_0_the_first_won(score, said):
    found = judgements_of([rating(12, 5, score, scale="pair", other_id=11)], [11, 12])
    assert lines(found) == [(COMPARISON, 1, 0, 0, said)]


def test_both_bad_is_a_tie_of_two_that_lost_against_a_usual_one():
    found = judgements_of([rating(11, 5, None, verdict="both_bad", scale="pair", other_id=12)], [11, 12])
    assert lines(found) == [
        (COMPARISON, 0, 1, 0, 0),
        (WORSE_THAN_USUAL, 0, -1, 0, -1),
        (WORSE_THAN_USUAL, 1, -1, 0, -1),
    ]


def test_scores_of_another_scale_are_put_on_the_first_ones():
    found = judgements_of([rating(11, 5, 4.0), rating(12, 5, 3.0, scale="score_1_5")], [11, 12])
    assert found.said.tolist() == [4.0, 5.5]


def test_what_was_said_of_responses_that_are_not_there_is_left_out():
    given = [rating(99, 6, 4.0), rating(11, 5, 1.0, scale="pair", other_id=99), rating(11, 5, 4.0)]
    found = judgements_of(given, [11])
    assert (len(found), found.rater_ids) == (1, (5,))
    assert len(judgements_of([], [])) == 0 and np.ndim(found.said) == 1
