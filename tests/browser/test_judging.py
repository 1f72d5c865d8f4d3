"""Comparisons, further qualities, flags and the wish for Enter, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from rater_data.round_settings import QUESTIONS
from tests import fake_worker
from tests.app.helpers import serving
from tests.browser.helpers import accessibility_violations, card_text, signed_in, wait_for_card, wait_message

pytestmark = pytest.mark.browser
TEXTS = ["# Rice\n\n- rinse\n- boil", "Rinse it, then boil it."]


def test_pairs_by_keys(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path, scale="pair") as live:
        fake_worker.generate(live.store, {"quota": 8, "texts": TEXTS})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            shown = []
            for key, word in (("1", "First"), ("2", "Tie"), ("3", "Second"), ("b", "Both bad")):
                shown.append((card_text(page), page.locator("[data-part=text2]").inner_text()))
                page.keyboard.press(key)
                wait_message(page, f"Saved {word}")
            assert page.locator("[data-part=text2]").is_visible()
            assert accessibility_violations(page) == []
            page.set_viewport_size({"width": 360, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.keyboard.press("Backspace")
            wait_message(page, "Taken back: you had given Both bad")
            assert (card_text(page), page.locator("[data-part=text2]").inner_text()) == shown[-1]
            assert page.errors == []
        kept = [r.rating for r in reversed(live.store.recent(ann.id))]
        assert [-r.score if r.swapped else r.score for r in kept] == [-1, 0, 1]


def test_qualities_flags_and_comment(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        live.store.set_setting(
            QUESTIONS, {"attributes": ["helpful", "truthful"], "flags": ["made up", "rude"]}
        )
        fake_worker.generate(live.store, {"quota": 8, "texts": TEXTS})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            for key in "m42":  # the digits answer the two qualities, then rate again
                page.keyboard.press(key)
            page.get_by_text("made up").click()
            page.reload()
            wait_for_card(page)
            assert page.locator("[name=flag]:checked").count() == 1
            assert accessibility_violations(page) == []
            page.keyboard.press("8")
            wait_message(page, "Saved 8")
            assert page.locator(":checked:not(option)").count() == 0, "the next card starts empty"
            page.keyboard.press("m")
            page.keyboard.press("5")
            page.keyboard.press("Escape")
            page.keyboard.press("3")
            wait_message(page, "Saved 3")
            page.locator("[data-quality=helpful][value='4']").click()
            page.keyboard.press("6")  # by mouse one quality is answered; the keys still rate
            wait_message(page, "Saved 6")
            assert page.errors == []
        third, second, first = (r.rating for r in live.store.recent(ann.id))
        assert (third.score, third.attributes) == (6.0, {"helpful": 4})
        assert (first.score, first.attributes, first.flags) == (
            8.0,
            {"helpful": 4, "truthful": 2},
            ("made up",),
        )
        assert (second.score, second.attributes, second.flags) == (3.0, {"helpful": 5}, ())


def test_enter_saves_where_the_rater_wants_that(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {"quota": 8, "texts": TEXTS})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            page.keyboard.press("?")
            page.get_by_label("Save only when I press Enter").check()
            page.keyboard.press("Escape")
            page.keyboard.press("Enter")
            page.keyboard.press("7")
            wait_message(page, "7 – Decent: Enter saves it.")
            page.keyboard.press("4")
            wait_message(page, "4 – Rather bad: Enter saves it.")
            assert live.store.count_ratings() == 0
            page.keyboard.press("Enter")
            wait_message(page, "Saved 4")
            page.keyboard.press("Enter")  # nothing is chosen on the new card
            page.keyboard.press("s")
            page.keyboard.press("Enter")
            wait_message(page, "Saved Skip")
        assert [r.rating.verdict for r in live.store.recent(ann.id)] == ["skip", "rated"]
        assert live.store.recent(ann.id)[1].rating.score == 4
