"""A tiny home with one trained version, made once; each test gets a copy to damage."""

import shutil

import pytest

from rater_data.store import Store
from tests.ppo.training.test_ring import demo


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    home = tmp_path_factory.mktemp("trained")
    demo(home).run()
    return home


@pytest.fixture
def home(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "home")


@pytest.fixture
def store(home):
    opened = Store.open(home)
    yield opened
    opened.close()
