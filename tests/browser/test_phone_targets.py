"""The rating page on a phone: whatever can be tapped is large enough for a finger, and nothing lies on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from rater_data.records import User
from rater_data.round_settings import QUESTIONS
from tests import fake_worker
from tests.app.helpers import Live, serving
from tests.browser.helpers import signed_in, wait_for_card, wait_message

pytestmark = pytest.mark.browser
SMALL, USUAL, ON_ITS_SIDE = (320, 640), (390, 844), (844, 390)
FINGER = 44
"""CSS pixels: WCAG 2.2, 2.5.5 Target Size (Enhanced)."""

TOO_SMALL = """async (finger) => {
  // the page makes room for a dock that has grown a frame later
  for (let frame = 0; frame < 2; frame++) await new Promise((done) => requestAnimationFrame(done));
  const scope = [...document.querySelectorAll('dialog[open]')].at(-1) || document.querySelector('.rate');
  const kinds = 'a[href], button, summary, select, textarea, label:has(input), input:not(label input)';
  const found = [];
  for (const node of scope.querySelectorAll(kinds)) {
    if (node.disabled || !node.checkVisibility({visibilityProperty: true}) || !node.getClientRects().length) continue;
    if (node.closest('.rl-hidden-text')) continue;
    node.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
    const name = (node.getAttribute('aria-label') || node.innerText || node.id || node.className).trim().slice(0, 40);
    const box = node.getBoundingClientRect();
    if (box.x < -1 || box.right > innerWidth + 1) found.push(`${name}: cut off`);
    // what a finger meets is asked of the page, not of the box: another target may lie on it
    const hits = (x, y) => node.contains(document.elementFromPoint(x, y));
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    if (!hits(x, y)) { found.push(`${name}: its middle is covered`); continue; }
    const reach = (dx, dy) => {
      let far = 0;
      while (far < 60 && hits(x + dx * (far + .5), y + dy * (far + .5))) far += .5;
      return far;
    };
    const [left, right, up, down] = [reach(-1, 0), reach(1, 0), reach(0, -1), reach(0, 1)];
    const [width, height] = [left + right, up + down];
    if (width < finger - .5 || height < finger - .5) {
      found.push(`${name}: ${width} x ${height}, drawn ${box.width.toFixed(1)} x ${box.height.toFixed(1)}`);
      continue;
    }
    // the corners may be round, and what is between them and the middle is not
    const inner = .35 * finger;
    const middle = [x + (right - left) / 2, y + (down - up) / 2];
    for (const [i, j] of [[1, 1], [1, -1], [-1, 1], [-1, -1]]) {
      const [across, along] = [Math.min(inner, width / 2 - 6), Math.min(inner, height / 2 - 6)];
      if (!hits(middle[0] + i * across, middle[1] + j * along)) found.push(`${name}: something lies on it`);
    }
  }
  return found;
}"""

CLOSE_IN_REACH = """() => {
  const dialog = [...document.querySelectorAll('dialog[open]')].at(-1);
  const close = dialog.querySelector('header button');
  return [0, dialog.scrollHeight].map((top) => {
    dialog.scrollTo({top, behavior: 'instant'});
    const box = close.getBoundingClientRect();
    return box.y >= 0 && close.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
  });
}"""


def phone(size: tuple[int, int]) -> dict[str, object]:
    return {
        "viewport": {"width": size[0], "height": size[1]},
        "has_touch": True,
        "is_mobile": True,
        "reduced_motion": "reduce",
    }


@pytest.fixture
def asked(live: Live) -> Iterator[None]:
    """Everything is asked that can be."""
    qualities = {"attributes": ["helpful", "truthful"], "flags": ["wrong", "harmful"], "edits": True}
    live.store.set_setting(QUESTIONS, qualities)
    yield
    live.store.set_setting(QUESTIONS, {})


def check_targets(page: Page, where: str) -> None:
    found = page.evaluate(TOO_SMALL, FINGER)
    assert not found, f"{where}: " + "; ".join(found)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where


def check_dialog(page: Page, where: str) -> None:
    page.wait_for_selector("dialog[open]")
    check_targets(page, where)
    assert page.evaluate(CLOSE_IN_REACH) == [True, True], f"{where}: Close, at its top and at its end"


@pytest.mark.parametrize(
    ("size", "role"),
    [(SMALL, "rater"), (SMALL, "operator"), (USUAL, "rater"), (ON_ITS_SIDE, "operator")],
)
def test_a_finger_finds_every_target(
    browser: Browser, live: Live, rater: User, size: tuple[int, int], asked: None, role: str
) -> None:
    person = rater if role == "rater" else live.store.add_user(f"operator like {rater.name}", "operator")
    with signed_in(browser, live, person, **phone(size)) as (_, page):
        page.goto(f"{live.url}/rate/")
        wait_for_card(page)
        check_targets(page, "a first look")
        page.locator("[data-score='6']").tap()
        wait_message(page, "Saved 6")
        check_targets(page, "a card")
        page.get_by_role("button", name="Say more").tap()
        page.locator("#rate-comment").wait_for()
        check_targets(page, "say more")
        page.get_by_role("button", name="Say more").tap()
        for name in ("What the points mean", "Guidelines", "Last ten"):
            page.get_by_role("button", name=name).first.tap()
            check_dialog(page, name)
            page.locator("dialog[open] header button").tap()
            expect(page.locator("dialog[open]")).to_have_count(0)
        page.locator("[data-act=edit]").tap()
        check_dialog(page, "the editor")
        assert page.errors == []


@pytest.mark.parametrize(
    ("size", "scale"), [(SMALL, "score_1_10"), (SMALL, "thumbs"), (SMALL, "pair"), (ON_ITS_SIDE, "pair")]
)
def test_news_and_other_scales_leave_every_target_its_room(
    browser: Browser, tmp_path: Path, size: tuple[int, int], scale: str
) -> None:
    written = {"quota": 8, "texts": ["**Rinse** it.", "Boil it."], "sample": {"system": "Answer in verse."}}
    with serving(tmp_path, scale=scale) as live:
        fake_worker.generate(live.store, written)
        ann = live.store.add_user("ann", "rater")
        live.store.set_setting(QUESTIONS, {"edits": True})
        with signed_in(browser, live, ann, **phone(size)) as (_, page):
            for key in "1212":
                wait_for_card(page)
                page.keyboard.press(key)
                wait_message(page, "Saved")
                page.evaluate("document.querySelector('[data-part=message]').textContent = ''")
            live.store.start_training(1, "op")
            fake_worker.train(live.store, live.store.claim("fake"), "fake", {"pause": 0})
            fake_worker.generate(live.store, written)
            page.reload()
            page.wait_for_selector("[data-part=news]:visible")
            wait_for_card(page)
            expect(page.locator(".rate-told summary")).to_be_visible()
            check_targets(page, "news above a card")
            page.locator("[data-part=news] summary").tap()
            page.locator(".rate-told summary").tap()
            check_targets(page, "news folded, what the model was told open")


def test_back_closes_a_dialog_and_then_leaves_the_page(
    browser: Browser, live: Live, rater: User, asked: None
) -> None:
    opened = "document.querySelectorAll('dialog[open]').length"
    with signed_in(browser, live, rater, **phone(USUAL)) as (_, page):
        page.goto(f"{live.url}/static/mark.svg")
        page.goto(f"{live.url}/rate/")
        wait_for_card(page)
        page.keyboard.press("6")  # a card that has just come may still move the dock under a finger
        wait_message(page, "Saved 6")
        page.get_by_role("button", name="Last ten").tap()
        page.locator("dialog[open] summary").first.tap()
        page.locator("dialog[open]").get_by_role("button", name="Write a better answer").tap()
        page.wait_for_function(f"{opened} === 2")
        for left in (1, 0):
            page.go_back()
            page.wait_for_function(f"{opened} === {left}")
            assert page.url.endswith("/rate/")
        # closed by a finger: nothing is left that Back would have to close
        for name in ("Guidelines", "Last ten"):
            page.get_by_role("button", name=name).first.tap()
            page.locator("dialog[open] header button").tap()
            page.wait_for_function(f"{opened} === 0")
        assert page.url.endswith("/rate/")
        page.evaluate("history.back()")
        page.wait_for_url("**/mark.svg")
