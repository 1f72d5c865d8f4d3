"""What a rater sees of the prompt: what the model was told, on demand, and a text and its continuation as one."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from rater_data.records import Prompt
from tests import fake_worker
from tests.app.helpers import serving
from tests.browser.helpers import accessibility_violations, signed_in, wait_for_card, wait_message

RULES = "Answer in one <b>short</b> sentence.\nNo lists."


def told(page: Page) -> str:
    return page.locator(".rate-told .rate-text").inner_text()


def test_what_the_model_was_told_is_there_on_demand(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        live.store.add_prompts([Prompt.of("What is rain?", split="train")])
        fake_worker.generate(live.store, {"quota": 8, "prompts": 1, "sample": {"system": RULES}})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            details = page.locator(".rate-told")
            expect(details.locator("summary")).to_have_text("What the model was told I")
            assert not page.locator(".rate-told .rate-text").is_visible(), "closed to begin with"
            page.keyboard.press("i")
            assert told(page) == RULES, "as text, line breaks kept"
            assert accessibility_violations(page) == []
            page.set_viewport_size({"width": 360, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.keyboard.press("i")
            assert not page.locator(".rate-told .rate-text").is_visible()
            page.keyboard.press("7")
            wait_message(page, "Saved 7")
            assert page.errors == []


def test_a_continuation_is_one_text_with_what_it_goes_on_from(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        live.store.add_prompts([Prompt.of("The film begins\nslowly", split="train")])
        texts = [", **and** ends <i>well</i>.", " but I stayed.\n\nTwice."]
        settings = {
            "quota": 8,
            "prompts": 1,
            "texts": texts,
            "sample": {"prompt_format": "plain", "system": RULES},
        }
        fake_worker.generate(live.store, settings)
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            spans = page.locator("[data-part=text] > span")
            given, seam, added = (spans.nth(i).text_content() for i in range(3))
            assert given == "The film begins\nslowly" and added in texts, (
                "exact at the seam, nothing formatted"
            )
            assert seam == " The model goes on: " and spans.nth(1).bounding_box()["width"] <= 1, (
                "said, not shown"
            )
            assert not page.locator("[data-part=prompt]").is_visible(), "nothing is told twice"
            assert page.locator("[data-part=which]").inner_text().startswith("Text 1 of")
            assert accessibility_violations(page) == []
            page.set_viewport_size({"width": 360, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.keyboard.press("9")
            wait_message(page, "Saved 9")
            page.keyboard.press("r")
            row = page.locator("[data-part=recent-dialog] .rate-text").first
            expect(row).to_contain_text("The film begins\nslowly")
            assert row.locator("span").nth(2).text_content() == added
            assert page.errors == []
