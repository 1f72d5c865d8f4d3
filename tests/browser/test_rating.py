"""The rating screen in a real browser."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from app.safe_html import display_text
from rater_data.records import User
from rater_data.scales import SCALES
from tests import fake_worker
from tests.app.helpers import Live, serving, wait_until
from tests.browser.helpers import (
    accessibility_violations,
    card_text,
    intercept,
    message,
    signed_in,
    wait_for_card,
    wait_message,
)

pytestmark = pytest.mark.browser
WORDS = SCALES["score_1_10"].anchors


def stored_answers(live: Live, rater: User) -> list[tuple[str, float | None]]:
    """(verdict, score) of what is stored, oldest first."""
    return [(r.rating.verdict, r.rating.score) for r in reversed(live.store.recent(rater.id, n=1000))]


def scores(live: Live, rater: User) -> list[float | None]:
    return [score for _, score in stored_answers(live, rater)]


def test_by_keys_only(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        assert page.locator(".pressed").count() == 0, "nothing is preselected"
        expected = [("rated", 7.0), ("rated", 10.0), ("skip", None), ("cannot_judge", None), ("broken", None)]
        expected += [("unsafe", None), ("rated", 3.0)]
        for key, count in zip(["7", "0", "s", "C", "b", "u", "3"], range(1, 8), strict=True):
            seen = card_text(page)
            page.keyboard.press(key)
            page.wait_for_function(
                "text => document.querySelector('[data-part=text]').textContent !== text", arg=seen
            )
            assert message(page).startswith("Saved ")
            assert len(stored_answers(live, rater)) == count, "what is said to be saved is in the store"
        assert stored_answers(live, rater) == expected
        wait_message(page, f"Saved 3 – {WORDS[2]}")
        assert page.errors == []


def test_keys_by_their_place_where_the_digits_are_elsewhere(
    browser: Browser, live: Live, rater: User
) -> None:
    typed = """([key, code, shiftKey, repeat]) => document.dispatchEvent(
        new KeyboardEvent('keydown', {key, code, shiftKey, repeat, bubbles: true, cancelable: true}))"""
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.evaluate(typed, ["!", "Digit1", True, False])  # Shift+1 on a US keyboard means nothing
        page.evaluate(typed, ["9", "Digit9", False, True])  # a key held down rates once, at most
        page.evaluate(typed, ["&", "Digit1", False, False])  # AZERTY's unshifted 1
        page.evaluate(typed, ["1", "Digit1", True, False])  # AZERTY's shifted 1
        page.evaluate(typed, ["ы", "KeyS", False, False])  # S on a Cyrillic keyboard
        page.evaluate(typed, ["4", "Numpad4", False, False])
        page.evaluate(typed, ["ArrowLeft", "Numpad4", False, False])  # the numpad without NumLock moves
        wait_until(lambda: len(stored_answers(live, rater)) == 4, "four decisions")
        page.wait_for_timeout(100)
    assert stored_answers(live, rater) == [("rated", 1.0), ("rated", 1.0), ("skip", None), ("rated", 4.0)]


def test_forty_ratings_at_15_ms(browser: Browser, live: Live, rater: User) -> None:
    keys = "7391046285" * 4
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.type(keys, delay=15)
        wait_until(lambda: len(scores(live, rater)) >= 40, "forty ratings")
        page.wait_for_timeout(200)
    assert scores(live, rater) == [float(key) or 10.0 for key in keys]


def test_one_key_that_bounces_is_one_rating(browser: Browser, live: Live, rater: User) -> None:
    """The same key twice within a tenth of a second: the second would be for a card that nobody has read."""
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.type("7788", delay=40)
        wait_until(lambda: len(scores(live, rater)) >= 2, "two ratings")
        page.wait_for_timeout(200)
        page.keyboard.press("8")  # after a look it is meant
        wait_until(lambda: len(scores(live, rater)) >= 3, "the third rating")
        page.wait_for_timeout(200)
    assert scores(live, rater) == [7.0, 8.0, 8.0]


def test_fast_keys_through_lost_connections(browser: Browser, live: Live, rater: User) -> None:
    """Of the requests, one never arrives, one arrives but its answer is lost, one meets a server error."""
    keys = "1234567890" * 2
    calls = itertools.count(1)

    def troubled(route: Route) -> None:
        number = next(calls)
        if number == 3:
            route.abort()
        elif number == 8:
            route.fetch()
            route.abort()
        elif number == 14:
            route.fulfill(status=502, json={"error": "Bad gateway."})
        else:
            route.continue_()

    with signed_in(browser, live, rater) as (_, page):
        intercept(page, "**/api/rate", troubled)
        wait_for_card(page)
        page.keyboard.type(keys, delay=15)
        wait_message(
            page, "Saved 10"
        )  # not `wait_until`: the route above is answered while the page is waited for
        page.wait_for_function("() => document.querySelector('[data-part=mine]').textContent.includes('20')")
        assert next(calls) - 1 == 20 + 3
        assert page.locator("[data-part=banner]:visible", has_text="Connection").count() == 0
    assert scores(live, rater) == [float(key) or 10.0 for key in keys]


def test_offline_keeps_the_decision_through_a_reload(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (context, page):
        first = wait_for_card(page)
        intercept(page, "**/api/rate", lambda route: route.abort())
        page.keyboard.press("6")
        page.wait_for_selector("[data-part=banner]:visible >> text=Connection lost")
        assert card_text(page) == first, "no new card before the rating is saved"
        page.keyboard.press("9")
        assert "not taken" in message(page)
        assert scores(live, rater) == []
        context.unroute("**/api/rate")
        page.reload()
        wait_message(page, "Saved from before: 6")
        assert page.evaluate("Object.keys(localStorage).filter((k) => k.includes('unsent'))") == []
        page.reload()
        wait_for_card(page)
        page.wait_for_timeout(200)
    assert scores(live, rater) == [6.0]


def test_reload_keeps_the_card_and_the_draft(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.press("5")
        wait_message(page, "Saved 5")
        second = card_text(page)
        page.keyboard.press("m")
        page.keyboard.type("7 would be too much")
        page.reload()
        assert wait_for_card(page) == second
        assert page.locator("#rate-comment").input_value() == "7 would be too much"
        page.keyboard.press("6")
        wait_message(page, "Saved 6")
    newest = live.store.recent(rater.id, n=1)[0].rating
    assert (newest.score, newest.comment) == (6.0, "7 would be too much")
    assert scores(live, rater) == [5.0, 6.0]


def test_undo_and_rate_again(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        first = wait_for_card(page)
        page.keyboard.press("2")
        wait_message(page, "Saved 2")
        page.keyboard.press("Backspace")
        wait_message(page, "Taken back")
        assert card_text(page) == first
        assert scores(live, rater) == []
        page.keyboard.type("89", delay=15)
        wait_until(lambda: len(scores(live, rater)) == 2, "two ratings")
        wait_message(page, "Saved 9")
        page.get_by_role("button", name="Undo").click()
        wait_message(page, "Taken back")
    assert scores(live, rater) == [8.0]


def test_last_ten_can_be_changed(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.press("4")
        wait_message(page, "Saved 4")
        page.keyboard.press("r")
        page.locator("dialog[open] select").first.select_option("9")
        page.wait_for_selector("dialog[open] >> text=Changed to 9")
        page.keyboard.press("1")
        page.keyboard.press("Escape")
    assert scores(live, rater) == [9.0]


def test_double_click_is_one_rating(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.locator("[data-score='8']").dblclick()
        wait_message(page, "Saved 8")
        page.wait_for_timeout(400)
        page.keyboard.press("Enter")
        page.wait_for_timeout(200)
    assert scores(live, rater) == [8.0]


def test_two_tabs_are_one_rater(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (context, page):
        card = wait_for_card(page)
        other = context.new_page()
        other.goto("/rate/")
        assert wait_for_card(other) == card
        other.evaluate("() => { BroadcastChannel.prototype.postMessage = () => {}; }")
        other.keyboard.press("3")
        wait_message(other, "Saved 3")
        page.keyboard.press("9")
        page.wait_for_selector(".refused")
        page.wait_for_function(
            "text => document.querySelector('[data-part=text]').textContent !== text", arg=card
        )
        assert card_text(page) == card_text(other)
    assert scores(live, rater) == [3.0]


def test_two_raters_at_once(browser: Browser, live: Live, rater: User) -> None:
    ann, bob = rater, live.store.add_user(f"friend of {rater.name}", "rater")
    with signed_in(browser, live, ann) as (_, ann_page), signed_in(browser, live, bob) as (_, bob_page):
        wait_for_card(ann_page)
        wait_for_card(bob_page)
        for key, other in zip("123456", "787878", strict=True):
            ann_page.keyboard.press(key)
            bob_page.keyboard.press(other)
        wait_until(lambda: len(scores(live, ann)) == len(scores(live, bob)) == 6, "both raters' ratings")
    assert scores(live, ann) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert scores(live, bob) == [7.0, 8.0] * 3


def test_panels_open_by_key_and_take_no_ratings(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        assert "New here?" in page.locator("[data-part=banner]").inner_text()
        for key, heading in (("?", "Keys"), ("g", "Guidelines"), ("r", "Your last ten")):
            page.keyboard.press(key)
            page.wait_for_selector(f"dialog[open] h2:has-text('{heading}')")
            page.keyboard.press("5")
            page.keyboard.press("Escape")
            page.wait_for_selector("dialog[open]", state="detached")
        assert page.locator("[data-part=banner]:visible").count() == 0, (
            "read guidelines are not announced again"
        )
    assert scores(live, rater) == []


def test_signed_out_in_another_tab_keeps_the_decision(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (context, page):
        wait_for_card(page)
        cookies = context.cookies()
        context.clear_cookies()
        page.keyboard.press("4")
        page.wait_for_selector("[data-part=banner]:visible >> text=You are signed out")
        assert scores(live, rater) == []
        context.add_cookies(cookies)
        page.reload()
        wait_message(page, "Saved from before: 4")
    assert scores(live, rater) == [4.0]


def fits_width(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


ANSWERS_SHARE = """() => {
  const box = part => document.querySelector(part).getBoundingClientRect();
  const banner = box('[data-part=banner]').height;
  return (box('.rl-dock').top - box('[data-part=progress]').bottom + banner) / innerHeight;
}"""
"""Of the window between what stands above the prompt and the dock, once the guidelines were read."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone(browser: Browser, live: Live, rater: User, scheme: str) -> None:
    phone = {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
        "color_scheme": scheme,
    }
    with signed_in(browser, live, rater, **phone) as (_, page):
        wait_for_card(page)
        assert fits_width(page)
        targets = page.locator("[data-part=scale] button, [data-part=others] button")
        boxes = [target.bounding_box() for target in targets.all()]
        assert all(box["height"] >= 44 and box["width"] >= 36 for box in boxes)
        assert page.evaluate(ANSWERS_SHARE) >= 0.65, "the answer has the height"
        page.locator("[data-score='6']").tap()
        wait_message(page, "Saved 6")
    assert scores(live, rater) == [6.0]


