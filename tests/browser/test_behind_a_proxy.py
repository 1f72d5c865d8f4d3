"""The pages under a path, through a proxy that takes the path off and leaves the port out of Host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from rater_data.records import User
from tests import fake_worker
from tests.app.helpers import Live, serving, wait_until
from tests.app.relay import Relay, relaying
from tests.browser.helpers import collecting_errors, wait_for_card, wait_message

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def live(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("below"), root_path="/rateloop") as server:
        fake_worker.generate(server.store, {"prompts": 4, "overlap": 100, "quota": 40})
        yield server


@pytest.fixture(scope="module")
def relay(live: Live) -> Iterator[Relay]:
    with relaying(live.url, "/rateloop", strips=True, host="127.0.0.1") as running:
        yield running


def enter(page: Page, live: Live, relay: Relay, user: User) -> None:
    link = live.link(user).replace(live.url, relay.url)
    page.goto(link)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{relay.url}/{'operator' if user.role == 'operator' else 'rate'}/")


def test_rate_export_and_leave_under_a_path(browser: Browser, live: Live, relay: Relay) -> None:
    ann, op = live.store.add_user("ann", "rater"), live.store.add_user("op", "operator")
    context = browser.new_context()
    page = context.new_page()
    with collecting_errors(page):
        enter(page, live, relay, ann)
        wait_for_card(page)
        page.keyboard.type("73", delay=20)
        wait_until(lambda: live.store.round_progress().ratings == 2, "both ratings")
        wait_message(page, "Saved 3")
        assert [cookie["path"] for cookie in context.cookies()] == ["/rateloop"]
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
        assert context.cookies() == [] and page.url == f"{relay.url}/sign-out"

        enter(page, live, relay, op)
        page.get_by_role("tab", name="People").click()
        page.get_by_label("Invite somebody").fill("zoe")
        page.get_by_role("button", name="Make a personal link").click()
        expect(page.locator("#ops-link")).to_have_value(re.compile(re.escape(f"{relay.url}/join/")))
        page.get_by_role("tab", name="Data").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        assert Path(download.value.path()).read_text(encoding="utf-8").count("\n") == 2
        page.get_by_role("link", name="Rate", exact=True).click()
        page.wait_for_url(f"{relay.url}/rate/")
        wait_for_card(page)
        assert page.errors == []
    context.close()
