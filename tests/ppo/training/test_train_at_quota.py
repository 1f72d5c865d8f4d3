"""A round that has its ratings is trained by itself, where operators want that, and after a moment."""

import pytest

from ppo.training import readiness
from ppo.training.readiness import STARTER, TrainAtQuota
from ppo.training.worker import Worker
from rater_data.round_settings import TRAIN_AT_QUOTA
from tests.rater_data.store_world import file_store
from tests.rater_data.two_arms import open_two_arms, rate_arms


@pytest.fixture
def store(tmp_path):
    made = file_store(tmp_path / "home")
    open_two_arms(made)
    yield made
    made.close()


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(readiness.time, "monotonic", lambda: now[0])
    return now


def test_a_full_round_is_trained_once_it_has_settled(store, clock):
    store.set_setting(TRAIN_AT_QUOTA, True)
    starting = TrainAtQuota()
    assert not starting.look(store), "nothing is rated"
    rate_arms(store, new=6.0, old=5.0)
    assert store.round_progress().complete
    assert not starting.look(store), "the last rating may still be taken back"
    clock[0] += readiness.SETTLED_S
    assert starting.look(store)
    assert store.active_job("train").payload["actor"] == STARTER
    assert not starting.look(store)


def test_a_rating_taken_back_meanwhile_keeps_it_open(store, clock):
    store.set_setting(TRAIN_AT_QUOTA, True)
    starting = TrainAtQuota()
    rate_arms(store, new=6.0, old=5.0)
    starting.look(store)
    quota = store.round_progress().ratings
    for user in store.users():
        if any(row.rating.rater_id == user.id for row in store.rated()):
            store.undo(user.id)
            break
    assert store.round_progress().ratings == quota - 1 and not store.round_progress().complete
    clock[0] += readiness.SETTLED_S
    assert not starting.look(store)
    assert store.active_job("train") is None


def test_not_where_nobody_wants_it_or_a_training_runs(store, clock):
    starting = TrainAtQuota()
    rate_arms(store, new=6.0, old=5.0)
    starting.look(store)
    clock[0] += readiness.SETTLED_S
    assert not starting.look(store)
    store.set_setting(TRAIN_AT_QUOTA, True)
    starting.look(store)
    store.start_training(store.round().number, "op")
    clock[0] += readiness.SETTLED_S
    assert not starting.look(store)
    assert store.active_job("train").payload["actor"] == "op"


def test_the_worker_looks_while_it_has_nothing_to_do(store, monkeypatch):
    monkeypatch.setattr(readiness, "SETTLED_S", 0.0)
    store.set_setting(TRAIN_AT_QUOTA, True)
    rate_arms(store, new=6.0, old=5.0)
    Worker(store, lambda: 1 / 0).look_at_ratings()
    assert store.active_job("train") is not None
