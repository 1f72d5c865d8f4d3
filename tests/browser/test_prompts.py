"""What a rater sees of the prompt: what the model was told, on demand, and a text and its continuation as one."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from rater_data.records import Message, Prompt
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


def test_two_continuations_are_compared_as_whole_texts(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, scale="pair") as live:
        live.store.add_prompts([Prompt.of("Then she", split="train")])
        plain = {"prompt_format": "plain"}
        fake_worker.generate(
            live.store, {"prompts": 1, "texts": [" left,\n  late.", "’d stay."], "sample": plain}
        )
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, color_scheme="dark", reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            shown = [
                [page.locator(f"[data-part={part}] > span").nth(i).text_content() for i in (0, 2)]
                for part in ("text", "text2")
            ]
            assert sorted("".join(text) for text in shown) == ["Then she left,\n  late.", "Then she’d stay."]
            colours = "[...document.querySelectorAll('[data-part=text] > span')].map((s) => getComputedStyle(s).color)"
            given, _, own = page.evaluate(colours)
            assert given != own, "what was given is told apart"
            assert accessibility_violations(page) == []
            expect(page.locator("[data-part=live]")).to_contain_text("The model goes on:")
            page.keyboard.press("g")
            expect(page.locator("[data-part=guidelines-dialog]")).to_contain_text("How to compare")
            expect(page.locator("[data-part=guidelines-dialog]")).to_contain_text(
                "two texts that begin alike"
            )
            page.keyboard.press("Escape")
            page.keyboard.press("1")
            wait_message(page, "Saved First")
            page.keyboard.press("r")
            rows = page.locator("[data-part=recent-dialog] .rate-text")
            expect(rows).to_have_count(2)
            assert [rows.nth(i).locator("span").first.text_content() for i in (0, 1)] == [
                "First: Then she",
                "Second: Then she",
            ]
            assert accessibility_violations(page) == []
            assert page.errors == []


def test_of_a_long_text_the_last_ten_show_how_it_went_on(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        live.store.add_prompts([Prompt.of(f"{'Once upon a time. ' * 40}Then she", split="train")])
        sample = {"prompt_format": "plain"}
        fake_worker.generate(live.store, {"prompts": 1, "texts": [" left."], "overlap": 1, "sample": sample})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann) as (_, page):
            wait_for_card(page)
            page.keyboard.press("4")
            wait_message(page, "Saved 4")
            page.keyboard.press("r")
            row = page.locator("[data-part=recent-dialog] .rate-text").first
            added = row.locator("span").nth(2)
            assert added.text_content() == " left."
            box, own = row.bounding_box(), added.bounding_box()
            assert own["y"] + own["height"] <= box["y"] + box["height"] + 1, "within the lines that are shown"


def test_what_was_told_is_opened_and_closed_by_the_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        own = (Message(role="system", content="Be a <i>pirate</i>."), Message(role="user", content="Hello?"))
        live.store.add_prompts([Prompt(messages=own, split="train")])
        fake_worker.generate(live.store, {"prompts": 1, "sample": {"system": RULES}})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, color_scheme="dark", reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            summary = page.locator(".rate-told summary")
            summary.focus()
            page.keyboard.press("Enter")
            assert told(page) == "Be a <i>pirate</i>.", "its own, not the round's"
            expect(page.locator("[data-part=prompt]")).not_to_contain_text("Instructions")
            page.keyboard.press("Space")
            assert not page.locator(".rate-told .rate-text").is_visible()
            page.keyboard.press("8")
            wait_message(page, "Saved 8")
            assert accessibility_violations(page) == []
