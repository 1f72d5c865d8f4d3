"""Debian's chromium, driven by Playwright, for the tests of the pages."""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from rater_data.records import User
from tests.app_helpers import Live

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        warnings.warn(
            "NO BROWSER: the pages were NOT tested. Install chromium (apt install chromium).", stacklevel=2
        )
        pytest.skip("NO BROWSER: install chromium to test the pages")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def signed_in(
    browser: Browser, live: Live, user: User, **options: object
) -> Iterator[tuple[BrowserContext, Page]]:
    """A page of somebody who followed their link; `page.troubles` has what the page complained about."""
    context = browser.new_context(base_url=live.url, **options)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.troubles = troubles
    page.goto(live.link(user))
    page.get_by_role("button", name="Continue").press("Enter")
    page.wait_for_url("**/rate/" if user.role == "rater" else "**/operator/")
    try:
        yield context, page
    finally:
        context.close()


def card_text(page: Page) -> str:
    return page.locator("[data-part=text]").inner_text()


def wait_for_card(page: Page) -> str:
    page.wait_for_selector("[data-part=text]:visible")
    return card_text(page)


def message(page: Page) -> str:
    return page.locator("[data-part=message]").inner_text()


def wait_message(page: Page, part: str) -> None:
    page.wait_for_function(
        "part => document.querySelector('[data-part=message]')?.textContent.includes(part)", arg=part
    )


def serious(report: dict) -> list[str]:
    """What axe-core holds against a page, one line a finding."""
    return [
        f"{finding['id']}: {node['html'][:120]} – {node['failureSummary']}"
        for finding in report["violations"]
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]
