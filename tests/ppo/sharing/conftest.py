"""A tiny home with one trained version, made once; each test gets a copy to damage."""

import shutil

import pytest

from ppo.tracking.tracking import Tracking
from rater_data.store import Store
from tests.ppo.tracking.stand_in import Choice
from tests.ppo.training.test_ring import demo


@pytest.fixture(scope="module")
def told():
    """What a tracker was told of the training."""
    return []


@pytest.fixture(scope="module")
def trained(tmp_path_factory, told):
    home = tmp_path_factory.mktemp("trained")
    run, choice = demo(home), Choice()
    choice.told = told
    run.tracking = Tracking(choice)
    run.run()
    return home


@pytest.fixture
def home(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "home")


@pytest.fixture
def store(home):
    opened = Store.open(home)
    yield opened
    opened.close()
