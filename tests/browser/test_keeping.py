"""Nothing a rater decides is lost, taken twice or taken as somebody else's: the rating screen in a real browser, when
something gets between it and the server."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route

from rater_data.records import User
from rater_data.round_settings import QUESTIONS
from rater_data.store import Store
from tests import fake_worker
from tests.app.helpers import Live, free_port, serving, wait_until
from tests.browser.helpers import card_text, intercept, message, signed_in, wait_for_card, wait_message

pytestmark = pytest.mark.browser
BANNER = "[data-part=banner]:visible"
UNSENT = "Object.keys(localStorage).filter((name) => name.includes('unsent')).length"
LIVE = "document.querySelector('[data-part=live]').textContent"


def scores(store: Store, rater: User) -> list[float | None]:
    return [r.rating.score for r in reversed(store.recent(rater.id, n=1000))]


def answer_with(page: Page, path: str, *statuses: int | None) -> list[dict]:
    """The first requests get these answers (None: none at all), later ones the server's. Returns what was sent."""
    sent, remaining = [], list(statuses)

    def answer(route: Route) -> None:
        sent.append(route.request.post_data_json)
        status = remaining.pop(0) if remaining else 200
        if status is None:
            route.abort()
        elif status == 200:
            route.continue_()
        else:
            route.fulfill(status=status, json={"error": f"Told to say {status}."})

    intercept(page, path, answer)
    return sent


# ---- 1. what is kept, and what is dropped


@pytest.mark.parametrize("status", [425, 507])
def test_what_may_pass_is_tried_again(browser: Browser, live: Live, rater: User, status: int) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        sent = answer_with(page, "**/api/rate", status, status, status)
        page.keyboard.press("6")
        page.wait_for_selector(f"{BANNER} >> text=Told to say {status}. Your rating is kept here")
        wait_message(page, "Saved 6")
        assert len({body["key"] for body in sent}) == 1 < len(sent)
        assert page.evaluate(UNSENT) == 0
        page.wait_for_function("!document.querySelector('[data-part=banner]').textContent.includes('Told')")
    assert scores(live.store, rater) == [6.0]


@pytest.mark.parametrize("status", [403, 422])
def test_what_is_refused_for_good_is_said_and_dropped(
    browser: Browser, live: Live, rater: User, status: int
) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        answer_with(page, "**/api/rate", status)
        page.keyboard.press("6")
        wait_message(page, f"Told to say {status}.")
        assert page.evaluate(UNSENT) == 0
        page.keyboard.press("7")
        wait_message(page, "Saved 7")
    assert scores(live.store, rater) == [7.0]


