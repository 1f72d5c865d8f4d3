"""Pictures of every screen of a running server: `python -m tests.browser.screenshots`, see docs/contributing.md.

Light, dark and phone. `rating.png` of the docs is the file `rating-light.png` of the real model, `operator.png`
`console-round-light.png` of made-up ratings.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from playwright.sync_api import Browser, Page

from app.access import accounts
from rater_data.store import Store
from tests.browser.helpers import chromium

LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
TABS = ("Round", "Versions", "People", "Prompts", "Settings", "Data", "History")
SETTLED_MS = 4000  # two looks of the console's timer: plots are drawn with the second


def open_page(browser: Browser, url: str, link: str, look: str) -> Page:
    """A page of whoever the link lets in."""
    page = browser.new_context(base_url=url, **LOOKS[look]).new_page()
    page.goto(link)
    page.get_by_role("button", name="Continue").click()
    page.wait_for_load_state()
    return page


def take_rating(browser: Browser, url: str, link: str, look: str, out: Path) -> None:
    page = open_page(browser, url, link, look)
    page.wait_for_selector("[data-part=text]:visible, [data-part=message]:visible")
    page.screenshot(path=out / f"rating-{look}.png")
    page.context.close()


def take_console(browser: Browser, url: str, link: str, look: str, out: Path) -> None:
    page = open_page(browser, url, link, look)
    page.wait_for_timeout(SETTLED_MS)
    for tab in TABS:
        button = page.get_by_role("tab", name=tab)
        if not button.is_visible():  # on a phone the tab bar folds into a menu
            page.locator(".overflow-menu button").first.click()
            button = page.locator(".overflow-dropdown button", has_text=tab)
        button.click()
        page.wait_for_timeout(SETTLED_MS // 2)
        page.screenshot(path=out / f"console-{tab.lower()}-{look}.png", full_page=True)
    page.context.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", required=True, help="the running server")
    arguments.add_argument("--home", type=Path, required=True, help="its home folder: links are made there")
    arguments.add_argument("--rater", default="screenshots", help="whose rating screen")
    arguments.add_argument("--out", type=Path, required=True)
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with closing(Store.open(given.home, make=False)) as store, chromium() as browser:
        for look in LOOKS:
            link = accounts.invite(store, accounts.TERMINAL_ACTOR, given.rater, given.url, "rater")
            take_rating(browser, given.url, link, look, given.out)
            link = accounts.create_link(store, accounts.get_or_create_operator(store).name, given.url)
            take_console(browser, given.url, link, look, given.out)


if __name__ == "__main__":
    main()
