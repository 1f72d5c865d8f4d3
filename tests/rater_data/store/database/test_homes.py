"""Opening a home: new, old, newer, broken, full; by several processes at once; after a kill."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from rater_data.errors import Away, BadInput, DiskFull, RateloopError, TooNew, Unavailable
from rater_data.records import Prompt
from rater_data.scales import SCALES, Scale, score_range_sql
from rater_data.store import DATABASE, Store, default_home
from rater_data.store.database import migrate as migrating
from rater_data.store.database.scale_migration import write_scale_migration
from rater_data.store.database.schema import metadata
from rater_data.store.rounds.snapshots import snapshot_digest
from tests.paths import GOLDEN, ROOT
from tests.rater_data.store_world import all_revisions, make_world, rate_next

NEWEST = max(path.name[:4] for path in (migrating.SCRIPTS / "versions").glob("0*.py"))


def test_the_default_home(monkeypatch):
    monkeypatch.setenv("RATELOOP_HOME", "~/elsewhere")
    assert default_home() == Path.home() / "elsewhere"
    monkeypatch.delenv("RATELOOP_HOME")
    assert default_home() == Path.home() / ".rateloop"


def test_a_new_home_is_private_and_opens_again(tmp_path):
    home = tmp_path / "deep" / "home"
    Store.open(home).close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    store = Store.open(str(home))
    assert store.home == home
    store.close()


def test_migrations_build_what_the_schema_says(tmp_path):
    store = Store.open(tmp_path)
    with store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        built = dict(
            connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all()
        )
    # Alembic does not compare CHECK constraints: their number has to agree
    for table in metadata.tables.values():
        wanted = sum(isinstance(c, sa.CheckConstraint) for c in table.constraints)
        assert built[table.name].count("CHECK") == wanted, table.name
    assert score_range_sql() in built["ratings"], "a new scale needs a migration: see `scale_migration`"
    store.close()


def test_a_new_scale_needs_one_generated_migration(tmp_path, monkeypatch):
    """A home with ratings gets the scale, keeps what it has, and its constraints are those of the schema."""
    world = make_world(tmp_path / "home")
    kept = rate_next(world.store, world.rater, 7.0)
    world.store.close()
    wide = Scale(name="score_0_100", low=0, high=100, step=10, anchors=("Bad", "Good"), keys=("1", "2"))
    scripts = shutil.copytree(
        migrating.SCRIPTS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__")
    )
    file = write_scale_migration(scripts, [*SCALES.values(), wide])
    assert file.name == f"{int(NEWEST) + 1:04d}_scales.py"
    monkeypatch.setattr(migrating.migrate, "__defaults__", (scripts,))
    monkeypatch.setitem(SCALES, wide.name, wide)
    store = Store.open(tmp_path / "home")
    with store.writing() as connection:
        built = connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE name = 'ratings'"))
        assert score_range_sql(SCALES.values()) in built
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.scalar(sa.text("SELECT count(*) FROM ratings")) == 1
        change = sa.text(f"UPDATE ratings SET scale = 'score_0_100', score = :score WHERE id = {kept.id}")
        connection.execute(change, {"score": 100})
        with pytest.raises(sa.exc.IntegrityError, match="score_range"):
            connection.execute(change, {"score": 101})
    assert store.rating(kept.id).score == 100
    store.close()


def test_a_home_that_is_a_file(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    for home in (file, file / "below"):
        with pytest.raises(BadInput, match="file"):
            Store.open(home)


def test_a_home_that_may_not_be_written(tmp_path, monkeypatch):
    # root may write anywhere, so the answer of the operating system is given by hand
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BadInput, match="may not be written"):
        Store.open(tmp_path)


def test_a_database_that_is_none(tmp_path):
    (tmp_path / DATABASE).write_text("This is a letter to my aunt. " * 100)
    with pytest.raises(Unavailable, match="damaged or no database"):
        Store.open(tmp_path)
    assert (tmp_path / DATABASE).read_text().startswith("This is a letter")


def test_a_home_of_a_newer_version_is_left_alone(tmp_path):
    make_world(tmp_path).store.close()
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute("UPDATE alembic_version SET version_num = '0042'")
    database.close()
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(TooNew, match=rf"schema 0042; this one knows up to {NEWEST}"):
        Store.open(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == before


SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "{newest}"


def upgrade():
    op.add_column("users", sa.Column("colour", sa.Text()))
    {then}
"""


@pytest.fixture
def second(tmp_path):
    """Makes the migrations of a later release; takes what its second one does at the end."""

    def make(then="pass"):
        scripts = tmp_path / "scripts"
        shutil.copytree(migrating.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        (scripts / "versions" / "later.py").write_text(SECOND.format(newest=NEWEST, then=then))
        return scripts

    return make


def test_an_old_home_is_migrated_with_a_backup_and_nothing_lost(tmp_path, second):
    home = tmp_path / "home"
    world = make_world(home)
    rate_next(world.store, world.rater, 7)
    with world.store.writing() as connection:
        assert migrating.migrate(connection, home, second()) == "later"
    assert [user.name for user in world.store.users()] == ["Rater 0", "Rater 1"]
    world.store.close()
    backup = sqlite3.connect(home / f"{DATABASE}.before-{NEWEST}")
    assert backup.execute("SELECT score FROM ratings").fetchall() == [(7.0,)]
    assert backup.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST,)]
    backup.close()
    with pytest.raises(TooNew):  # the older release on the migrated home
        Store.open(home)


