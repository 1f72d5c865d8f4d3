"""Texts with a score or a label."""

import pytest

from rater_data.errors import BadInput
from tests.rater_data.exporting.helpers import import_rating_rows, rows_of


def test_labels_and_thresholds(store, tmp_path):
    import_rating_rows(store, [("p", "bad", 5, "A"), ("p", "good", 6, "A"), ("q", "best", 10, "A")], tmp_path)
    labels = {r["completion"]: r["label"] for r in rows_of(store, format="unpaired")}
    assert labels == {"bad": False, "good": True, "best": True}, "from the middle of 1 to 10"
    labels = {r["completion"]: r["label"] for r in rows_of(store, format="unpaired", threshold=10)}
    assert labels == {"bad": False, "good": False, "best": True}
    kept = [(r["completion"], r["score"]) for r in rows_of(store, format="prompt-completion", threshold=6)]
    assert kept == [("good", 6), ("best", 10)]
    assert len(rows_of(store, format="prompt-completion")) == 3
    with pytest.raises(BadInput, match="nothing to export"):
        rows_of(store, format="prompt-completion", threshold=11)
