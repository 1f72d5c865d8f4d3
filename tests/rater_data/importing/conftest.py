"""Stores to import into."""

import pytest

from tests.rater_data.store_world import file_store


@pytest.fixture
def store(tmp_path):
    made = file_store(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def pair_store(tmp_path):
    made = file_store(tmp_path / "pairs")
    made.choose_scale("pair")
    yield made
    made.close()
