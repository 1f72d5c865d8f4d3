"""Strengths from comparisons, against closed forms and what must not matter."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from rater_data.records import Prompt, RatedResponse
from rater_data.statistics import agreement
from rater_data.statistics.bradley_terry import strengths
from rater_data.statistics.rater_effects import corrected_scores
from tests.rater_data.store_world import rating, response


def compared(first, second, score, rater=1, verdict="rated"):
    return rating(first, rater, score, verdict=verdict, scale="pair", other_id=second)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_one_comparison_has_a_closed_form():
    # the gradient of log σ(2x) − x² is 2·σ(−2x) − 2x
    x = brentq(lambda x: sigmoid(-2 * x) - x, 0, 1)
    found = strengths([compared(1, 2, -1.0)])
    assert found[1] == pytest.approx(math.tanh(x / 2), abs=1e-5)  # the solver stops at a small gradient
    assert found[2] == pytest.approx(-found[1], abs=1e-6)


def test_ties_and_both_bad():
    assert strengths([compared(1, 2, 0.0)]) == pytest.approx({1: 0.0, 2: 0.0}, abs=1e-6)
    # each lost against 0: the gradient of log σ(−x) − x²/2 is −σ(x) − x
    x = brentq(lambda x: -sigmoid(x) - x, -2, 0)
    found = strengths([compared(1, 2, None, verdict="both_bad")])
    assert found == pytest.approx({1: math.tanh(x / 2), 2: math.tanh(x / 2)}, abs=1e-5)


def test_what_is_no_comparison_counts_for_nothing():
    assert strengths([]) == {}
    skipped = compared(3, 4, None, verdict="skip")
    assert strengths([skipped, rating(5, 1, 7.0)]) == {}
    assert strengths([skipped, compared(1, 2, 1.0)]).keys() == {1, 2}


@settings(max_examples=40)  # each fits twice
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from([-1.0, 0.0, 1.0])).filter(
            lambda c: c[0] != c[1]
        ),
        min_size=1,
        max_size=12,
    )
)
def test_which_is_called_first_does_not_matter(said):
    plain = strengths(compared(a, b, score) for a, b, score in said)
    turned = strengths(compared(b, a, -score) for a, b, score in reversed(said))
    assert plain == pytest.approx(turned, abs=1e-4)  # two runs of an iterative solver
    assert sum(math.atanh(s) for s in plain.values()) == pytest.approx(0, abs=1e-3)


def test_a_chain_of_wins_is_put_in_order():
    found = strengths([compared(1, 2, -1.0), compared(2, 3, -1.0), compared(3, 4, -1.0)])
    assert found[1] > found[2] > found[3] > found[4]
    more = strengths([compared(1, 2, -1.0)] * 5)
    assert more[1] > strengths([compared(1, 2, -1.0)])[1]


def rated(response_id, other_id, score, stratum, prompt_id):
    return RatedResponse(
        rating=compared(response_id, other_id, score),
        response=response(prompt_id, response_id, id=response_id, stratum=stratum),
        prompt=Prompt.of("What?"),
    )


def test_new_against_old_and_agreement():
    better = [
        one
        for p in range(1, 6)
        for one in (
            rated(10 * p, 10 * p + 1, -1.0, "train", p),
            rated(10 * p + 1, 10 * p, 1.0, "control", p),
        )
    ]
    strength = corrected_scores(better)
    assert all(strength[10 * p] > 0.2 > -0.2 > strength[10 * p + 1] for p in range(1, 6))
    turned = [
        RatedResponse(
            rating=compared(r.rating.response_id, r.rating.other_id, -r.rating.score),
            response=r.response,
            prompt=r.prompt,
        )
        for r in better
    ]
    opposite = corrected_scores(turned)
    assert opposite == pytest.approx({i: -value for i, value in strength.items()}, abs=1e-4)
    assert corrected_scores(better).keys() == {i for p in range(1, 6) for i in (10 * p, 10 * p + 1)}
    both = [
        RatedResponse(
            rating=compared(r.rating.response_id, r.rating.other_id, r.rating.score, rater=2),
            response=r.response,
            prompt=r.prompt,
        )
        for r in better
    ]
    assert agreement.krippendorff_alpha([*better, *both]).mean == pytest.approx(1.0)
    ceiling = agreement.human_ceiling([*better, *both])
    assert ceiling["pair_accuracy"] == 1.0
    upside_down = agreement.human_ceiling([*better, *[
        RatedResponse(rating=compared(r.rating.response_id, r.rating.other_id, -r.rating.score, rater=2),
                      response=r.response, prompt=r.prompt) for r in better
    ]])  # fmt: skip
    assert upside_down["pair_accuracy"] == 0.0
