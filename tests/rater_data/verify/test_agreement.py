"""Alpha and Spearman by the books are those of the libraries."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rater_data.statistics import agreement
from rater_data.verify.agreement import krippendorff_alpha, spearman
from tests.rater_data.store_world import rating


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 10), st.integers(1, 10)), min_size=5, max_size=12))
def test_spearman_by_the_book_is_that_of_the_library(pairs):
    shared = [(1, float(a), float(b)) for a, b in pairs]
    wanted = agreement.agreement_by_rater(shared).get(1)
    assert spearman([float(a) for a, _ in pairs], [float(b) for _, b in pairs]) == pytest.approx(
        wanted, abs=1e-9
    )


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(1, 10), min_size=1, max_size=4), min_size=2, max_size=8))
def test_alpha_by_the_book_is_alpha_by_the_library(units):
    rated = [rating(i + 1, j + 1, float(s)) for i, scores in enumerate(units) for j, s in enumerate(scores)]
    found, wanted = (
        agreement.krippendorff_alpha(rated),
        krippendorff_alpha([float(s) for s in scores] for scores in units),
    )
    assert (found is None) == (wanted is None)
    if found is not None:
        assert found.mean == pytest.approx(wanted, abs=1e-9)


def test_alpha_by_hand():
    """Two responses, 1-1 and 1-2: observed 2/4, expected over the four values (1, 1, 1, 2) 6/12."""
    assert krippendorff_alpha([[1, 1], [1, 2]]) == pytest.approx(1 - (2 / 4) / (6 / 12))
    every = [1.0, 3.0, 4.0, 8.0]
    pairs = sum((a - b) ** 2 for a, b in combinations(every, 2)) * 2 / 12
    assert krippendorff_alpha([[1, 3], [4, 8]]) == pytest.approx(1 - ((4 + 16) * 2 / 4) / pairs)
    assert krippendorff_alpha([[1, 2]]) is None
