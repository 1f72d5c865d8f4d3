"""A store on PostgreSQL: opening it, old schemas and newer ones, what goes wrong told as a sentence."""

import contextlib
import logging
import multiprocessing
import os

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from typer.testing import CliRunner

import app.cli
import rater_data.cli.main
from app.settings import Settings
from app.trainer.supervisor import Supervisor
from rater_data.database_option import DATABASE_VARIABLE
from rater_data.errors import Away, BadInput, DiskFull, TooNew, Unavailable
from rater_data.store import DATABASE, Store
from rater_data.store.database import migrate as migrating
from rater_data.store.database.addresses import display_address, parse_address
from rater_data.store.database.postgres_errors import explain_postgres_error
from rater_data.store.database.schema import metadata
from rater_data.store.rounds.snapshots import snapshot_digest
from tests.app.helpers import wait_until
from tests.paths import GOLDEN
from tests.rater_data import postgres
from tests.rater_data.racing import RACED, open_and_claim
from tests.rater_data.store_world import all_revisions, rate_next, rating

NEWEST = max(path.name[:4] for path in (migrating.SCRIPTS / "versions").glob("0*.py"))


@pytest.fixture
def address(server):
    made = server.new()
    yield made
    server.drop(made)


@pytest.fixture
def empty(server):
    """A database without a table in it."""
    made = server.new(empty=True)
    yield made
    server.drop(made)


@pytest.fixture
def store(tmp_path, address):
    made = Store.open(tmp_path / "home", address)
    yield made
    made.close()


# ---- addresses


@pytest.mark.parametrize("start", ["postgresql", "postgres", "postgresql+psycopg"])
def test_addresses_people_have_at_hand(start):
    found = parse_address(f" {start}://olga:geheim@db.example:5433/ratings?sslmode=require ")
    assert found.drivername == "postgresql+psycopg"
    assert display_address(found) == "postgresql://olga:***@db.example:5433/ratings?sslmode=require"
    assert "geheim" not in display_address(parse_address("postgresql://olga@/x?password=geheim"))


def test_the_home_has_no_file_when_the_database_is_elsewhere(store):
    assert not (store.home / DATABASE).exists()
    assert str(store.location).startswith("postgresql://rateloop@/test_")


def test_a_home_is_not_begun_a_second_time_when_the_address_is_forgotten(store):
    with pytest.raises(BadInput, match=r"kept in the database postgresql://rateloop@.*--database"):
        Store.open(store.home)
    assert not (store.home / DATABASE).exists()
    (store.home / "database.txt").unlink()
    Store.open(store.home).close()


def test_every_command_takes_the_address_from_the_environment(tmp_path, address, monkeypatch):
    monkeypatch.setenv(DATABASE_VARIABLE, address)
    home = ["--home", str(tmp_path / "home")]
    run = CliRunner()
    assert run.invoke(rater_data.cli.main.app, ["init", *home]).exit_code == 0
    assert "/join/" in run.invoke(app.cli.app, ["invite", "Anna", *home]).output
    assert not (tmp_path / "home" / DATABASE).exists()
    monkeypatch.delenv(DATABASE_VARIABLE)
    seen = run.invoke(rater_data.cli.main.app, ["status", *home, "--database", address]).output
    assert "postgresql://rateloop@" in seen.replace("\n", "")
    store = Store.open(tmp_path / "home", address)
    assert store.user_by_name("Anna").role == "rater"
    assert len(store.prompts()) > 100
    store.close()


def test_the_trainer_gets_the_address_by_its_environment_only(tmp_path, monkeypatch):
    url = "postgresql://olga:geheim@db.example/ratings"
    settings = Settings(home=tmp_path, database=url)
    assert "geheim" not in repr(settings)
    keeper = Supervisor(settings)
    assert not any("geheim" in word for word in keeper.command())
    assert keeper.environment()[DATABASE_VARIABLE] == url
    monkeypatch.setenv(DATABASE_VARIABLE, url)
    assert DATABASE_VARIABLE not in Supervisor(Settings(home=tmp_path)).environment()
    assert Supervisor(Settings(home=tmp_path)).environment()["PATH"] == os.environ["PATH"]


def test_a_trainer_of_its_own_process_works_on_the_same_database(store, address):
    store.set_setting("fake", {})
    settings = Settings(home=store.home, database=address, worker_module="tests.fake_worker")
    keeper = Supervisor(settings, lambda _: None)
    job = store.enqueue("generate", {})
    keeper.start()
    try:
        wait_until(lambda: store.job(job.id).state == "done", "the first round")
    finally:
        keeper.stop()
    assert store.round_progress().responses > 0


# ---- schemas


def test_migrations_build_what_the_schema_says(tmp_path, empty):
    store = Store.open(tmp_path, empty)
    checks = sa.text(
        "SELECT c.relname, count(*) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " WHERE k.contype = 'c' GROUP BY c.relname"
    )
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        built = dict(connection.execute(checks).all())
    for table in metadata.tables.values():
        wanted = sum(isinstance(c, sa.CheckConstraint) for c in table.constraints)
        assert built.get(table.name, 0) == wanted, table.name
    store.close()


SHAPE = (
    "SELECT c.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
    " WHERE c.relname != 'alembic_version' UNION ALL SELECT tablename, indexdef FROM pg_indexes"
    " WHERE schemaname = 'public' ORDER BY 1, 2"
)


