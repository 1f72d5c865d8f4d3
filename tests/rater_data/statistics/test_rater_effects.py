"""The habits of simulated raters are found; scores without them are finite and keep their mean."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rater_data.statistics import agreement
from rater_data.statistics.rater_effects import corrected_scores, rater_offsets, two_way_effects
from rater_data.statistics.score_frame import score_frame, shared_rows
from tests.rater_data.statistics.rated_world import rated, simulated


def test_nothing_to_say_is_empty_and_one_rater_has_no_habit():
    assert rater_offsets(score_frame([])) == corrected_scores([]) == {}
    assert rater_offsets(score_frame([rated(1, 7, 5), rated(2, 7, 9)])) == {7: 0.0}


def test_offsets_are_found_and_beat_the_raw_mean():
    errors = {"offsets": [], "raw": [], "none": [], "flipped": []}
    for seed in range(25):
        rows = simulated(seed)
        offsets = rater_offsets(score_frame(rows))
        means = {j: np.mean([r.rating.score for r in rows if r.rating.rater_id == j]) for j in (1, 2, 3)}
        total = np.mean([r.rating.score for r in rows])
        for j, true in ((1, -1.0), (2, 0.0), (3, 1.0)):
            errors["offsets"].append(offsets[j] - true)
            errors["raw"].append(means[j] - total - true)
            errors["none"].append(-true)
            errors["flipped"].append(-offsets[j] - true)
    size = {name: np.sqrt(np.mean(np.square(values))) for name, values in errors.items()}
    # noise 1 on 24 shared responses a rater: about 1 / sqrt(24) = 0.2 points
    assert size["offsets"] < 0.3
    assert size["offsets"] < size["raw"] < size["none"]
    # the wrong sign would not pass
    assert size["flipped"] > 1


def test_without_a_habit_offsets_are_shrunk_to_almost_nothing():
    found = [
        o for seed in range(20) for o in rater_offsets(score_frame(simulated(seed, bias=(0, 0, 0)))).values()
    ]
    assert np.sqrt(np.mean(np.square(found))) < 0.15


def test_a_newcomer_with_two_ratings_is_not_believed():
    rows = [*simulated(1, bias=(0.0, 0.0, 0.0)), rated(900, 9, 10), rated(901, 9, 10)]
    assert abs(rater_offsets(score_frame(rows))[9]) < 1 < np.mean([10, 10]) - 5.5


def noise_variance(rows):
    shared = shared_rows(score_frame(rows))
    return two_way_effects(shared, sorted(shared["rater_id"].unique()))[1]


def test_offsets_of_a_clean_table():
    """Shared responses without noise: the two-way means, and the noise is 0."""
    rows = [
        rated(i, j, base + bias)
        for i, base in enumerate((3, 5, 7, 4, 6, 8), 1)
        for j, bias in ((1, -1), (2, 1))
    ]
    assert rater_offsets(score_frame(rows)) == pytest.approx({1: -1.0, 2: 1.0}, abs=1e-4)
    assert noise_variance(rows) == pytest.approx(0, abs=1e-18)
    assert list(corrected_scores(rows).values()) == pytest.approx([3, 5, 7, 4, 6, 8], abs=1e-4)


def test_noise_is_what_was_put_in():
    found = [noise_variance(simulated(seed, shared=200, alone=0, noise=1.5)) ** 0.5 for seed in range(5)]
    # rounding adds 1/12 to the variance, clipping takes some away
    assert np.mean(found) == pytest.approx(np.sqrt(1.5**2 + 1 / 12), rel=0.05)


def test_verdicts_count_as_what_they_mean_in_training():
    rows = [rated(1, 1, 0, verdict="broken"), rated(2, 1, 0, verdict="unsafe"), rated(3, 1, 0, verdict="skip"),
            rated(4, 1, 0, verdict="cannot_judge"), rated(5, 1, 8)]  # fmt: skip
    assert corrected_scores(rows) == {1: 1.0, 2: 1.0, 5: 8.0}


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 10)), max_size=18))
def test_any_ratings_give_finite_scores_whose_mean_stays(given_ratings):
    rows = [rated(i, j, s) for (i, j), s in {(i, j): s for i, j, s in given_ratings}.items()]
    offsets, scores = rater_offsets(score_frame(rows)), corrected_scores(rows)
    assert all(np.isfinite(list(offsets.values())))
    assert set(scores) == {r.rating.response_id for r in rows}
    # weighted by ratings, offsets cancel out
    assert sum(offsets[r.rating.rater_id] for r in rows) == pytest.approx(0, abs=1e-8)
    for found in (agreement.krippendorff_alpha(rows), agreement.human_ceiling(rows)):
        assert found is None or found == found
