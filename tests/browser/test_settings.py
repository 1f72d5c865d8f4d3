"""Settings that are texts: written, chosen by the keyboard, kept, put back to the defaults."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, Route, expect

from rater_data.round_settings import EMBEDDED_SYSTEM, ROUND_CONFIG, ROUND_COSTS
from tests.app.helpers import serving
from tests.browser.helpers import accessibility_violations, intercept, signed_in
from tests.rater_data.planning.test_estimate import COSTS

RULES = "Answer in <b>verse</b>.\nNever explain."


def open_settings(page: Page) -> None:
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_label("Temperature")).to_have_value("0.7")


def notice(page: Page, sentence: str) -> None:
    expect(page.locator(".ops-notice")).to_contain_text(sentence)


def test_texts_are_settings_too(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        op = live.store.add_user("op", "operator")
        with signed_in(browser, live, op) as (_, page):
            open_settings(page)
            system, group = page.get_by_label("System prompt"), page.locator(".ops-settings").nth(1)
            assert system.get_attribute("maxlength") == "4000"
            assert abs(system.bounding_box()["width"] - group.bounding_box()["width"]) < 4, (
                "over the full width"
            )
            system.fill(RULES)
            plain = page.get_by_role("radio", name="Plain")
            assert page.get_by_role("radio", name="Chat").is_checked()
            plain.focus()
            page.keyboard.press("Space")
            page.get_by_label("Maximum response length").fill("32")
            page.get_by_label("Shortest response limit").fill("64")
            page.get_by_role("button", name="Keep these settings").click()
            notice(page, "The shortest limit, 64 tokens, cannot be above the maximum response length, 32.")
            page.get_by_label("Shortest response limit").fill("8")
            page.get_by_role("button", name="Keep these settings").click()
            notice(page, "Kept:")
            sample = {
                "system": RULES,
                "prompt_format": "plain",
                "max_new_tokens": 32,
                "max_new_tokens_from": 8,
            }
            assert live.store.setting(ROUND_CONFIG) == {"sample": sample}
            assert accessibility_violations(page) == []
            page.get_by_role("tab", name="History").click()
            expect(page.locator(".ops-log li").first).to_contain_text(
                "System prompt “Answer in <b>verse</b>. Never explain.”, Prompt format plain"
            )
            page.reload()
            open_settings(page)
            expect(page.get_by_label("System prompt")).to_have_value(RULES)
            expect(page.get_by_role("radio", name="Plain")).to_be_checked()
            page.get_by_role("button", name="Back to the defaults").click()
            expect(page.get_by_label("System prompt")).to_have_value(EMBEDDED_SYSTEM)
            expect(page.get_by_role("radio", name="Chat")).to_be_checked()
            assert page.errors == []


def test_presets_fill_the_form_and_a_line_says_what_it_would_cost(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        op = live.store.add_user("op", "operator")
        with signed_in(browser, live, op) as (_, page):
            open_settings(page)
            line = page.locator(".ops-cost")
            expect(line).to_contain_text("not measured on this machine yet")
            live.store.set_setting(ROUND_COSTS, COSTS.to_json())
            card = page.locator(".ops-preset", has_text="Many raters")
            expect(card).to_contain_text("Until the next responses")
            card.get_by_role("button", name="Fill in “Many raters”").click()
            expect(page.get_by_label("Ratings per round")).to_have_value("480")
            notice(page, "not kept yet")
            expect(line).to_contain_text("480 ratings are 4.0 h of rating for one person.")
            assert live.store.setting(ROUND_CONFIG) == {}, "not kept yet"
            page.get_by_label("PPO steps").fill("0")
            expect(line).to_have_text("PPO steps has to be from 1 to 200, not 0.")
            assert accessibility_violations(page) == []
            page.get_by_label("PPO steps").fill("6")
            expect(line).to_contain_text("A round would take about")
            page.get_by_role("button", name="Keep these settings").click()
            notice(page, "Kept:")
            expect(line).to_contain_text("A round takes about")
            expect(card).to_contain_text("Changes nothing")
            assert live.store.setting(ROUND_CONFIG)["plan"]["ratings"] == 480
            assert page.errors == []


def test_a_form_that_is_filled_and_not_kept_says_so_wherever_one_looks(
    browser: Browser, tmp_path: Path
) -> None:
    with serving(tmp_path) as live:
        op = live.store.add_user("op", "operator")
        with signed_in(browser, live, op) as (_, page):
            open_settings(page)
            unkept, keep = page.locator(".ops-unkept"), page.get_by_role("button", name="Keep these settings")
            expect(unkept).to_have_count(0)
            page.get_by_role("button", name="Fill in “Many raters”").click()
            expect(unkept).to_contain_text("Not kept yet: Ratings per round,")
            assert page.evaluate("scrollY") < 1000, "beside the preset, far above the button that keeps it"
            expect(keep).to_be_in_viewport()
            keep.click()
            notice(page, "Kept:")
            expect(unkept).to_have_count(0)
            expect(page.get_by_role("button", name="Keep these settings")).not_to_be_in_viewport()
            page.get_by_label("Ratings per round").fill("96")
            expect(page.locator(".ops-notice")).to_be_hidden()  # what is in the form now was not kept
            expect(unkept).to_have_text("Not kept yet: Ratings per round.")
            keep.click()
            notice(page, "Kept:")
            page.get_by_role("tab", name="History").click()
            expect(page.locator(".ops-notice")).to_be_hidden()
            page.get_by_role("tab", name="Settings").click()
            expect(page.get_by_label("Temperature")).to_be_visible()
            expect(page.locator(".ops-notice")).to_be_hidden()
            assert page.errors == []


SEEN_BAD = """
window.bad = [];
new MutationObserver(() => {
  const line = document.querySelector('.ops-cost.bad');
  if (line) window.bad.push(line.textContent);
}).observe(document, {childList: true, subtree: true});
"""


def test_a_form_half_filled_is_not_called_wrong(browser: Browser, tmp_path: Path) -> None:
    """Fields get their first values one after the other; what was asked meanwhile may be answered last."""
    with serving(tmp_path) as live:
        op = live.store.add_user("op", "operator")
        with signed_in(browser, live, op, fresh=True) as (_, page):
            page.add_init_script(SEEN_BAD)

            def answer_late(route: Route) -> None:
                page.wait_for_timeout(1500)
                route.continue_()

            intercept(page, "**/run/look*", answer_late, times=2)
            page.reload()
            open_settings(page)
            expect(page.locator(".ops-cost")).to_be_visible()
            page.wait_for_timeout(2500)
            assert page.evaluate("window.bad") == []


def test_on_a_phone_nothing_sticks_out(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        op = live.store.add_user("op", "operator")
        phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}
        with signed_in(browser, live, op, **phone) as (_, page):
            page.locator(".overflow-menu button").first.click()
            page.locator(".overflow-dropdown button", has_text="Settings").click()
            expect(page.get_by_label("System prompt")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert accessibility_violations(page) == []
