"""A server where raters compare, and a rater for each test."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests import fake_worker
from tests.app.helpers import Live, serving


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("pairs"), scale="pair") as server:
        fake_worker.generate(server.store, {"overlap": 100, "quota": 100})
        yield server


@pytest.fixture
def ann(live: Live, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with live.client(live.store.add_user(f"ann in {request.node.name}", "rater")) as client:
        yield client
