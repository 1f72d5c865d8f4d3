"""A real Chromium, and a server with an open round, for the tests of one file."""

import itertools

import pytest

names = itertools.count()


@pytest.fixture(scope="module")
def browser():
    """Chromium, for the tests of one file."""
    from tests.browser.helpers import chromium  # the app and Playwright take seconds to import

    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory):
    """A server with an open round that lasts for all tests of a file."""
    from tests import fake_worker
    from tests.app.helpers import serving

    with serving(tmp_path_factory.mktemp("live")) as server:
        fake_worker.generate(server.store, {"prompts": 12, "overlap": 100, "quota": 400})
        yield server


@pytest.fixture
def rater(live):
    """Somebody who has not rated anything there yet."""
    return live.store.add_user(f"rater {next(names)}", "rater")