def test_an_operator_who_rates_on_a_phone_can_sign_out(browser: Browser, live: Live) -> None:
    operator = live.store.add_user("phoning", "operator")
    with signed_in(browser, live, operator, viewport={"width": 360, "height": 740}) as (_, page):
        page.goto(f"{live.url}/rate/")
        wait_for_card(page)
        assert fits_width(page)
        for link in ("[data-part=console]", "[data-act=guidelines]", "form button"):
            box = page.locator(f".rl-top {link}").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360, link


def test_accessible(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.press("7")
        wait_message(page, "Saved 7")
        page.wait_for_timeout(300)  # until the card has faded in
        assert accessibility_violations(page) == []
        page.keyboard.press("?")
        assert accessibility_violations(page) == []


RAW = "document.querySelector('[data-part=raw]').getAttribute('aria-pressed') === 'true'"
HOSTILE = [
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'><svg onload='hacked = 3'>",
    "<iframe srcdoc='<script>parent.hacked = 4</script>'></iframe><style>body{display:none}</style>",
    "[click](javascript:hacked=5) ![](http://evil.example/leak.png) <a href='javascript:hacked=6'>x</a>",
    "${window.hacked = 7} {{constructor.constructor('window.hacked=8')()}} `${hacked}` </div></div></body>",
    "\u202eevil\u202c \u200bzero\u200dwidth \u2066isolate",
    "long " * 40_000,
    "",
    "שלום עולם",
]


def test_hostile_responses_are_text(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("hostile")) as live:
        fake_worker.generate(live.store, {"texts": HOSTILE})
        rater = live.store.add_user("ann", "rater")
        with signed_in(browser, live, rater, fresh=True) as (context, page):
            requested: list[str] = []
            context.on("request", lambda request: requested.append(request.url))
            page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
            shown = set()
            for turn in range(len(fake_worker.PROMPTS) * fake_worker.PER_PROMPT):
                wait_for_card(page)
                if page.locator("[data-part=raw]").is_visible() and not page.evaluate(RAW):
                    page.keyboard.press("t")
                shown.add(page.evaluate("document.querySelector('[data-part=text]').textContent"))
                assert page.evaluate("window.hacked") is None
                assert page.locator("[data-part=text] :not(p, code)").count() == 0
                assert page.locator("[data-score='5']").is_visible()
                assert fits_width(page)
                before = len(live.store.recent(rater.id, n=100))
                page.keyboard.press("56"[turn % 2])
                wait_until(
                    lambda before=before: len(live.store.recent(rater.id, n=100)) > before, "the rating"
                )
                wait_message(page, f"Saved {5 + turn % 2}")
            assert all(url.startswith(live.url) for url in requested)
            assert page.errors == []
    assert shown == {display_text(text) if text else "The model wrote nothing." for text in HOSTILE}
    assert any("\u27e8U+202E\u27e9evil" in text for text in shown), "what turns text round is named"


def test_a_megabyte_of_text_stops_nobody(browser: Browser, tmp_path: Path) -> None:
    long = ["word " * 200_000, "x" * 1_000_000, "\u202e" * 1_000_000, "# a\n" * 250_000]
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {"texts": long})
        rater = live.store.add_user("ann", "rater")
        with signed_in(browser, live, rater) as (_, page):
            for key in "4545":
                wait_for_card(page)
                text = page.evaluate("document.querySelector('[data-part=text]').textContent")
                assert "more characters are not shown" in text and len(text) < 600_000
                assert fits_width(page)
                page.keyboard.press(key)
                wait_message(page, f"Saved {key}")
                page.evaluate("document.querySelector('[data-part=message]').textContent = ''")
            page.keyboard.press("r")
            page.wait_for_selector(".rate-list li")
            assert page.errors == []
        assert scores(live, rater) == [4.0, 5.0, 4.0, 5.0]


