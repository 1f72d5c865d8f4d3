"""A store of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rater_data.records import User
from rater_data.store import Store
from tests.rater_data.store_world import file_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = file_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def op(store: Store) -> User:
    return store.add_user("op", "operator")
