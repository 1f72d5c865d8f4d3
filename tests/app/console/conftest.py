"""A store of its own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.console.state import background_cache
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


@pytest.fixture(autouse=True)
def computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine is, nothing counts as slow; tests of what is slow say so themselves."""
    monkeypatch.setattr(background_cache, "QUICK", 1e9)
    monkeypatch.setattr(background_cache, "FIRST_WAIT", 60.0)