FORMATTED = """# Plan
1. **Rinse** the rice
2. call `boil()` <script>window.hacked = 1</script>

[here](http://evil.example/x) ![alt](http://evil.example/y.png) \u202eevil

```python
x = "<b>"
```
| a | b |
|---|---|
| 1 | 2 |
"""
ALLOWED = {"H1", "OL", "LI", "STRONG", "CODE", "P", "BR", "PRE", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD"}


def test_formatting_is_shown_clean_and_can_be_turned_off(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nodes = "[...document.querySelectorAll('[data-part=text] *')]"
    with serving(tmp_path_factory.mktemp("formatted")) as live:
        fake_worker.generate(live.store, {"texts": [FORMATTED, FORMATTED + "\n*two*", "plain"]})
        rater = live.store.add_user("ann", "rater")
        with signed_in(browser, live, rater, fresh=True) as (context, page):
            requested: list[str] = []
            context.on("request", lambda request: requested.append(request.url))
            while card_text(page) == "plain" or not wait_for_card(page):
                page.keyboard.press("5")
                wait_message(page, "Saved 5")
            assert set(page.evaluate(f"{nodes}.map((n) => n.tagName)")) >= {"OL", "STRONG", "CODE", "TABLE"}
            assert set(page.evaluate(f"{nodes}.map((n) => n.tagName)")) <= ALLOWED | {"EM"}
            assert page.evaluate(f"{nodes}.every((n) => n.attributes.length === 0)")
            text = card_text(page)
            assert "<script>" in text
            assert "[here](http://evil.example/x)" in text, "a link is shown, not followed"
            assert "\u27e8U+202E\u27e9evil" in text
            page.keyboard.press("t")
            assert page.evaluate(f"{nodes}.length") == 0
            assert card_text(page).startswith("# Plan\n1. **Rinse**")
            page.keyboard.press("5")
            wait_message(page, "Saved 5")
            page.reload()
            wait_for_card(page)
            assert page.evaluate(f"{nodes}.length") == 0, "the choice is kept"
            if page.locator("[data-part=raw]").is_visible():
                page.locator("[data-part=raw]").click()
                assert page.evaluate(f"{nodes}.length") > 0
            assert page.evaluate("window.hacked") is None
            assert all(url.startswith(live.url) for url in requested)
            assert page.errors == []


def test_nothing_to_rate_says_why(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("empty")) as live:
        rater = live.store.add_user("ann", "rater")
        with signed_in(browser, live, rater) as (_, page):
            page.wait_for_selector("text=The model is writing")
            assert page.locator("[data-score='5']:visible").count() == 0
            fake_worker.generate(live.store, {"prompts": 1, "quota": 4})
            wait_for_card(page)
            page.keyboard.type("1234", delay=30)
            page.wait_for_selector("text=You have rated everything")
            assert "4 of 4 ratings" in page.locator("[data-part=wait-why]").inner_text()


def test_thumbs(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("thumbs"), scale="thumbs") as live:
        fake_worker.generate(live.store, {})
        rater = live.store.add_user("ann", "rater")
        with signed_in(browser, live, rater, fresh=True) as (_, page):
            wait_for_card(page)
            assert page.locator("[data-score]").count() == 2
            page.keyboard.press("2")
            wait_message(page, "Saved Up – What I wanted")
            page.keyboard.press("9")  # no point of this scale
            page.locator("[data-score='0']").click()
            wait_message(page, "Saved Down – Not what I wanted")
            page.set_viewport_size({"width": 390, "height": 800})
            assert fits_width(page)
        assert scores(live, rater) == [1.0, 0.0]


def test_a_new_version_is_told_once(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("news")) as live:
        fake_worker.generate(live.store, {"quota": 8})
        ann, bob = (live.store.add_user(name, "rater") for name in ("ann", "bob"))
        with signed_in(browser, live, ann) as (_, page):
            wait_for_card(page)
            assert page.locator("[data-part=news]:visible").count() == 0
            for score in "7395":
                page.keyboard.press(score)
                wait_message(page, f"Saved {score}")
            live.store.start_training(1, "op")
            fake_worker.train(live.store, live.store.claim("fake"), "fake", {"pause": 0})
            fake_worker.generate(live.store, {"quota": 8})
            page.reload()
            page.wait_for_selector(
                "[data-part=news]:visible >> text=Round 1 used 4 ratings, 4 of them yours."
            )
            assert page.locator(".rate-sides h3:visible").all_inner_texts() == ["Before", "After"], "unasked"
            before, after = (side.bounding_box() for side in page.locator(".rate-sides > div").all())
            assert before["y"] == after["y"] and before["x"] < after["x"], "side by side"
            page.set_viewport_size({"width": 390, "height": 844})
            before, after = (side.bounding_box() for side in page.locator(".rate-sides > div").all())
            assert before["x"] == after["x"] and before["y"] < after["y"], "one under the other"
            page.keyboard.press("6")  # asks nothing: keys rate
            wait_message(page, "Saved 6")
            assert not page.locator(".rate-sides").is_visible(), "the answer to rate has the height again"
            page.set_viewport_size({"width": 1280, "height": 800})
            page.locator("[data-part=news] summary").click()
            assert page.locator(".rate-sides").is_visible(), "whoever wants it has it again"
            for score in "78":
                page.keyboard.press(score)
                wait_message(page, f"Saved {score}")
            assert page.locator("[data-part=news]:visible").count() == 0, "read by now"
            page.reload()
            wait_for_card(page)
            page.wait_for_timeout(300)
            assert page.locator("[data-part=news]:visible").count() == 0
            assert page.errors == []
        with signed_in(browser, live, bob) as (_, page):
            page.wait_for_selector("[data-part=news]:visible >> text=none of them yours yet")
            page.get_by_role("button", name="Hide").click()
            assert page.locator("[data-part=news]:visible").count() == 0
