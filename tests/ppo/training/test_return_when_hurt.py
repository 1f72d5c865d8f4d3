"""A version that people certainly find worse goes out of use by itself, where operators want that, and only there."""

import pytest

from ppo.training import readiness
from ppo.training.readiness import ReturnWhenHurt
from ppo.training.worker import Worker
from rater_data.round_settings import RETURN_WHEN_HURT
from tests.rater_data.store_world import file_store
from tests.rater_data.two_arms import open_two_arms, rate_arms


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(readiness, "SHARE", -1)  # no pause between two looks
    made = file_store(tmp_path / "home")
    yield made
    made.close()


def test_it_returns_from_what_hurt_and_not_again_from_what_was_put_back(store):
    store.set_setting(RETURN_WHEN_HURT, True)
    open_two_arms(store)
    worker = Worker(store, lambda: 1 / 0)
    worker.look_at_ratings()
    assert store.current_version().number == 1, "nothing is known yet"
    rate_arms(store, new=3.0, old=8.0)
    worker.look_at_ratings()
    assert store.current_version().number == 0
    assert store.round().state == "rolled_back"
    assert store.active_job("generate") is not None, "raters never run dry"
    event = store.events(1)[0]
    assert event.what == "rolled back to version 0" and event.data["high"] < 0
    store.roll_back(1, "op")
    open_two_arms(store)
    rate_arms(store, new=3.0, old=8.0)
    assert store.round_verdict(store.round().number).word == "hurt"
    assert not ReturnWhenHurt().look(store)
    assert store.current_version().number == 1, "an operator wanted it all the same"


@pytest.mark.parametrize(("wanted", "new"), [(False, 3.0), (True, 8.0), (True, 9.0)])
def test_else_the_version_stays(store, wanted, new):
    if wanted:
        store.set_setting(RETURN_WHEN_HURT, True)
    open_two_arms(store)
    rate_arms(store, new=new, old=8.0)
    assert not ReturnWhenHurt().look(store)
    assert store.current_version().number == 1


def test_not_from_a_round_that_is_trained_already(store):
    """Its ratings were judged while it was open; training goes on."""
    store.set_setting(RETURN_WHEN_HURT, True)
    open_two_arms(store)
    rate_arms(store, new=3.0, old=8.0)
    store.start_training(store.round().number, "op")
    assert not ReturnWhenHurt().look(store)
    assert store.current_version().number == 1
