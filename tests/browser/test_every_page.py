"""Every page and dialog, light and dark, wide and at 320 pixels: nothing for axe, nothing to scroll to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access import accounts
from rater_data.round_settings import QUESTIONS
from tests import fake_worker
from tests.app.console.helpers import rate_all
from tests.app.helpers import Live, serving
from tests.browser.helpers import accessibility_violations, signed_in, wait_for_card, wait_message
from tests.browser.screenshots import TABS

pytestmark = pytest.mark.browser
LOOKS = ((1280, "light"), (1280, "dark"), (320, "dark"))
DIALOGS = (("?", "keys"), ("g", "guidelines"), ("r", "recent"))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A home whose second round is being rated: there is a version, a verdict to come, samples and news."""
    with serving(tmp_path_factory.mktemp("pages")) as server:
        store = server.store
        store.set_setting(QUESTIONS, {"attributes": ["helpful"], "flags": ["rude"], "edits": True})
        texts = ["# Rice\n\n- rinse\n- " + "boil" * 40, "Rinse it, then `boil` it."]
        fake_worker.generate(store, {"quota": 8, "texts": texts})
        op = store.add_user("op", "operator")
        rate_all(store, 8)
        store.start_training(1, op.name)
        fake_worker.run_one(store)
        store.set_setting("fake", {"quota": 8})
        fake_worker.run_one(store)
        yield server


def check(page: Page, what: str) -> None:
    """In every look; the page is left as it was."""
    page.add_style_tag(content="* { transition: none !important; animation: none !important; }")
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert accessibility_violations(page, every=True) == [], (what, width, scheme)
        wide = "document.documentElement.scrollWidth - innerWidth"
        assert page.evaluate(wide) <= 0, (what, width)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def test_pages_before_and_after(browser: Browser, live: Live) -> None:
    page = browser.new_context(base_url=live.url).new_page()
    guest = live.store.add_user("guest", "rater")
    page.goto("/")
    check(page, "sign in")
    page.goto("/join/nobody")
    check(page, "a link that does not work")
    page.goto(live.link(guest))
    check(page, "a link")
    page.get_by_role("button", name="Continue").click()
    wait_for_card(page)
    page.goto("/operator/")
    check(page, "for operators only")
    page.goto("/rate/")
    wait_for_card(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Signed out")).to_be_visible()
    check(page, "signed out")
    page.context.close()


def test_rating_and_its_dialogs(browser: Browser, live: Live) -> None:
    ann = live.store.add_user("ann", "rater")
    with signed_in(browser, live, ann, fresh=True) as (_, page):
        wait_for_card(page)
        check(page, "a card, with news")
        for key, name in DIALOGS:
            page.keyboard.press(key)
            page.locator(f"dialog[data-part={name}-dialog][open]").wait_for()
            check(page, name)
            page.keyboard.press("Escape")
            page.locator("dialog[open]").wait_for(state="detached")
        page.keyboard.press("e")
        page.locator("dialog[data-part=edit-dialog][open]").wait_for()
        check(page, "a better answer")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Say more").click()
        page.locator("#rate-comment").wait_for()
        check(page, "comment and flags")
        page.keyboard.press("Escape")
        page.keyboard.press("7")
        wait_message(page, "Saved 7")
        page.keyboard.press("r")
        page.locator("dialog[open] .rate-answer").first.wait_for()
        check(page, "the last ten")
        page.keyboard.press("Escape")
        while page.locator("[data-part=text]").is_visible():
            page.keyboard.press("5")
            page.wait_for_timeout(150)
        page.locator("[data-part=wait]").wait_for()
        check(page, "nothing to rate")


def test_every_tab_of_the_console(browser: Browser, live: Live) -> None:
    operator = next(user for user in live.store.users() if user.role == "operator")
    accounts.create_token(live.store, "op", "script", role="rater")
    with signed_in(browser, live, operator, fresh=True) as (_, page):
        expect(page.locator(".ops-verdict")).to_be_visible()
        for tab in TABS:
            page.get_by_role("tab", name=tab, exact=True).click()
            page.wait_for_timeout(700)
            check(page, tab)


SMALL_TARGETS = """() => {
  const small = (it) => {
    const box = it.getBoundingClientRect(), middle = box.left + box.width / 2;
    const hits = (y) => it.contains(document.elementFromPoint(middle, y));
    let top = box.top + box.height / 2, bottom = top;
    if (!hits(top)) return null;  // below something, or outside of the window
    while (hits(top - 1)) top--;
    while (hits(bottom + 1)) bottom++;
    return bottom - top + 1 < 43 ? `${it.textContent.trim()} ${Math.round(bottom - top + 1)}` : null;
  };
  // Two rows of small words beside the points leave the height to the answer
  const counts = (it) => it.offsetParent && !it.closest('.rate-given, .rate-words');
  const shown = [...document.querySelectorAll('.rl button, .rl summary')].filter(counts);
  return shown.map(small).filter(Boolean);
}"""


def test_what_a_thumb_has_to_hit_is_44_pixels_high(browser: Browser, live: Live) -> None:
    zoe = live.store.add_user("zoe", "rater")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with signed_in(browser, live, zoe, **phone) as (_, page):
        wait_for_card(page)
        assert page.evaluate(SMALL_TARGETS) == []
        say_more = page.get_by_role("button", name="Say more")
        say_more.tap()
        page.locator("#rate-comment").wait_for()
        assert "Esc" not in page.locator("#rate-comment").get_attribute("placeholder")
        say_more.tap()
        expect(page.locator("#rate-comment")).to_be_hidden()
