"""Debian's chromium, driven by Playwright, for the tests of the pages."""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator

import pytest
from axe_core_python.base import AXE_SCRIPT
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Route,
    expect,
    sync_playwright,
)

from rater_data.records import User
from tests.app.helpers import Live, wait_until

expect.set_options(timeout=30_000)  # as long as Playwright waits elsewhere; a shared machine may be busy
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
        browser.idle_pages = {}  # pages that tests are done with, by their server's address
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def signed_in(
    browser: Browser, live: Live, user: User, *, fresh: bool = False, **options: object
) -> Iterator[tuple[BrowserContext, Page]]:
    """A page of somebody who followed their link; `page.errors` has what the page complained about.

    It is the page of an earlier test, emptied, where there is one: its process has compiled Gradio's scripts, which is
    four fifths of the time that a page takes. A test that changes more than cookies, storage, routes and further pages
    (a clock, listeners, scripts of its own) asks for a `fresh` one; so does whoever gives options.
    """
    fresh = fresh or bool(options)
    page = None if fresh else browser.idle_pages.pop(live.url, None)
    context = page.context if page else browser.new_context(base_url=live.url, **options)
    page = page or context.new_page()
    with collecting_errors(page):
        page.goto(live.link(user))
        page.get_by_role("button", name="Continue").press("Enter")
        page.wait_for_url("**/rate/" if user.role == "rater" else "**/operator/")
        try:
            yield context, page
        except BaseException:
            fresh = True  # nobody knows what it is in the middle of
            raise
        finally:
            if fresh:
                context.close()
    if not fresh:
        reset_page(page, live.url)
        browser.idle_pages[live.url] = page
        if len(browser.idle_pages) > 2:
            browser.idle_pages.pop(next(iter(browser.idle_pages))).context.close()


@contextlib.contextmanager
def collecting_errors(page: Page) -> Iterator[None]:
    """Fills `page.errors`."""
    errors: list[str] = []
    page.errors = errors

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def on_error(error: Error) -> None:
        errors.append(str(error))

    page.on("console", on_console)
    page.on("pageerror", on_error)
    yield
    page.remove_listener("console", on_console)
    page.remove_listener("pageerror", on_error)


def reset_page(page: Page, origin: str) -> None:
    for other in page.context.pages:
        if other is not page:
            other.close()
    page.context.unroute_all()
    page.goto("about:blank")
    page.context.clear_cookies()
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage"})
    session.detach()


def intercept(page: Page, pattern: str, handler: Callable[[Route], object], times: int | None = None) -> None:
    """From its return on, `handler` gets the page's requests at `pattern`.

    Playwright's own `route` returns a moment before that (in 18 of 300 tries on a busy machine a request slipped by).
    Its routes hold for the whole context, so one request that does not slip by shows that none will.
    """
    page.context.route(pattern, handler, times=times)
    page.context.route("**/mark.svg*probe*", lambda route: route.fulfill(body="caught"))
    probe = "fetch('/static/mark.svg?probe').then((it) => it.text())"
    wait_until(lambda: page.evaluate(probe) == "caught", "the route to hold")
    page.context.unroute("**/mark.svg*probe*")


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


def accessibility_violations(page: Page, *, every: bool = False) -> list[str]:
    """What axe-core holds against a page, one line a finding: what is serious or critical, or `every` one."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{finding['id']}: {node['html'][:120]} – {node['failureSummary']}"
        for finding in report["violations"]
        if every or finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]
