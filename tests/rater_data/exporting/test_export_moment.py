"""An export is of one moment: whoever rates while it is written is in all of it or in none of it."""

import pyarrow.parquet as pq
import pytest

from rater_data.exporting.export import export
from rater_data.exporting.formats.base import stream_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.table import EXPORT_FORMATS
from rater_data.verify.dataset import verify_dataset
from tests.rater_data.store_world import make_world, rate_next


@pytest.fixture
def world(tmp_path, backend):
    made = make_world(tmp_path / "home", prompts=3, k=4, raters=2, overlap=3)
    for rater in made.raters:
        for score in (2, 5, 9, 4, 7):
            rate_next(made.store, rater, score, attributes={"helpful": 3})
    yield made
    made.store.close()


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_ratings_that_come_meanwhile_are_in_neither_the_rows_nor_the_card(world, tmp_path, format):
    store, out = world.store, tmp_path / "set"

    def busy(rows, _total):
        for some in rows:
            new = store.add_user("Latecomer", "rater")
            for _ in range(3):
                rate_next(store, new, 10, attributes={"helpful": 5})
            yield some

    count = export(store, out, format=format, file_type="dataset", wrap=busy)
    assert list(verify_dataset(out)) == []
    text = (out / "README.md").read_text("utf-8")
    assert ", by 2 raters" in text
    assert f"\n{count} rows: " in text
    if format == "ratings":
        assert sum(pq.ParquetFile(file).metadata.num_rows for file in (out / "data").iterdir()) == 10
    assert store.count_ratings() == 13, "the store itself goes on"


def test_somebody_new_who_rates_as_the_export_begins_breaks_nothing(world, monkeypatch):
    store = world.store
    real = type(store).people_and_versions
    came = []

    def people_and_versions(self):
        found = real(self)
        if not came:
            came.append(store.add_user("Newcomer", "rater"))
            rate_next(store, came[0], 10)
        return found

    monkeypatch.setattr(type(store), "people_and_versions", people_and_versions)
    rows = [row for some in stream_rows(store, ExportRequest()).batches for row in some.batch.to_pylist()]
    assert len(rows) == 10
    assert came[0].pseudonym not in {row["rater"] for row in rows}


def test_one_state_is_for_reading_and_within_one_it_is_the_same(world):
    with world.store.consistent_reads() as still, still.consistent_reads() as again:
        assert again is still
        assert still.count_ratings() == 10
        rate_next(world.store, world.rater, 3)
        assert (still.count_ratings(), world.store.count_ratings()) == (10, 11)
        with pytest.raises(AssertionError):
            still.add_user("Nobody", "rater")
