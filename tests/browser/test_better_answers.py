"""Better answers in a real browser: the editor by keys, what a lost connection and Esc leave, the list, a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from rater_data.records import User
from rater_data.round_settings import QUESTIONS
from tests.app.helpers import Live, wait_until
from tests.browser.helpers import (
    accessibility_violations,
    card_text,
    intercept,
    signed_in,
    wait_for_card,
    wait_message,
)

pytestmark = pytest.mark.browser
FIELD = "dialog[open] #rate-edit-text"
HOSTILE = "</textarea><img src=x onerror=alert(1)> \u202eevil"


@pytest.fixture
def asked(live: Live):
    live.store.set_setting(QUESTIONS, {"edits": True})
    yield
    live.store.set_setting(QUESTIONS, {})


def texts(live: Live, rater: User) -> list[str]:
    return [one.edit.text for one in live.store.edited(1) if one.edit.rater_id == rater.id]


def open_editor(page: Page) -> None:
    page.keyboard.press("e")
    page.wait_for_selector(FIELD)


def test_written_changed_and_taken_back(browser: Browser, live: Live, rater: User, asked: None) -> None:
    with signed_in(browser, live, rater, reduced_motion="reduce") as (_, page):
        original = wait_for_card(page)
        open_editor(page)
        expect(page.locator(FIELD)).to_have_value(original)
        expect(page.get_by_role("button", name="Save")).to_be_disabled()
        page.keyboard.type(" More. 7")  # no key of these rates
        page.keyboard.press("Escape")
        page.reload()  # Esc and a reload keep what was written
        wait_for_card(page)
        open_editor(page)
        page.wait_for_selector("dialog[open] >> text=not saved yet")
        intercept(page, "**/api/edits", lambda route: route.abort(), times=1)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("dialog[open] >> text=save it again")
        page.keyboard.press("Control+Enter")
        wait_message(page, "Saved your better answer")
        assert texts(live, rater) == [f"{original} More. 7"] and live.store.recent(rater.id) == []
        page.get_by_role("button", name="Edited").click()
        page.locator(FIELD).fill(HOSTILE)
        assert accessibility_violations(page) == []
        page.get_by_role("button", name="Save").click()
        wait_until(lambda: texts(live, rater) == [HOSTILE], "the change")
        assert card_text(page) == original, "the response that is rated is as it was"
        page.keyboard.press("7")
        wait_message(page, "Saved 7")
        page.keyboard.press("r")
        page.wait_for_selector("dialog[open] .rate-own-edits q >> text=\u27e8U+202E\u27e9evil")
        page.get_by_role("button", name="Change to:").click()
        page.locator(FIELD).fill("Shorter.")
        page.set_viewport_size({"width": 360, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Save").click()
        page.wait_for_selector(".rate-own-edits q >> text=Shorter.")
        page.get_by_role("button", name="Take back").click()
        page.wait_for_selector("dialog[open] >> text=Write a better answer")
        assert texts(live, rater) == []
        assert [error for error in page.errors if "ERR_FAILED" not in error] == []


def test_no_key_opens_it_where_it_is_not_asked_for(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.press("e")
        page.keyboard.press("6")
        wait_message(page, "Saved 6")
        assert page.locator("[data-act=edit]:visible, dialog[open]").count() == 0
