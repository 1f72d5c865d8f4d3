"""The database itself: constraints, durable connections, transactions, what another program holds."""

import threading

import pytest
import sqlalchemy as sa

from rater_data.errors import Unavailable
from rater_data.store.database import schema as t
from tests.rater_data.store_world import (
    make_world,
    open_store,
    rate_next,
    rating,
)

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home")
    yield made
    made.store.close()


@pytest.fixture
def store(world):
    return world.store


# ---- the last line: constraints


COLUMNS = (
    "response_id, rater_id, score, verdict, comment, flags, attributes, shown_at, submitted_at, given_at, "
    "active_ms, position, guideline_version, scale, swapped, low_id, high_id"
)
COPY = (
    f"INSERT INTO ratings (id, {COLUMNS}, key, revision, is_current) "
    f"SELECT 99, {COLUMNS}, {{key}}, 2, {{current}} FROM ratings"
)


@pytest.mark.parametrize(
    "statement",
    [
        # a second current rating of the same rater on the same response
        COPY.format(key="'other'", current="is_current"),
        # the same key again
        COPY.format(key="key", current="FALSE"),
        "UPDATE ratings SET score = 11",
        "UPDATE ratings SET other_id = 2",
        "UPDATE ratings SET scale = 'pair', score = 1",
        "UPDATE ratings SET score = NULL",
        "UPDATE ratings SET verdict = 'skip'",
        "UPDATE ratings SET rater_id = 99",
        "UPDATE rounds SET state = 'open'",
        "UPDATE responses SET slot = 0",
        "UPDATE policy_versions SET status = 'lost'",
        "INSERT INTO jobs SELECT 99, kind, payload, state, progress, result, worker, heartbeat_at, attempts, "
        "cancel_requested, error, log_tail, created_at, updated_at FROM jobs",
        "DELETE FROM users",
    ],
)
def test_the_database_itself_refuses_what_cannot_be(world, store, statement):
    rate_next(store, world.rater)
    store.enqueue("generate", {})
    with pytest.raises(sa.exc.IntegrityError), store.writing() as connection:
        connection.execute(sa.text(statement))


def test_connections_see_one_state_and_check_foreign_keys(store, backend):
    with store.reading() as connection:
        if backend == "postgresql":
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
            assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "30s"
            return
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_write_that_raises_leaves_nothing(world, store):
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        connection.execute(t.users.update().values(excluded=True))
        raise ZeroDivisionError
    assert not any(user.excluded for user in store.users())


def test_a_reader_sees_one_state_while_others_write(world, store):
    with store.reading() as connection:
        before = connection.scalar(sa.select(sa.func.count()).select_from(t.ratings))
        rate_next(store, world.rater)
        assert connection.scalar(sa.select(sa.func.count()).select_from(t.ratings)) == before
    assert store.count_ratings() == before + 1


IMPATIENT = {"sqlite": "PRAGMA busy_timeout = 10", "postgresql": "SET lock_timeout = 10"}


def test_another_program_that_holds_the_database_is_told(world, store, backend):
    other = open_store(store.home)
    # a program of another process has no lock in common with this one but the database's
    other._lock = threading.Lock()

    @sa.event.listens_for(store.engine, "checkout")
    def hurry(connection, *_):
        connection.cursor().execute(IMPATIENT[backend])
        connection.commit()

    with other.writing(), pytest.raises(Unavailable, match=r"Another program|is busy.*lock timeout"):
        store.submit(rating(1, world.rater.id))
    sa.event.remove(store.engine, "checkout", hurry)
    other.close()
    assert rate_next(store, world.rater).id
