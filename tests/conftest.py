"""Shared by the tests: one thread for the engine, and both kinds of database for the store."""

import itertools

import hypothesis
import pytest
import torch

from tests import postgres, store_world

# How long an example takes is the machine's affair: a shared one may be busy
hypothesis.settings.register_profile("rateloop", deadline=None)
hypothesis.settings.load_profile("rateloop")


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The tiny model is too small for two: on a busy machine they wait for each other."""
    torch.set_num_threads(1)


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


names = itertools.count()


@pytest.fixture(scope="module")
def browser():
    """Chromium, for the tests of one file."""
    from tests.browser import chromium  # the app and Playwright take seconds to import

    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory):
    """A server with an open round that lasts for all tests of a file."""
    from tests import fake_worker
    from tests.app_helpers import serving

    with serving(tmp_path_factory.mktemp("live")) as server:
        fake_worker.generate(server.store, {"prompts": 12, "overlap": 100, "quota": 400})
        yield server


@pytest.fixture
def rater(live):
    """Somebody who has not rated anything there yet."""
    return live.store.add_user(f"rater {next(names)}", "rater")
