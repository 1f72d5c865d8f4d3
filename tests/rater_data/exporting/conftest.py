"""Stores for the tests of exports."""

import json

import pytest

from rater_data.importing.import_files import import_ratings
from tests.rater_data.store_world import (
    file_store,
    make_world,
    rate_next,
)


@pytest.fixture
def store(tmp_path):
    made = file_store(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home", prompts=2, k=2, overlap=2)
    yield made
    made.store.close()


@pytest.fixture
def pairs_world(tmp_path):
    store = file_store(tmp_path / "home")
    store.choose_scale("pair")
    store.close()
    made = make_world(tmp_path / "home", prompts=2, k=4, overlap=2)
    yield made
    made.store.close()


@pytest.fixture
def rated(tmp_path):
    """Two prompts of ours and one that is never trained on, rated by two; formulas and line breaks in the texts."""
    made = make_world(tmp_path / "home", prompts=2, k=2, overlap=2)
    store = made.store
    for rater in made.raters:
        for score in (3, 8, 9):
            rate_next(store, rater, score, comment="=1+1\n", attributes={"helpful": 2})
    rows = [("held out?", "=a", 3, "C"), ("held out?", "b\n", 5, "C")]
    lines = [{"prompt": p, "response": r, "rating": s, "rater": w, "split": "holdout"} for p, r, s, w in rows]
    (tmp_path / "held.jsonl").write_text("\n".join(map(json.dumps, lines)))
    import_ratings(store, tmp_path / "held.jsonl")
    yield made
    store.close()
