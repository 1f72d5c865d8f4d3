"""Both kinds of database for the tests of the store."""

import pytest

from tests.rater_data import postgres, store_world


@pytest.fixture(scope="session")
def server():
    """PostgreSQL, for as long as the tests run."""
    with postgres.running() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request, monkeypatch):
    """Runs a test twice: what `store_world` opens is a file, and then a database of its own on a server."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    found, made = request.getfixturevalue("server"), {}

    def address(home):
        return made.setdefault(str(home), found.new())

    monkeypatch.setattr(store_world, "address_of", address)
    yield "postgresql"
    for url in made.values():
        found.drop(url)
