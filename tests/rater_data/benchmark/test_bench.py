"""The bench of the store: a made-up store is a good one, and every line of the table is there."""

import json

import psycopg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from rater_data.benchmark.synthetic import RATERS, fill
from rater_data.benchmark.timing import Measurement
from rater_data.cli.main import app
from rater_data.errors import BadInput
from rater_data.store.database import schema as t
from tests.rater_data.store_world import make_world, open_store, rate_next


def test_a_made_up_store_is_a_store(tmp_path, backend):
    store, counts = open_store(tmp_path / "home"), []
    fill(store, 1200, counts.append)
    assert counts[-1] == store.count_ratings() == 1200
    progress = store.round_progress()
    assert (progress.round.number, progress.round.state, progress.raters) == (2, "rating", RATERS)
    assert 0 < progress.ratings < progress.quota
    rater = store.users()[0]
    assert rate_next(store, rater, 4).id == 1201
    rated = store.rated()
    assert {r.response.stratum for r in rated} == {"train", "calibration", "control"}
    assert len({(r.rating.rater_id, r.rating.response_id) for r in rated}) == 1201
    assert any(s.agreement for s in store.rater_stats())
    per = sa.select(sa.func.count()).select_from(t.ratings).group_by(t.ratings.c.response_id)
    with store.reading() as connection:
        assert set(connection.scalars(per)) == {1, 3}
    store.seal(2, "operator")
    assert len(store.snapshot(1)) == len([r for r in rated if r.response.round_number == 1])
    store.close()


def test_a_store_in_use_is_not_filled(tmp_path):
    world = make_world(tmp_path)
    with pytest.raises(BadInput, match="not empty"):
        fill(world.store, 1000)
    world.store.close()


@pytest.mark.long
def test_the_command(tmp_path, server):
    place, out = server.new(empty=True), tmp_path / "out.json"
    done = CliRunner().invoke(app, ["bench", "--ratings", "600", "--database", place, "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert "600 ratings on PostgreSQL" in done.stdout
    result = json.loads(out.read_text())
    assert (result["ratings"], result["database"]) == (600, "postgresql")
    assert "Bytes a row" in done.stdout and 200 < result["bytes_per_row"]["ratings"] < 2000
    lines = {row["what"]: row for row in result["measured"]}
    limits = {row["limit_ms"] for row in lines.values() if row["limit_ms"]}
    assert limits == {20, 300, 60_000, 300_000}
    assert lines["all ratings to Parquet"]["peak_mib"] > 50
    with psycopg.connect(place) as connection:
        left = connection.execute("SELECT schema_name FROM information_schema.schemata").fetchall()
        kept = connection.execute("SELECT count(*) FROM ratings").fetchone()[0]
    assert ("rateloop_bench",) not in left, "what was imported beside it is gone"
    assert 600 <= kept < 1200, "nor is it here"


def test_where_the_numbers_go_is_looked_at_before_they_are_measured(tmp_path):
    for place in (tmp_path / "none" / "x.json", tmp_path):
        done = CliRunner().invoke(app, ["bench", "--ratings", "100000000", "--json", str(place)])
        assert (done.exit_code, done.stdout) == (1, "")
        assert f"{place} cannot be written" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("ms", "mib", "reached"),
    [(9.0, 400.0, True), (11.0, 400.0, False), (9.0, 600.0, False), (9.0, None, True)],
)
def test_a_limit_is_of_the_slow_ones_and_of_memory(ms, mib, reached):
    measurement = Measurement(
        what="x", median_ms=1.0, p95_ms=ms, limit_ms=10.0, peak_mib=mib, limit_mib=500.0
    )
    assert measurement.reached is reached
    assert Measurement(what="x", median_ms=1.0, p95_ms=9.0).reached is None
