"""A database that is away for a while: waited for, and nothing done twice or lost."""

import logging
import threading
import time

import pytest
import sqlalchemy as sa

from rater_data.errors import Away, BadInput, Unavailable
from rater_data.store import PatientStore, Store
from rater_data.store.database import patience
from rater_data.store.database import schema as t
from tests.rater_data.cut_connection import cuttable
from tests.rater_data.store_world import version


@pytest.fixture
def way(server):
    address = server.new()
    with cuttable(address) as made:
        yield made
    server.drop(address)


@pytest.fixture
def store(way, tmp_path, monkeypatch):
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.01)
    made = PatientStore.open(tmp_path / "home", way.address, upgrade=False)
    made.wait_for_the_database(60)
    yield made
    made.close()


def test_whoever_has_no_patience_is_told_at_once(store, way, tmp_path):
    hasty = Store.open(tmp_path / "other", way.address)
    way.cut()
    for ask in (hasty.versions, lambda: hasty.set_setting("a", 1)):
        with pytest.raises(Away, match=r"cannot be reached|went away"):
            ask()
    way.mend()
    hasty.set_setting("a", 1)
    hasty.close()


def test_a_database_that_is_away_is_waited_for(store, way, caplog):
    store.set_setting("before", 1)
    way.cut()
    done = []
    threads = [
        threading.Thread(target=lambda: done.append(store.setting("before"))),
        threading.Thread(target=lambda: done.append(store.set_setting("after", 2))),
    ]
    with caplog.at_level(logging.WARNING):
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert done == []
        way.mend()
        for thread in threads:
            thread.join(30)
    assert sorted(done, key=str) == [1, None]
    assert store.setting("after") == 2
    told = [record.getMessage() for record in caplog.records]
    assert sum("is away, trying again: The database at postgresql://" in line for line in told) == 2
    assert sum("is back after" in line for line in told) == 2
    assert 0 < store.patience.extra_s() < 30


@pytest.mark.parametrize("lost", [1, 3])
def test_a_commit_of_which_no_answer_comes_is_not_done_again(store, way, lost):
    """Those of `lost` after the first are the commits of what asks whether it was committed."""
    way.lose_commits = lost
    store.add_version(version(0, status="current"))
    assert way.lose_commits < lost, "an answer was lost"
    assert [v.number for v in store.versions()] == [0]
    events = [event.what for event in store.events() if event.what == "added version 0"]
    assert events == ["added version 0"]


def test_without_that_question_it_would_be_refused_as_a_second_one(store, way, monkeypatch):
    monkeypatch.setattr(PatientStore, "_was_committed", lambda *_: False)
    way.lose_commits = 1
    with pytest.raises(BadInput, match="There is a version 0 already"):
        store.add_version(version(0, status="current"))


def test_what_a_claim_committed_is_not_lost(store, way):
    store.enqueue("generate", {})
    way.lose_commits = 1
    job = store.claim("a worker")
    assert (job.state, job.attempts) == ("running", 1)


def test_a_transaction_that_is_cut_off_in_the_middle_is_done_again(store, way, monkeypatch):
    real, cuts = sa.Connection.execute, []

    def cut_once(self, statement, *arguments, **named):
        if not cuts and getattr(statement, "table", None) is t.events:  # the version is inserted by then
            cuts.append(1)
            way.cut()
            way.mend()
        return real(self, statement, *arguments, **named)

    monkeypatch.setattr(sa.Connection, "execute", cut_once)
    store.add_version(version(0, status="current"))
    assert cuts == [1]
    assert [v.number for v in store.versions()] == [0]
    assert [event.what for event in store.events()].count("added version 0") == 1


def test_patience_has_an_end(store, way):
    store.wait_for_the_database(0.1)
    way.cut()
    with pytest.raises(Unavailable, match="It was waited for") as error:
        store.versions()
    assert not isinstance(error.value, Away)
    way.mend()


def test_a_wrong_address_is_told_at_once(tmp_path):
    with pytest.raises(Away, match="cannot be reached"):
        PatientStore.open(tmp_path, "postgresql://x@/y?host=/nowhere", upgrade=False)
