"""Settings that are texts: written, chosen by the keyboard, kept, put back to the defaults."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from rater_data.round_settings import EMBEDDED_SYSTEM, ROUND_CONFIG
from tests.app.helpers import serving
from tests.browser.helpers import accessibility_violations, signed_in

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