@pytest.mark.parametrize("schema", sorted(GOLDEN.glob("postgres_*.sql")), ids=lambda path: path.stem)
def test_databases_of_every_earlier_schema_open(tmp_path, server, empty, caplog, schema):
    with psycopg.connect(empty) as connection:
        connection.execute(schema.read_text("utf-8"))
        said = connection.execute(
            "SELECT id, score, verdict, comment, revision FROM public.ratings ORDER BY id"
        ).fetchall()
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        counts = {
            name: connection.execute(f"SELECT count(*) FROM public.{name}").fetchone()[0]
            for (name,) in tables
        }
    with caplog.at_level(logging.WARNING):
        store = Store.open(tmp_path / "home", empty)
    assert ("pg_dump" in caplog.text) == (schema.stem.removeprefix("postgres_") < NEWEST)
    with store.reading() as connection:
        for name, count in counts.items():
            assert connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) == count, name
        for found in store.rounds():
            if found.snapshot_sha256:
                assert snapshot_digest(connection, found.number) == found.snapshot_sha256
    revisions = [one.rating for one in all_revisions(store)]
    assert [(r.id, r.score, r.verdict, r.comment, r.revision) for r in revisions] == said
    assert rate_next(store, store.users()[0], 4).score == 4
    fresh = Store.open(tmp_path / "fresh", server.new())
    with store.reading() as old, fresh.reading() as new:
        assert old.exec_driver_sql(SHAPE).all() == new.exec_driver_sql(SHAPE).all()
    store.close()
    fresh.close()


def test_a_newer_database_is_left_alone(tmp_path, store, address):
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0042'")
    with pytest.raises(TooNew, match=rf"database postgresql://.*schema 0042; this one knows up to {NEWEST}"):
        Store.open(tmp_path / "home", address)


def test_two_processes_open_a_new_database_at_once_and_never_take_one_job(tmp_path, empty):
    context = multiprocessing.get_context("spawn")
    together, found = context.Barrier(2), context.Queue()
    workers = [
        context.Process(target=open_and_claim, args=(tmp_path / f"{i}", empty, together, found))
        for i in range(2)
    ]
    for worker in workers:
        worker.start()
    one, other = [found.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    with contextlib.closing(Store.open(tmp_path / "home", empty)) as store:
        done = [job for job in store.jobs(limit=10 * RACED) if job.state == "done"]
    assert one and other, "both were at it at once"
    assert sorted(one + other) == sorted(job.id for job in done)
    assert len(done) >= RACED - 1
    assert {job.attempts for job in done} == {1}


# ---- what goes wrong


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://{user}@/nowhere?host={folder}", 'database "nowhere" does not exist. Make it first'),
        (
            "postgresql://stranger:geheim@/postgres?host={folder}",
            'role "stranger" does not exist. Check the user',
        ),
        ("postgresql://x:geheim@/postgres?host=/nowhere", "the server runs there"),
        ("postgresql://x:geheim@127.0.0.1:1/postgres", "Connection refused.*the server runs there"),
        ("postgresql://x:geheim@nobody.invalid/postgres", "resolve.*Check the address"),
    ],
)
def test_a_database_that_cannot_be_reached(tmp_path, server, url, told):
    with pytest.raises(Unavailable, match=f"cannot be reached: .*{told}") as error:
        Store.open(tmp_path, url.format(folder=server.folder, user="rateloop"))
    assert "geheim" not in str(error.value)
    assert "\n" not in str(error.value)


def test_somebody_who_may_only_look(tmp_path, server, address):
    server.execute("CREATE ROLE guest LOGIN")
    with pytest.raises(Unavailable, match="may not be written by this user"):
        Store.open(tmp_path, address.replace("rateloop@", "guest@"))


class Said(Exception):
    """An error of the driver, with a state and the server's words."""

    def __init__(self, state: str, words: str = "could not extend file") -> None:
        super().__init__(words)
        self.sqlstate = state


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", DiskFull),
        ("40001", Unavailable),
        ("40P01", Unavailable),
        ("53300", Unavailable),
        ("08006", Away),
        ("57P01", Away),
    ],
)
def test_what_the_server_says_in_other_ways(state, kind):
    error = sa.exc.OperationalError("SELECT 1", {}, Said(state))
    assert type(explain_postgres_error(error, "there")) is kind


def test_a_bug_is_no_sentence(store):
    with pytest.raises(sa.exc.ProgrammingError), store.reading() as connection:
        connection.exec_driver_sql("SELECT nonsense")


def test_a_server_that_was_restarted_costs_no_click(store, server):
    store.add_user("Anna", "rater")
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test%'"
    assert server.execute(cut)
    assert store.user_by_name("Anna").name == "Anna"
    with pytest.raises(Unavailable, match="went away"), store.writing():
        server.execute(cut)
        store.user_by_name("Anna")
        raise sa.exc.OperationalError("SELECT 1", {}, Said("57P01", "terminating connection"))


def test_a_number_that_fits_no_column(store):
    anna = store.add_user("Anna", "rater")
    with pytest.raises(BadInput, match="too large"):
        store.submit(rating(2**40, anna.id))
    with pytest.raises(BadInput, match="too large"):
        store.user(2**40)


def test_a_machine_without_a_server_is_told_of_loudly(monkeypatch):
    monkeypatch.setattr(postgres, "binaries", lambda: None)
    with (
        pytest.warns(UserWarning, match="NO POSTGRESQL"),
        pytest.raises(pytest.skip.Exception),
        postgres.running(),
    ):
        raise AssertionError("there is a server")