def test_a_page_of_a_proxy_is_no_refusal(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        turns = itertools.count()
        intercept(
            page,
            "**/api/rate",
            lambda route: (
                route.fulfill(status=404, body="<h1>No such backend</h1>")
                if next(turns) < 2
                else route.continue_()
            ),
        )
        page.keyboard.press("6")
        wait_message(page, "Saved 6")
    assert scores(live.store, rater) == [6.0]


def test_questions_that_changed_while_offline_cost_no_rating(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        live.store.set_setting(QUESTIONS, {"attributes": ["helpful"], "flags": ["made up", "rude"]})
        fake_worker.generate(live.store, {})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann) as (context, page):
            wait_for_card(page)
            page.keyboard.type("m4")
            page.get_by_role("button", name="Say more").click()
            for flag in ("made up", "rude"):
                page.get_by_text(flag).click()
            page.keyboard.press("Escape")
            intercept(page, "**/api/rate", lambda route: route.abort())
            page.keyboard.press("6")
            page.wait_for_selector(f"{BANNER} >> text=Connection lost")
            live.store.set_setting(QUESTIONS, {"attributes": [], "flags": ["rude"]})
            context.unroute("**/api/rate")
            wait_message(page, "Saved 6")
        kept = live.store.recent(ann.id)[0].rating
    assert (kept.score, kept.attributes, kept.flags) == (6.0, {}, ("rude",))


def test_without_storage_the_page_itself_keeps_it(browser: Browser, live: Live, rater: User) -> None:
    """The decision outlives being signed out and in again, on the same page."""
    no_storage = """for (const name of ['setItem', 'getItem', 'removeItem', 'key'])
        Storage.prototype[name] = () => { throw new DOMException('full', 'QuotaExceededError'); };"""
    with signed_in(browser, live, rater, fresh=True) as (context, page):
        page.add_init_script(no_storage)
        page.reload()
        wait_for_card(page)
        page.keyboard.press("g")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        assert page.locator(BANNER).count() == 0
        cookies = context.cookies()
        context.clear_cookies()
        page.keyboard.press("4")
        page.wait_for_selector(f"{BANNER} >> text=You are signed out")
        context.add_cookies(cookies)
        page.evaluate("window.dispatchEvent(new Event('online'))")
        wait_message(page, "Saved from before: 4")
        assert page.locator(BANNER).count() == 0, "what was read stays read"
    assert scores(live.store, rater) == [4.0]


# ---- 4. one browser, two people


def test_what_ann_decided_is_never_sent_as_bob(browser: Browser, live: Live, rater: User) -> None:
    ann, bob = rater, live.store.add_user(f"friend of {rater.name}", "rater")
    with signed_in(browser, live, ann) as (context, page):
        wait_for_card(page)
        page.keyboard.press("m")
        page.keyboard.type("by Ann")
        page.keyboard.press("Escape")
        intercept(page, "**/api/rate", lambda route: route.abort())
        page.keyboard.press("4")
        page.wait_for_selector(f"{BANNER} >> text=Connection lost")
        other = context.new_page()
        other.goto(live.link(bob))
        other.get_by_role("button", name="Continue").press("Enter")
        wait_for_card(other)
        assert other.locator("#rate-comment").input_value() == "", "Ann's draft is Ann's"
        context.unroute("**/api/rate")
        wait_message(page, f"what {ann.name} had not sent yet is kept for them")
        assert page.locator("[data-part=who]").inner_text() == bob.name
        page.keyboard.press("9")
        wait_message(page, "Saved 9")
        assert (scores(live.store, ann), scores(live.store, bob)) == ([], [9.0])
        assert page.evaluate(UNSENT) == 1
        other.goto(live.link(ann))
        other.get_by_role("button", name="Continue").press("Enter")
        wait_message(other, "Saved from before: 4")
    assert (scores(live.store, ann), scores(live.store, bob)) == ([4.0], [9.0])
    assert live.store.recent(ann.id)[0].rating.comment == "by Ann"


def test_what_is_kept_names_the_home_and_the_person(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.type("gm", delay=30)
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        page.keyboard.press("t")
        page.keyboard.press("m")
        page.keyboard.type("a draft")
        kept = page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('rateloop'))")
    assert len(kept) >= 2
    start = f"rateloop.{live.store.setting('home')}.{rater.id}."
    assert [name for name in kept if not name.startswith(start)] == []


# ---- 5. what was left over goes first, alone


def test_keys_wait_for_what_was_left_over(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (context, page):
        first = wait_for_card(page)
        intercept(page, "**/api/rate", lambda route: route.abort())
        page.keyboard.press("6")
        page.wait_for_selector(f"{BANNER} >> text=Connection lost")
        context.unroute("**/api/rate")
        held: list[Route] = []
        intercept(page, "**/api/rate", lambda route: held.append(route))
        page.reload()
        assert wait_for_card(page) == first
        wait_until(lambda: page.wait_for_timeout(20) or held, "the leftover on its way")
        page.keyboard.press("9")
        assert "not taken" in message(page)
        page.locator("[data-score='2']").click()
        page.keyboard.press("Backspace")
        held[0].continue_()
        context.unroute("**/api/rate")
        wait_message(page, "Saved from before: 6")
        page.wait_for_timeout(200)
        assert card_text(page) != first
        assert scores(live.store, rater) == [6.0]
        page.keyboard.press("3")
        wait_message(page, "Saved 3")
    assert scores(live.store, rater) == [6.0, 3.0]


# ---- 13. old answers


def test_a_late_answer_never_redraws(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        first = wait_for_card(page)
        held: list[Route] = []
        intercept(page, "**/api/card", lambda route: held.append(route))
        page.evaluate("window.dispatchEvent(new Event('online'))")
        wait_until(lambda: page.wait_for_timeout(20) or held, "the question")
        late = held[0].fetch()
        page.keyboard.press("5")
        wait_message(page, "Saved 5")
        second = card_text(page)
        assert second != first
        held[0].fulfill(response=late)
        page.wait_for_timeout(300)
        assert card_text(page) == second
        page.keyboard.press("8")
        wait_message(page, "Saved 8")
    assert scores(live.store, rater) == [5.0, 8.0]


# ---- 12. undo


def test_undo_says_what_it_did(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.press("5")
        wait_message(page, "Saved 5")
        with live.client(rater) as script:  # rates on, elsewhere
            card = script.get("/api/card").json()["card"]
            body = {"response_id": card["response_id"], "score": 7, "key": "from a script"}
            assert script.post("/api/rate", json=body).status_code == 200
        page.keyboard.press("Backspace")
        wait_message(page, "Nothing was taken back")
        assert scores(live.store, rater) == [5.0, 7.0]
        page.keyboard.press("Backspace")
        wait_message(page, "Taken back: you had given 7")
    assert scores(live.store, rater) == [5.0]


def test_undo_brings_back_what_was_said(browser: Browser, live: Live, rater: User) -> None:
    """Also when the answer to the first try is lost, and the second finds nothing to do any more."""
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        for lost in (False, True):
            page.keyboard.press("m")
            page.keyboard.type("x" if lost else "Too long, ")
            page.keyboard.press("Escape")
            if not lost:
                page.locator("[name=flag]").first.check()
            page.keyboard.press("6" if lost else "5")
            wait_message(page, f"Saved {6 if lost else 5}")
            assert page.locator("#rate-comment").input_value() == ""
            if lost:
                intercept(page, "**/api/undo", lose_the_answer, times=1)
            page.keyboard.press("Backspace")
            wait_message(page, f"Taken back: you had given {6 if lost else 5}")
            assert page.locator("#rate-comment").is_visible()
            assert page.locator("#rate-comment").input_value() == ("Too long, x" if lost else "Too long,")
            assert page.locator("[name=flag]:checked").count() == 1
            if not lost:
                page.locator("#rate-comment").fill("Too long, ")
                page.keyboard.press("Escape")
        page.keyboard.press("2")
        wait_message(page, "Saved 2")
    kept = live.store.recent(rater.id)[0].rating
    assert (kept.score, kept.comment, len(kept.flags)) == (2.0, "Too long, x", 1)


def lose_the_answer(route: Route) -> None:
    route.fetch()
    route.abort()


# ---- 16. back, and a server that was killed


def test_back_button(browser: Browser, live: Live, rater: User) -> None:
    with signed_in(browser, live, rater) as (_, page):
        wait_for_card(page)
        page.keyboard.press("4")
        wait_message(page, "Saved 4")
        second = card_text(page)
        page.goto("/sign-in")
        page.go_back()
        assert wait_for_card(page) == second
        page.keyboard.press("6")
        wait_message(page, "Saved 6")
        third = card_text(page)
        page.goto("/sign-in")
        page.go_back()
        assert wait_for_card(page) == third
        page.wait_for_timeout(200)
        page.go_forward()
        page.go_back()
        assert wait_for_card(page) == third
    assert scores(live.store, rater) == [4.0, 6.0]


class Server:
    """`python -m app serve`, to be killed and started again with the same home and port."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "app", "serve", "--home", str(self.home), "--port", str(self.port)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([*command, "--no-worker"], **quiet)
        wait_until(self.answers, "the server")

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/sign-in", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def test_a_server_that_is_killed_in_the_middle(browser: Browser, tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    fake_worker.generate(store, {"prompts": 12, "overlap": 100, "quota": 400})
    ann, op = store.add_user("ann", "rater"), store.add_user("op", "operator")
    server = Server(tmp_path)
    server.start()
    keys = "456789" * 5
    given = [1.0, *map(float, keys)]
    contexts = [browser.new_context(base_url=server.url) for _ in range(2)]
    page, console = (context.new_page() for context in contexts)
    try:
        for who, place in ((op, console), (ann, page)):
            place.goto(f"{server.url}/join/{store.make_link(who.id, once=False, ttl_s=600)}")
            place.get_by_role("button", name="Continue").press("Enter")
        wait_for_card(page)
        console.get_by_role("tab", name="People").wait_for()
        page.keyboard.press("1")
        wait_message(page, "Saved 1")
        page.keyboard.type(keys)
        server.kill()  # with some of these on disk, one on its way and the rest in hand
        page.wait_for_selector(f"{BANNER} >> text=Connection lost")
        page.keyboard.press("3")
        assert "not taken" in message(page)
        assert len(scores(store, ann)) < len(given)
        server.start()
        wait_until(
            lambda: page.wait_for_timeout(20) or len(scores(store, ann)) == len(given), "the keys in hand"
        )
        page.wait_for_selector(f"{BANNER} >> text=Connection lost", state="detached")
        wait_message(page, "Saved 9")
        assert scores(store, ann) == given
        assert page.evaluate(UNSENT) == 0
        shown = card_text(page)
        page.reload()
        assert wait_for_card(page) == shown
        page.keyboard.press("3")
        wait_message(page, "Saved 3")
        assert scores(store, ann) == [*given, 3.0]
        # The console goes on: it loads itself again where a refresh failed meanwhile; one that found the new server's
        # port already open was answered late, and nothing had to be loaded.
        store.add_user("bob", "rater")

        def bob_is_listed() -> bool:
            console.get_by_role("tab", name="People").click()
            console.wait_for_timeout(200)
            return console.locator("th", has_text="bob").is_visible()

        wait_until(bob_is_listed, "the console")
        assert not console.get_by_text("Connection Lost").is_visible()
    finally:
        for context in contexts:
            context.close()
        server.kill()
        store.close()
    assert re.fullmatch(r"[0-9a-f]{16}", Store.open(tmp_path).setting("home"))
