"""A store copied from SQLite to PostgreSQL and back is the same store, row for row."""

import shutil
import sqlite3

import psycopg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.errors import BadInput, DiskFull, Missing, RateloopError, Refused, TooNew
from rater_data.lifecycle import Sample
from rater_data.store import DATABASE, Store
from rater_data.store.database.schema import metadata
from rater_data.store.transfer import copy
from tests.paths import GOLDEN as GOLDEN_FILES
from tests.rater_data.store_world import all_revisions, make_world, rate_next

GOLDEN = GOLDEN_FILES / "schema_0002.sql"


@pytest.fixture
def home(tmp_path):
    """A home with something in every table."""
    home = tmp_path / "home"
    home.mkdir()
    database = sqlite3.connect(home / DATABASE)
    database.executescript(GOLDEN.read_text("utf-8"))
    database.close()
    store = Store.open(home)
    store.set_setting("nothing", None)
    store.set_setting("odd", {"a": [1, 2.5e-300, "ü🎈 \\u0000 \t", None], "b": "' \\N \\. %s"})
    store.set_guideline("Tabs\tand\nlines, \\ and \\N, 🎈", "Olga")
    with store.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO edits (response_id, rater_id, given_at, active_ms, revision, is_current, key, text)"
            " VALUES (1, 1, 5.0, 7, 1, 1, 'a key', 'Better: \\N, 🎈')"
        )
        connection.exec_driver_sql("INSERT INTO snapshot_edits (round_number, edit_id) VALUES (1, 1)")
    store.close()
    return home


@pytest.fixture
def address(server):
    made = server.new(empty=True)
    yield made
    server.drop(made)


def contents(place: str) -> dict[str, list]:
    found = copy.Place(place)
    with found.reading() as connection:
        rows = {
            table.name: [
                tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
        }
    found.close()
    return rows


def test_there_and_back(home, address, tmp_path):
    counts = copy.copy_store(str(home), address)
    before = contents(str(home))
    assert all(before.values()), "a table is empty: nothing was compared"
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert contents(address) == before
    back = tmp_path / "back"
    assert copy.copy_store(address, str(back)) == counts
    assert contents(str(back)) == before
    # the text of JSON too, which decides hashes
    with sqlite3.connect(home / DATABASE) as one, sqlite3.connect(back / DATABASE) as other:
        for query in (
            "SELECT name, value FROM settings",
            "SELECT id, messages FROM prompts",
            "SELECT id, data FROM events",
        ):
            assert one.execute(query).fetchall() == other.execute(query).fetchall()
    one.close(), other.close()


def test_the_copy_goes_on_where_the_store_was(home, address, tmp_path):
    copy.copy_store(str(home), address)
    for place in (Store.open(tmp_path / "beside", address), Store.open(home)):
        highest = max(one.rating.id for one in all_revisions(place))
        rater = place.user_by_name("Rater 1")
        assert rate_next(place, rater, 4).id == highest + 1
        place.log("Olga", "looked")
        assert place.add_user("New", "rater").id == 5
        place.close()


def test_an_empty_table_begins_with_one(tmp_path, address):
    world = make_world(tmp_path / "home")
    world.store.close()
    copy.copy_store(str(tmp_path / "home"), address)
    store = Store.open(tmp_path / "beside", address)
    assert rate_next(store, world.rater).id == 1
    store.close()


def test_from_home_to_home_adapters_come_along(home, tmp_path):
    (home / "versions" / "0001").mkdir(parents=True)
    (home / "versions" / "0001" / "adapter_model.safetensors").write_bytes(b"x" * 100)
    (home / "worker.log").write_text("old")
    copy.copy_store(str(home), str(tmp_path / "new"))
    assert (tmp_path / "new" / "versions" / "0001" / "adapter_model.safetensors").read_bytes() == b"x" * 100
    assert not (tmp_path / "new" / "worker.log").exists()
    assert contents(str(tmp_path / "new")) == contents(str(home))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_copy_that_is_stopped_leaves_nothing(home, tmp_path, server, elsewhere):
    place = server.new(empty=True) if elsewhere else str(tmp_path / "new")

    def stop(name, rows, total):
        if name == "ratings":
            raise KeyboardInterrupt
        return rows

    (home / "versions").mkdir()
    with pytest.raises(KeyboardInterrupt):
        copy.copy_store(str(home), place, stop)
    assert not (tmp_path / "new").exists()
    assert copy.copy_store(str(home), place)["ratings"] > 0  # it was empty, and may be tried again


def test_rows_that_do_not_arrive_are_noticed(home, address):
    def lossy(name, rows, total):
        return [row for i, row in enumerate(rows) if name != "events" or i]

    with pytest.raises(Refused, match=r"Of \d+ rows of events \d+ arrived: nothing was copied"):
        copy.copy_store(str(home), address, lossy)
    assert copy.copy_store(str(home), address)["events"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE jobs SET log_tail = 'a' || char(0) || 'b' WHERE id = 1",
            r"In jobs \(id 1\), log_tail holds a NUL",
        ),
        (
            "UPDATE samples SET text = char(0)",
            r"In samples \(version_number 1, prompt_id 1, seed \d+\), text holds a NUL",
        ),
        (
            "UPDATE ratings SET submitted_at = 'noon' WHERE id = 2",
            r"A row of ratings does not fit .*noon.* verify says",
        ),
        (
            "UPDATE ratings SET rater_id = 99 WHERE id = 2",
            r"A row of ratings does not fit .*foreign key.* verify says",
        ),
        (
            "UPDATE ratings SET flags = 'x' WHERE id = 2",
            r"A row of ratings does not fit .*json.* verify says",
        ),
    ],
)
def test_a_row_that_a_server_does_not_take_is_named(home, address, damage, told):
    with sqlite3.connect(home / DATABASE) as database:
        database.execute(damage)
    database.close()
    with pytest.raises(BadInput, match=told):
        copy.copy_store(str(home), address)
    with pytest.raises(Missing):
        copy.copy_store(address, str(home.parent / "back"))  # nothing is there
    done = CliRunner().invoke(app, ["copy", "--from", str(home), "--to", address])
    assert (done.exit_code, done.exception.__class__) == (1, SystemExit)


