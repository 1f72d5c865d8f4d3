"""A rater who waits: when the next card is there only comes nearer."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, Route, expect

from rater_data.records import User
from tests.app.helpers import Live
from tests.browser.helpers import intercept, signed_in, wait_for_card


def test_what_was_promised_only_comes_nearer(browser: Browser, live: Live, rater: User) -> None:
    told = {"left_s": 240.0}

    def nothing_to_rate(route: Route) -> None:
        screen = route.fetch().json()
        waiting = {"title": "Round 1 is being trained", "why": "Thank you.", "progress": None}
        next_card = {"usually": "Usually 5 to 9 minutes in all.", **told}
        route.fulfill(json=screen | waiting | {"card": None, "next_card": next_card})

    with signed_in(browser, live, rater, fresh=True) as (_, page):
        wait_for_card(page)
        page.clock.install()
        intercept(page, "**/api/card", nothing_to_rate)
        look_again(page, "The next card is there in about 4 minutes. Usually 5 to 9 minutes in all.")
        told["left_s"] = 400.0  # the estimate has grown: that is not told
        look_again(page, "in about 4 minutes.")
        told["left_s"] = 170.0
        look_again(page, "in about 3 minutes.")
        page.clock.fast_forward(110_000)
        look_again(page, "in about 60 seconds.")
        page.clock.fast_forward(65_000)
        look_again(page, "The next card is there any moment.")
        page.clock.fast_forward(65_000)
        look_again(page, "This takes longer than usual. Usually 5 to 9 minutes in all.")
        told["left_s"] = None
        look_again(page, "Usually 5 to 9 minutes in all.")
        assert page.errors == []


def look_again(page: Page, words: str) -> None:
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("[data-part=wait-next]")).to_contain_text(words)
