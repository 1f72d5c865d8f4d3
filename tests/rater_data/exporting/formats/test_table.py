"""What holds for every format of the table."""

import re

import pytest

from rater_data.errors import BadInput, Missing
from rater_data.exporting.formats.ratings import RATINGS
from rater_data.exporting.formats.table import EXPORT_FORMATS
from tests.paths import ROOT
from tests.rater_data.exporting.helpers import import_rating_rows, rows_of
from tests.rater_data.store_world import (
    make_world,
    publish,
    rate_next,
    start_round,
)


def test_removed_ratings_are_in_no_export(world):
    from rater_data.store.database import schema as t

    store = world.store
    rate_next(store, world.rater, 3)
    with store.writing() as connection:
        connection.execute(t.ratings.update().values(verdict="removed", score=None))
    for format in ("ratings", "preference", "unpaired"):
        with pytest.raises(BadInput, match="nothing to export"):
            rows_of(store, format=format)


def test_round_since_and_split(world):
    store = world.store
    rate_next(store, world.rater, 3)
    publish(store)
    start_round(store, 2, 2)
    late = rate_next(store, world.rater, 9, submitted_at=2e9)
    assert [row["score"] for row in rows_of(store)] == [3, 9]
    assert [row["score"] for row in rows_of(store, round_number=2)] == [9]
    assert [row["score"] for row in rows_of(store, since=late.submitted_at)] == [9]
    assert len(rows_of(store, split="train")) == 2
    for format in EXPORT_FORMATS:
        with pytest.raises(Missing, match="no round 7"):
            rows_of(store, format=format, round_number=7)


def test_a_store_larger_than_a_portion(tmp_path, monkeypatch):
    """The seams between portions show nowhere."""
    world = make_world(tmp_path / "home", prompts=6, k=4, overlap=2)
    for rater in world.raters:
        for i in range(24):
            rate_next(world.store, rater, 1 + i % 10)
    whole = rows_of(world.store)
    real = world.store.rating_rows
    for size in (1, 7, 47, 48):
        monkeypatch.setattr(world.store, "rating_rows", lambda which, size=size: real(which, size))
        assert rows_of(world.store) == whole
    pairs = rows_of(world.store, format="preference")
    monkeypatch.setattr("rater_data.store.reports.export_rows.PROMPTS_AT_ONCE", 1)
    monkeypatch.setattr("rater_data.store.reports.export_rows.RATINGS_AT_ONCE", 5)
    monkeypatch.setattr("rater_data.exporting.formats.base.BATCH_ROWS", 3)
    assert rows_of(world.store, format="preference") == pairs
    world.store.close()


@pytest.mark.parametrize("format", ["preference", "unpaired", "prompt-completion"])
def test_conversational_by_wish(store, tmp_path, format):
    import_rating_rows(store, [("p", "bad", 1, "A"), ("p", "good", 9, "A")], tmp_path)
    plain, chat = rows_of(store, format=format), rows_of(store, format=format, conversational=True)
    assert len(plain) == len(chat)
    for one, other in zip(plain, chat, strict=True):
        assert other["prompt"] == [{"role": "user", "content": one["prompt"]}]
        for name in {"chosen", "rejected", "completion"} & set(one):
            assert other[name] == [{"role": "assistant", "content": one[name]}]


def test_the_page_names_every_format_and_column():
    page = (ROOT / "docs" / "exports.md").read_text("utf-8")
    table = [line for line in page.split("\n") if line.startswith("| `")]
    named = {re.findall(r"`([^`]+)`", line)[0] for line in table}
    assert set(EXPORT_FORMATS) <= named
    for name in RATINGS.names:
        assert f"`{name}`" in page, name