def test_a_server_that_goes_away_meanwhile_is_a_sentence(home, address, server):
    def cut(name, rows, total):
        if name == "ratings":
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname LIKE 'test_%' AND state LIKE 'idle in%'"
            )
        return rows

    with pytest.raises(RateloopError, match=r"went away|cannot be reached"):
        copy.copy_store(str(home), address, cut)
    assert copy.copy_store(str(home), address)["ratings"]


def test_a_server_without_room_is_a_sentence(home, address, monkeypatch):
    def full(self, row):
        raise psycopg.errors.DiskFull("could not extend file")

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Copy, "write_row", full)
        with pytest.raises(DiskFull, match="no room left"):
            copy.copy_store(str(home), address)
    assert copy.copy_store(str(home), address)["ratings"]


def test_texts_that_nobody_can_correct_are_kept_as_far_as_they_go(tmp_path):
    world = make_world(tmp_path / "home")
    store = world.store
    store.add_samples([Sample(version_number=0, prompt_id=1, seed=1, text="a\0b\ud800")])
    assert store.samples(0)[0].text == "a\ufffdb?"
    store.enqueue("train", {"round": 1})
    job = store.claim("w")
    store.job_heartbeat(job.id, "w", log="x\0y")
    store.fail(job.id, "w", "It broke\0.")
    assert (store.job(job.id).log_tail, store.job(job.id).error) == ("x\ufffdy\n", "It broke\ufffd.")
    store.close()


def test_what_cannot_be_copied(home, tmp_path, server, address):
    with pytest.raises(Missing, match="no store at"):
        copy.copy_store(str(tmp_path / "nowhere"), str(tmp_path / "new"))
    with pytest.raises(Missing, match="no store at postgresql"):
        copy.copy_store(address, str(tmp_path / "new"))
    assert not (tmp_path / "new").exists()
    with pytest.raises(BadInput, match="onto itself"):
        copy.copy_store(str(home), f"sqlite:///{home / DATABASE}")
    with pytest.raises(BadInput, match="name its home folder"):
        copy.copy_store(str(home / DATABASE), address)
    Store.open(tmp_path / "beside", server.new()).close()
    with pytest.raises(Refused, match="copy from there"):
        copy.copy_store(str(tmp_path / "beside"), address)
    make_world(tmp_path / "full").store.close()
    before = contents(str(tmp_path / "full"))
    with pytest.raises(Refused, match="not empty"):
        copy.copy_store(str(home), str(tmp_path / "full"))
    assert contents(str(tmp_path / "full")) == before


@pytest.mark.parametrize(("schema", "error"), [("0001", Refused), ("0099", TooNew)])
def test_both_have_the_same_schema(home, address, schema, error):
    with sqlite3.connect(home / DATABASE) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (schema,))
    database.close()
    with pytest.raises(error, match=f"schema {schema}"):
        copy.copy_store(str(home), address)


def test_the_command(home, tmp_path, address):
    run = CliRunner()
    done = run.invoke(app, ["copy", "--from", str(home), "--to", address])
    assert (done.exit_code, "11 ratings" in done.stdout) == (0, True)
    assert "RATELOOP_DATABASE_URL" in done.stdout
    shutil.rmtree(home)
    done = run.invoke(app, ["copy", "--from", address, "--to", str(home)])
    assert "versions/ and rounds/" in done.stdout
    again = run.invoke(app, ["copy", "--from", address, "--to", str(home)])
    assert (again.exit_code, "not empty" in again.stderr) == (1, True)