def test_a_migration_that_fails_leaves_the_home_as_it_was(tmp_path, second):
    home = tmp_path / "home"
    world = make_world(home)
    with pytest.raises(RuntimeError), world.store.writing() as connection:
        migrating.migrate(connection, home, second("raise RuntimeError"))
    world.store.close()
    store = Store.open(home)
    assert len(store.users()) == 2
    with store.reading() as connection:
        columns = {c["name"] for c in sa.inspect(connection).get_columns("users")}
    assert "colour" not in columns
    store.close()


def test_tokens_of_an_older_home_are_told_from_its_links(tmp_path):
    database = sqlite3.connect(tmp_path / DATABASE)
    database.executescript((GOLDEN / "schema_0003.sql").read_text())
    database.execute("DELETE FROM links")
    user, now = database.execute("SELECT min(id) FROM users").fetchone()[0], time.time()
    for number, (made, token) in enumerate([(1, False), (2, True), (3, False), (4, True), (4.5, False)]):
        row = (user, f"hash {number}", made == 3, made, now + 60)
        database.execute(
            "INSERT INTO links (user_id, secret_sha256, once, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
            row,
        )
        if token:
            event = (made + 0.001, "ann", "got a token", f'{{"user": {user}}}')
            database.execute("INSERT INTO events (at, actor, what, data) VALUES (?, ?, ?, ?)", event)
    database.commit()
    database.close()
    store = Store.open(tmp_path)
    assert [one.created_at for one in store.tokens()] == [4, 2]
    assert store.users_with_links() == {user}
    assert {one.session_epoch for one in store.users()} == {0}
    store.close()


def _open_and_count(home: str, start, found) -> None:
    start.wait()
    store = Store.open(home)
    found.put(len(store.users()))
    store.close()


def test_several_processes_open_a_new_home_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    start, found = context.Event(), context.Queue()
    workers = [
        context.Process(target=_open_and_count, args=(str(tmp_path / "home"), start, found)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    start.set()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert [found.get(timeout=60) for _ in workers] == [0, 0]


def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path):
    world = make_world(tmp_path / "home")
    store = world.store
    rate_next(store, world.rater)

    @sa.event.listens_for(store.engine, "checkout")
    def shrink(connection, *_):
        # SQLite answers as it does when the disk is full: no page may be added
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(DiskFull, match="no room left"):
        store.add_prompts([Prompt.of(f"{i} " + "word " * 500) for i in range(200)])
    with pytest.raises(DiskFull):
        rate_next(store, world.rater, comment="long " * 5000)
    sa.event.remove(store.engine, "checkout", shrink)
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert len(store.prompts()) == 3
    assert store.count_ratings(current=False) == 1
    assert rate_next(store, world.rater).id
    store.close()


def test_no_room_for_a_new_home(tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(DiskFull):
        Store.open(tmp_path / "home")


WRITER = """
import sys
from rater_data.store import Store
from tests.rater_data.store_world import rate_next

store = Store.open(sys.argv[1])
rater = store.user_by_name("Rater 0")
while True:
    rating = rate_next(store, rater, 7)
    print(rating.id, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    home = tmp_path / "home"
    make_world(home, prompts=100, quota=400).store.close()
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    told = [int(writer.stdout.readline()) for _ in range(10)]
    time.sleep(0.05)  # somewhere in the middle of a transaction
    writer.send_signal(signal.SIGKILL)
    told += [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    writer.stdout.close()
    store = Store.open(home)
    kept = {r.rating.id for r in store.rated()}
    assert set(told) <= kept
    assert len(kept) <= len(told) + 1  # one may have been stored and not yet told
    with store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    rater = store.user_by_name("Rater 0")
    assert rate_next(store, rater).id not in kept
    store.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "not understood"),
        ("oracle9://x", "not understood"),
        ("mysql://u:secret@127.0.0.1:1/x", "not understood"),
        ("postgresql+psycopg2://u:secret@127.0.0.1:1/x", "psycopg2 is not used here"),
        ("postgres://u:secret@127.0.0.1:1/x", "cannot be reached.*the server runs there"),
        ("postgresql://u:secret@127.0.0.1:1/x?password=secret", "cannot be reached"),
    ],
)
def test_a_database_elsewhere_that_is_not_there(tmp_path, url, told):
    with pytest.raises(RateloopError, match=told) as error:
        Store.open(tmp_path, url)
    assert type(error.value) is (Away if "cannot be reached" in told else BadInput)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("schema", sorted(GOLDEN.glob("schema_*.sql")), ids=lambda path: path.stem)
def test_homes_of_every_earlier_schema_open(tmp_path, schema):
    database = sqlite3.connect(tmp_path / DATABASE)
    database.executescript(schema.read_text())
    said = database.execute(
        "SELECT id, score, verdict, comment, revision FROM ratings ORDER BY id"
    ).fetchall()
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    counts = {t: database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for (t,) in tables}
    database.close()
    store = Store.open(tmp_path)
    number = schema.stem.removeprefix("schema_")
    assert (tmp_path / f"{DATABASE}.before-{number}").is_file() == (number < NEWEST)
    with store.reading() as connection:
        for table, count in counts.items():
            assert connection.scalar(sa.text(f"SELECT count(*) FROM {table}")) == count, table
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        for found in store.rounds():
            if found.snapshot_sha256:
                assert snapshot_digest(connection, found.number) == found.snapshot_sha256
    revisions = [one.rating for one in all_revisions(store)]
    assert [(r.id, r.score, r.verdict, r.comment, r.revision) for r in revisions] == said
    assert rate_next(store, store.users()[0], 4).score == 4
    store.close()
    fresh = Store.open(tmp_path / "fresh")
    with store.reading() as old, fresh.reading() as new:
        shape = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        assert old.exec_driver_sql(shape).all() == new.exec_driver_sql(shape).all()
    store.close()
    fresh.close()
