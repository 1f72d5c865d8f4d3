"""What goes with a score on the rating screen, in a real browser: guidelines, the last ten, flags, time, what is read
out, and small screens."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from rater_data.records import User
from rater_data.round_settings import QUESTIONS
from rater_data.scales import SCALES
from tests import fake_worker
from tests.app.helpers import Live, serving, wait_until
from tests.browser.helpers import accessibility_violations, intercept, signed_in, wait_for_card, wait_message

pytestmark = pytest.mark.browser
WORDS = SCALES["score_1_10"].anchors
BANNER = "[data-part=banner]:visible"


def verdicts(live: Live, rater: User) -> list[tuple[str, float | None]]:
    return [(r.rating.verdict, r.rating.score) for r in reversed(live.store.recent(rater.id, n=100))]


# ---- 2. guidelines


def test_new_guidelines_are_told_at_the_next_card(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.press("g")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        old, _ = live.store.guideline()
        new = live.store.set_guideline("Be strict.", "op")
        assert page.locator(BANNER).count() == 0
        page.keyboard.press("5")
        wait_message(page, "Saved 5")
        page.wait_for_selector(f"{BANNER} >> text=The guidelines have changed.")
        page.keyboard.press("6")
        wait_message(page, "Saved 6")
        page.get_by_role("button", name="Read them").click()
        page.wait_for_selector("dialog[open] >> text=Be strict.")
        page.keyboard.press("Escape")
        assert page.locator(BANNER).count() == 0
        newer = live.store.set_guideline("Be mild.", "op")
        page.keyboard.press("g")  # read before the rating: it is by these
        page.wait_for_selector("dialog[open] >> text=Be mild.")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")
        page.keyboard.press("7")
        wait_message(page, "Saved 7")
        assert page.locator(BANNER).count() == 0
    stamped = [r.rating.guideline_version for r in reversed(live.store.recent(rater.id))]
    assert stamped == [old, new, newer]


# ---- 3. and 6. the last ten


def open_last_ten(page: Page, *keys: str) -> None:
    wait_for_card(page)
    for key in keys:
        page.keyboard.press(key)
        wait_message(page, "Saved ")
        page.evaluate("document.querySelector('[data-part=message]').textContent = ''")
    page.keyboard.press("r")
    page.wait_for_selector("dialog[open] select")


def test_arrow_keys_end_with_the_last_value(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        sent: list[dict] = []
        held: list[Route] = []

        def slowly(route: Route) -> None:
            sent.append(route.request.post_data_json)
            held.append(route)

        intercept(page, "**/api/revise", slowly)
        open_last_ten(page, "4")
        page.locator("dialog[open] select").focus()
        for _ in range(3):
            page.keyboard.press("ArrowDown", delay=20)
        assert sent == []
        page.wait_for_selector("dialog[open] >> text=Not saved yet")
        wait_until(lambda: page.wait_for_timeout(20) or sent, "the change")
        for _ in range(4):  # over Skip, and back to a score, while the first change is on its way
            page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.wait_for_timeout(1000)
        assert [body["score"] for body in sent] == [7], "one at a time"
        held.pop().continue_()
        wait_until(lambda: page.wait_for_timeout(20) or held, "the second change")
        held.pop().continue_()
        page.wait_for_selector("dialog[open] >> text=Changed to 10")
        assert [body["score"] for body in sent] == [7, 10]
        page.keyboard.press("ArrowUp")  # closing the panel saves what was chosen
        page.keyboard.press("Escape")
        wait_until(lambda: page.wait_for_timeout(20) or held, "the third change")
        held.pop().continue_()
        wait_until(
            lambda: page.wait_for_timeout(20) or verdicts(live, rater) == [("rated", 9.0)], "it is kept"
        )
    ids = [body["rating_id"] for body in sent]
    assert len(set(ids)) == 3, "each change is of the newest revision"


def test_a_change_that_fails_shows_what_is_stored(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (context, page):
        open_last_ten(page, "4")
        answer = page.locator("dialog[open] select")
        intercept(
            page,
            "**/api/revise",
            lambda route: route.fulfill(status=422, json={"error": "Round 1 is sealed."}),
        )
        answer.select_option("9")
        page.wait_for_selector(f"dialog[open] >> text=Round 1 is sealed. It stays 4 – {WORDS[3]}.")
        assert answer.input_value() == "4"
        context.unroute("**/api/revise")

        def lost(route: Route) -> None:
            route.fetch()
            route.abort()

        intercept(page, "**/api/revise", lost, times=1)
        answer.select_option("8")
        page.wait_for_selector("dialog[open] >> text=Changed to 8")
        answer.select_option("skip")
        page.wait_for_selector("dialog[open] >> text=Changed to Skip")
        intercept(page, "**/api/re*", lambda route: route.abort())
        answer.select_option("2")
        page.wait_for_selector("dialog[open] >> text=The server cannot be reached. Last known: Skip.")
        assert answer.input_value() == "skip"
        answer.focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Escape")
        wait_message(page, "The server cannot be reached. Last known: Skip.")
    assert verdicts(live, rater) == [("skip", None)]


def test_last_ten_show_what_was_said_and_a_change_keeps_it(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        live.store.set_setting(QUESTIONS, {"attributes": ["helpful"], "flags": ["made up", "rude"]})
        fake_worker.generate(live.store, {})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, reduced_motion="reduce") as (_, page):
            wait_for_card(page)
            page.keyboard.type("m4")
            page.get_by_role("button", name="Say more").click()
            page.get_by_text("rude").click()
            page.locator("#rate-comment").fill("It <b>shouts</b>.")
            page.keyboard.press("Escape")
            open_last_ten(page, "5", "6")
            summaries = page.locator("dialog[open] .rate-answer-summary")
            assert summaries.nth(0).inner_text() == "Say more"
            assert summaries.nth(1).locator("span").inner_text() == "helpful 4 · rude"
            assert summaries.nth(1).locator("q").inner_text().strip('“”"') == "It <b>shouts</b>."
            page.locator("dialog[open] .rate-answer").nth(1).select_option("2")
            page.wait_for_selector("dialog[open] >> text=Changed to 2")
            kept = live.store.recent(ann.id)[1].rating
            assert (kept.score, kept.comment) == (2.0, "It <b>shouts</b>.")
            assert (kept.flags, kept.attributes) == (("rude",), {"helpful": 4})

            summaries.nth(1).click()
            row = page.locator("dialog[open] li").nth(1)
            assert accessibility_violations(page) == []
            row.locator(".rate-answer-quality select").select_option("5")
            row.get_by_text("made up").click()
            row.locator("textarea").fill("No, it whispers.")
            row.locator("textarea").press("Escape")  # closing saves what is in hand
            wait_until(lambda: page.wait_for_timeout(20) or len(changes(live, ann)) == 3, "the change")
            open_last_ten(page)
            assert summaries.nth(1).locator("span").inner_text() == "helpful 5 · made up · rude"
        assert changes(live, ann)[1:] == [
            (2.0, "It <b>shouts</b>.", ("rude",), {"helpful": 4}),
            (2.0, "No, it whispers.", ("made up", "rude"), {"helpful": 5}),
        ]


def test_what_was_written_stays_where_it_could_not_be_saved(
    browser: Browser, live: Live, rater: User
) -> None:
    with signed_in(browser, live, rater) as (context, page):
        open_last_ten(page, "4")
        intercept(page, "**/api/re*", lambda route: route.abort())
        page.locator("dialog[open] .rate-answer-summary").click()
        page.locator("dialog[open] textarea").press_sequentially("A long thought.")
        page.locator("dialog[open] textarea").press("Tab")
        page.wait_for_selector("dialog[open] >> text=What you wrote beside it is not saved")
        assert page.locator("dialog[open] textarea").input_value() == "A long thought."
        context.unroute("**/api/re*")
        page.locator("dialog[open] textarea").press("End")
        page.keyboard.type("!")
        page.wait_for_selector("dialog[open] >> text=Not saved yet")
        page.wait_for_timeout(1000)
        assert live.store.recent(rater.id)[0].rating.comment == "", "a pause is not the end of a comment"
        page.keyboard.press("Tab")
        page.wait_for_selector("dialog[open] >> text=Saved.")
    kept = live.store.recent(rater.id)[0].rating
    assert (kept.score, kept.comment) == (4.0, "A long thought.!")


def changes(live: Live, rater: User) -> list[tuple]:
    """What each revision of the rating before the last one says, oldest first."""
    key = live.store.recent(rater.id)[1].rating.key.split("/")[0]
    with live.store.reading() as connection:
        ids = connection.exec_driver_sql(f"SELECT id FROM ratings WHERE key LIKE '{key}%' ORDER BY id")
        ratings = [live.store.rating(id) for (id,) in ids]
    return [(rating.score, rating.comment, rating.flags, rating.attributes) for rating in ratings]


# ---- 7. and 8. keys


def test_minus_is_a_point_wherever_it_lies(browser: Browser, tmp_path: Path) -> None:
    typed = """([key, code]) => document.dispatchEvent(
        new KeyboardEvent('keydown', {key, code, bubbles: true, cancelable: true}))"""
    with serving(tmp_path, scale="score_0_10") as live:
        fake_worker.generate(live.store, {})
        ann = live.store.add_user("ann", "rater")
        pressed = (["-", "Digit6"], ["-", "Minus"], ["-", "NumpadSubtract"], ["6", "Digit6"], ["§", "Digit6"])
        with signed_in(browser, live, ann) as (_, page):
            wait_for_card(page)
            for key in pressed:
                page.evaluate(typed, key)
            wait_until(lambda: page.wait_for_timeout(20) or len(verdicts(live, ann)) == 5, "five ratings")
        assert [score for _, score in verdicts(live, ann)] == [10.0, 10.0, 10.0, 6.0, 6.0]


def test_keys_rate_after_a_flag_was_ticked(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.get_by_role("button", name="Say more").click()
        page.locator(".rate-flag").first.click()
        assert page.evaluate("document.activeElement.type") == "checkbox"
        page.keyboard.press("6")
        wait_message(page, "Saved 6")
        page.get_by_role("button", name="Say more").click()
        page.keyboard.type("5 of 10")
        assert page.locator("#rate-comment").input_value() == "5 of 10", "a comment is written"
    kept = live.store.recent(rater.id)
    assert [(r.rating.score, len(r.rating.flags)) for r in kept] == [(6.0, 1)]


# ---- 9. time


def test_writing_a_comment_is_looking(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater, fresh=True) as (_, page):
        page.clock.install()
        page.reload()
        wait_for_card(page)
        beats: list[str] = []
        page.on("request", lambda request: beats.append(request.url) if "heartbeat" in request.url else None)
        page.keyboard.press("m")
        for letter in "abcdefgh":  # one a minute
            page.clock.run_for(60_000)
            page.keyboard.type(letter)
        page.keyboard.press("Escape")
        page.keyboard.press("5")
        wait_message(page, "Saved 5")
        assert len(beats) >= 3
        page.clock.run_for(480_000)  # nobody there
        page.keyboard.press("6")
        wait_message(page, "Saved 6")
    idle, busy = (r.rating.active_ms for r in live.store.recent(rater.id))
    assert 470_000 <= busy <= 520_000
    assert 115_000 <= idle <= 135_000


# ---- 10. what is read out


def test_the_end_of_the_cards_is_read_out(browser: Browser, tmp_path: Path) -> None:
    live_region = "document.querySelector('[data-part=live]').textContent"
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {"prompts": 1, "quota": 4})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann) as (_, page):
            wait_for_card(page)
            page.keyboard.type("123")
            wait_message(page, "Saved 3")
            page.keyboard.press("7")
            wait_message(page, "Saved 7")
            announcement = page.evaluate(live_region)
            assert announcement.startswith(f"Saved 7 – {WORDS[6]}. You have rated everything. Thank you.")
            assert "4 of 4 ratings" in announcement
            page.reload()
            page.wait_for_selector("text=You have rated everything")
            assert page.evaluate(live_region).startswith("You have rated everything. Thank you.")


# ---- 11. small screens

PHONE = {"has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
SMALL = [
    {"viewport": {"width": 390, "height": 844}, **PHONE},
    {"viewport": {"width": 844, "height": 390}, **PHONE},
    {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2, "reduced_motion": "reduce"},
]


@pytest.mark.parametrize(
    ("screen", "scheme"),
    list(zip(SMALL, ("dark", "light", "dark"), strict=True)),
    ids=["phone", "on its side", "twice as large"],
)
def test_small_screens(browser: Browser, live: Live, rater: User, screen: dict, scheme: str) -> None:
    height = screen["viewport"]["height"]
    with signed_in(browser, live, rater, color_scheme=scheme, **screen) as (_, page):
        wait_for_card(page)
        points = page.get_by_role("button", name="What the points mean")
        points.scroll_into_view_if_needed()
        points.click()
        listed = page.locator("dialog[open]").inner_text()
        assert all(words in listed for words in WORDS)
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")
        page.get_by_role("button", name="Say more").click()
        page.locator("#rate-comment").wait_for()
        dock = page.locator(".rl-dock").bounding_box()
        if height > 480:
            assert dock["height"] <= 0.6 * height + 1
        else:  # beside the answer, in all of the height
            assert dock["height"] == height and dock["width"] < 0.5 * screen["viewport"]["width"]
        page.keyboard.press("Escape")
        page.evaluate("window.scrollTo(0, 0)")
        assert page.locator("[data-part=text]").evaluate(
            "(node) => { const box = node.getBoundingClientRect();"
            " return node.contains(document.elementFromPoint(box.x + 5, box.y + 5)); }"
        ), "the response is not covered"
        for part in ("[data-part=text]", *(f"[data-score='{point}']" for point in ("1", "10"))):
            assert page.locator(part).evaluate("(node) => node.getBoundingClientRect().y") < height - 44
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert accessibility_violations(page) == []
        page.locator("[data-score='6']").click()
        wait_message(page, "Saved 6")
    assert verdicts(live, rater) == [("rated", 6.0)]
