"""Pairs: of scores and of comparisons, of the same raters, ties."""

import pytest

from rater_data.errors import BadInput
from rater_data.exporting.formats.export_request import ExportRequest
from tests.rater_data.exporting.helpers import import_rating_rows, rate_comparisons, rows_of


def test_comparisons_are_pairs(pairs_world):
    store = pairs_world.store
    wanted = {}
    for one in rate_comparisons(pairs_world):
        texts = [store.response(i).text for i in (one.response_id, one.other_id)]
        if one.score:
            texts = texts if one.score < 0 else texts[::-1]
            key = tuple(texts) if tuple(texts[::-1]) not in wanted else tuple(texts[::-1])
            wanted[key] = wanted.get(key, 0) + (1 if key == tuple(texts) else -1)
    found = rows_of(store, format="preference")
    wanted = {(k if n > 0 else k[::-1]) for k, n in wanted.items() if n}
    assert {(row["chosen"], row["rejected"]) for row in found} == wanted
    assert all(0 < row["margin"] <= 1 for row in found)
    assert all(row["raters"] and row["agreement"] > 0.5 for row in found)
    assert all(-1 <= row["rejected_score"] <= 1 and -1 <= row["chosen_score"] <= 1 for row in found)
    ties = rows_of(store, format="preference", ties=True)
    assert len(ties) > len(found)
    labels = rows_of(store, format="unpaired")
    assert {row["label"] for row in labels} == {True, False}
    assert all(row["label"] == (row["score"] >= 0) for row in labels)


def test_only_what_the_same_rater_saw(store, tmp_path):
    rows = [("p", "a", 9, "A"), ("p", "b", 4, "A"), ("p", "c", 1, "B"), ("p", "b", 3, "B")]
    import_rating_rows(store, rows, tmp_path)
    all_pairs = {(r["chosen"], r["rejected"]) for r in rows_of(store, format="preference")}
    assert all_pairs == {("a", "b"), ("b", "c"), ("a", "c")}
    same = rows_of(store, format="preference", same_rater=True)
    assert [(r["chosen"], r["rejected"], r["margin"]) for r in same] == [("a", "b", 5), ("b", "c", 2)]
    assert [(r["chosen_score"], r["rejected_score"]) for r in same] == [(9, 4), (3, 1)]
    assert all(len(r["raters"]) == 1 and r["agreement"] == 1 for r in same)


def test_agreement_is_of_those_who_saw_both_and_told_them_apart(store, tmp_path):
    rows = [("p", "a", 9, "A"), ("p", "b", 2, "A"), ("p", "a", 8, "B"), ("p", "b", 3, "B")]
    rows += [("p", "a", 4, "C"), ("p", "b", 5, "C"), ("p", "a", 6, "D"), ("p", "b", 6, "D")]
    import_rating_rows(store, rows, tmp_path)
    (pair,) = rows_of(store, format="preference")
    assert (pair["chosen"], pair["agreement"], len(pair["raters"])) == ("a", 2 / 3, 4)
    assert pair["margin"] == pytest.approx(pair["chosen_score"] - pair["rejected_score"])
    (pair,) = rows_of(store, format="preference", same_rater=True)
    assert pair["margin"] == pytest.approx((7 + 5 - 1 + 0) / 4)
    assert {user.pseudonym for user in store.users()} == set(pair["raters"])


def test_ties(store, tmp_path):
    import_rating_rows(
        store, [("p", "first", 5, "A"), ("p", "second", 5, "A"), ("p", "third", 7, "A")], tmp_path
    )
    assert len(rows_of(store, format="preference")) == 2
    ties = [r for r in rows_of(store, format="preference", ties=True) if r["margin"] == 0]
    assert [(r["chosen"], r["rejected"], r["agreement"]) for r in ties] == [("first", "second", None)]
    with pytest.raises(BadInput, match="no margin"):
        ExportRequest(format="preference", ties=True, min_margin=1.0)
