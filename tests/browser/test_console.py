"""The operator's console in a real browser, with a trainer that plays its part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from rater_data.records import User
from rater_data.round_settings import RATER_REVIEW, RETURN_WHEN_HURT
from rater_data.statistics.rater_habits import rater_habits
from tests import fake_worker
from tests.app.helpers import Live, serving, wait_until
from tests.browser.helpers import accessibility_violations, card_text, signed_in, wait_for_card
from tests.rater_data.store_world import rating

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 2</script>"


@pytest.fixture(scope="module")
def live(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose trainer the tests play themselves."""
    with serving(tmp_path_factory.mktemp("console")) as server:
        fake_worker.generate(server.store, {})
        server.store.add_user("op", "operator")
        yield server


def the_operator(live: Live) -> User:
    return live.store.user_by_name("op")


def test_train_and_the_rater_gets_the_new_card(browser: Browser, tmp_path: Path) -> None:
    texts = ["Fine.", "Good.", HOSTILE, "Bad."]
    with serving(tmp_path, worker=True, texts=texts, steps=5, pause=0.4) as live:
        wait_until(lambda: (found := live.store.round()) and found.state == "rating", "the first responses")
        train_and_rate_on(browser, live)


def open_tab(console: Page, name: str) -> None:
    console.get_by_role("tab", name=name).click()


def train_and_rate_on(browser: Browser, live: Live) -> None:
    operator, ann = live.store.add_user("op", "operator"), live.store.add_user(HOSTILE[:60], "rater")
    with signed_in(browser, live, operator) as (_, console), signed_in(browser, live, ann) as (_, rating):
        wait_for_card(rating)
        main = console.get_by_role("button", name="Train round 1")
        expect(main).to_be_disabled()
        expect(console.get_by_text("8 more ratings to go")).to_be_visible()
        rating.keyboard.type("7391" * 4, delay=15)
        expect(console.get_by_text("All 8 ratings are in")).to_be_visible()
        expect(main).to_be_enabled()
        rating.wait_for_selector("text=You have rated everything")
        main.click()
        rating.reload()
        rating.wait_for_selector("text=Round 1 is being trained")
        expect(console.get_by_text("Round 1 is sealed; training begins.")).to_be_visible()
        expect(console.get_by_role("button", name="Cancel training")).to_be_visible()
        expect(console.locator(".ops-work h2")).to_have_text("PPO on rollouts")
        expect(console.locator("table.numbers tbody tr")).not_to_have_count(0)
        wait_until(
            lambda: live.store.round().number == 2 and live.store.round().state == "rating", "the next round"
        )
        wait_for_card(rating)
        card = live.store.next_card(ann.id)
        assert card.round_number == 2
        assert live.store.response(card.response_id).version_number == 1
        assert card_text(rating) == card.text
        expect(console.get_by_role("heading", name="Round 2")).to_be_visible()
        open_tab(console, "Versions")
        expect(console.locator(".ops-pair")).to_have_count(3)
        expect(console.get_by_role("button", name="Cancel training")).to_be_hidden()
        assert console.evaluate("window.hacked") is None
        assert console.errors == rating.errors == []


def test_roll_back_asks_first(browser: Browser, live: Live) -> None:
    operator, ann = the_operator(live), live.store.add_user("ann", "rater")
    with live.client(ann) as client:
        for i in range(8):
            card = client.get("/api/card").json()["card"]
            body = {"response_id": card["response_id"], "score": 5, "key": f"rating {i}", "position": 1}
            assert client.post("/api/rate", json=body).status_code == 200
    with live.client(operator) as client:
        assert client.post("/api/train", json={"override": False}).status_code == 200
    fake_worker.train(live.store, live.store.claim("fake"), "fake", {"pause": 0})
    with signed_in(browser, live, operator) as (_, console):
        open_tab(console, "Versions")
        console.once("dialog", lambda dialog: dialog.dismiss())
        console.get_by_role("button", name="Use again").click()
        console.wait_for_timeout(300)
        assert live.store.current_version().number == 1
        console.once("dialog", lambda dialog: dialog.accept())
        console.get_by_role("button", name="Use again").click()
        expect(console.get_by_text("Version 0 is in use again.")).to_be_visible()
        assert live.store.current_version().number == 0


def test_invite(browser: Browser, live: Live) -> None:
    operator = the_operator(live)
    with signed_in(browser, live, operator) as (_, console):
        open_tab(console, "People")
        console.get_by_label("Invite somebody").fill(HOSTILE[:60])
        console.get_by_role("button", name="Make a personal link").click()
        link = console.locator("#ops-link")
        expect(link).to_be_visible()
        address = link.input_value()
        expect(console.locator(".ops-table", has_text="<img src=x")).to_be_visible()
        assert console.evaluate("window.hacked") is None
        with live.client() as invited:
            assert invited.post(address).headers["location"] == "/rate/"
            assert invited.get("/api/card").status_code == 200
            console.get_by_label("Invite somebody").fill(HOSTILE[:60])
            console.get_by_role("button", name="Make a personal link").click()
            expect(console.get_by_text("is here already. A new link ends")).to_be_visible()
            assert invited.get("/api/card").status_code == 200, "nobody is signed out unasked"
            console.get_by_role("button", name="Yes, a new link for").click()
            expect(link).to_be_visible()
            assert invited.get("/api/card").status_code == 401
        expect(console.get_by_role("button", name="Make a personal link")).to_be_visible()
        console.get_by_label("Invite somebody").fill("  ")
        console.get_by_role("button", name="Make a personal link").click()
        expect(console.get_by_text("A rater needs a name")).to_be_visible()


def test_a_second_operator_is_invited(browser: Browser, live: Live) -> None:
    with signed_in(browser, live, the_operator(live)) as (_, console):
        open_tab(console, "People")
        console.get_by_label("Invite somebody").fill("eve")
        console.get_by_label("As", exact=True).click()
        console.get_by_role("listbox").last.get_by_role("option", name="Operator").click()
        console.get_by_role("button", name="Make a personal link").click()
        expect(console.get_by_text("Personal link of eve")).to_be_visible()
        expect(console.locator("tr", has_text="eve (operator)")).to_be_visible()
        with live.client() as invited:
            address = console.locator("#ops-link").input_value()
            assert invited.post(address).headers["location"] == "/operator/"
        assert console.errors == []


def test_tokens_are_made_listed_and_taken_back(browser: Browser, live: Live) -> None:
    with signed_in(browser, live, the_operator(live)) as (_, console):
        open_tab(console, "People")
        expect(console.get_by_text("No token works at the moment.")).to_be_visible()
        console.get_by_label("Make a token for").fill(f"bot {HOSTILE[:40]}")
        console.get_by_label("Works for, days").fill("400")
        console.get_by_role("button", name="Make a token", exact=True).click()
        expect(console.get_by_text("A token lasts up to 366 days, not 400.")).to_be_in_viewport()
        console.get_by_label("Works for, days").fill("7")
        console.get_by_role("button", name="Make a token", exact=True).click()
        expect(console.locator("#ops-token")).to_have_value(re.compile("^rl-"))
        headers = {"Authorization": f"Bearer {console.locator('#ops-token').input_value()}"}
        with live.client() as script:
            assert script.get("/api/card", headers=headers).status_code == 200
            row = console.locator(".ops-table .tokens tr", has_text="bot <img")
            console.once("dialog", lambda dialog: dialog.dismiss())
            row.get_by_role("button", name="Take back").click()
            console.wait_for_timeout(300)
            assert script.get("/api/card", headers=headers).status_code == 200
            console.once("dialog", lambda dialog: dialog.accept())
            row.get_by_role("button", name="Take back").click()
            expect(row).to_have_count(0)
            assert script.get("/api/card", headers=headers).status_code == 401
        assert console.evaluate("window.hacked") is None
        assert console.errors == []


def test_a_notice_is_seen_and_goes_after_a_while(browser: Browser, live: Live) -> None:
    with signed_in(browser, live, the_operator(live), viewport={"width": 800, "height": 500}) as (_, console):
        console.clock.install()
        open_tab(console, "Settings")
        save, notice = console.get_by_role("button", name="Ask this"), console.locator(".ops-notice")
        save.scroll_into_view_if_needed()
        save.click()
        expect(notice).to_have_text("Nothing was changed.")
        expect(notice).to_be_in_viewport()
        assert console.evaluate("scrollY") > 100, "there was something to scroll"
        console.clock.run_for(21_000)
        expect(notice).to_be_hidden()
        save.click()  # the same sentence again
        expect(notice).to_be_visible()
        console.get_by_label("Ratings per round").fill("3")
        console.get_by_role("button", name="Keep these settings").click()
        expect(notice).to_contain_text("has to be from 8")
        console.clock.run_for(60_000)
        expect(notice).to_be_visible()


EMPTY_BLOCKS = """[...document.querySelectorAll('.tabitem:has(.ops-tiles) > .column > *')]
    .filter((it) => getComputedStyle(it).display !== 'none' && it.offsetHeight === 0).length"""


@pytest.mark.parametrize("width", [1280, 390])
def test_tables_fit_and_nothing_empty_takes_room(browser: Browser, live: Live, width: int) -> None:
    store, operator = live.store, the_operator(live)
    if len(store.versions()) < 2:
        store.add_version(fake_worker.version(1, 0, "kept"))
    viewport = {"width": width, "height": 844}
    with signed_in(browser, live, operator, viewport=viewport) as (_, console):
        expect(console.locator(".ops-tiles")).to_be_visible()
        assert console.evaluate(EMPTY_BLOCKS) == 0, "an empty block leaves a gap on either side of it"
        for name, button in (("Versions", "Use again"), ("People", "Do not count")):
            open_tab(console, name)
            expect(console.get_by_role("button", name=button).first).to_be_visible()
            table = console.locator(".ops-table:visible", has=console.get_by_role("button", name=button))
            assert table.evaluate("it => it.scrollWidth <= it.clientWidth"), f"{name} goes out of sight"


def test_a_rater_is_kept_out_and_let_in(browser: Browser, live: Live) -> None:
    operator, zoe = the_operator(live), live.store.add_user("zoe <b>", "rater")
    with signed_in(browser, live, operator) as (_, console):
        open_tab(console, "People")
        row = console.locator("tbody", has_text="zoe <b>")
        console.once("dialog", lambda dialog: dialog.dismiss())
        row.get_by_role("button", name="Keep out").click()
        console.wait_for_timeout(300)
        assert live.store.user(zoe.id).active
        console.once("dialog", lambda dialog: dialog.accept())
        row.get_by_role("button", name="Keep out").click()
        expect(console.get_by_text("zoe <b> (kept out)")).to_be_visible()
        assert not live.store.user(zoe.id).active
        row.get_by_role("button", name="Let in").click()
        expect(console.get_by_text("zoe <b> may come in again")).to_be_visible()
        console.once("dialog", lambda dialog: dialog.accept())
        row.get_by_role("button", name="Do not count").click()
        expect(console.get_by_text("zoe <b> (does not count)")).to_be_visible()
        assert live.store.user(zoe.id).excluded
        console.wait_for_timeout(300)
        assert console.errors == []


def test_people_stay_sorted_while_the_page_follows(browser: Browser, tmp_path: Path) -> None:
    """And leaving somebody out asks with what it does."""
    with serving(tmp_path) as live:
        store = live.store
        fake_worker.generate(store, {"quota": 8})
        operator = store.add_user("op", "operator")
        people = [store.add_user(name, "rater") for name in ("Zoe", "Yve", "Xan", "!Abe")]
        store.submit(rating(store.next_card(people[2].id).response_id, people[2].id, 5.0))
        effect = {"with": 0.41, "without": 0.52, "low": -0.02, "high": 0.24, "responses": 38, "ratings": 9}
        habits = [asdict(h) for h in rater_habits(store.score_frame())]
        head = {str(people[2].id): effect}
        store.set_setting(RATER_REVIEW, {"ratings": 9, "raters": habits, "findings": [], "head": head})
        with signed_in(browser, live, operator) as (_, console):
            open_tab(console, "People")
            names = console.locator("table.people > tbody > tr:first-child > th")
            console.get_by_label("Sort").select_option("Most ratings first")
            expect(names.first).to_have_text("Xan")
            console.get_by_label("Sort").select_option("By name")
            expect(names.first).to_have_text("!Abe")
            store.add_user("! Aaa", "rater")  # the page shows it by itself, in its place
            expect(names.first).to_have_text("! Aaa")
            expect(console.get_by_label("Sort")).to_have_value("name")
            asked: list[str] = []
            console.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
            console.locator(f"[data-access=exclude][data-who='{people[2].id}']").click()
            assert "Xan out of this round and all trainings to come" in asked[0]
            assert "The reward head agrees" in asked[0]
            assert not store.user(people[2].id).excluded


def test_prompts_are_added_found_tagged_and_retired(browser: Browser, live: Live, tmp_path: Path) -> None:
    store, operator = live.store, the_operator(live)
    with signed_in(browser, live, operator) as (_, console):
        open_tab(console, "Prompts")
        console.get_by_label("Prompts, one a line").fill(f"Name a river.\n{HOSTILE}\nHow do I boil an egg?")
        console.get_by_role("button", name="Add them").click()
        expect(console.get_by_text("2 prompts added. 1 was there already.")).to_be_visible()
        file = tmp_path / "more.jsonl"
        file.write_text('{"prompt": "Name a lake.", "tags": ["water"]}\n')
        console.locator("input[type=file]").set_input_files(file)
        expect(console.get_by_text("1 prompt added.")).to_be_visible()
        file.write_text("17")
        console.locator("input[type=file]").set_input_files(file)
        expect(console.get_by_text("more.jsonl, line 1")).to_be_visible()
        (tmp_path / "more.exe").write_text("x")
        console.locator("input[type=file]").set_input_files(tmp_path / "more.exe")
        expect(console.get_by_text("A file of prompts ends in")).to_be_visible()
        console.get_by_label("Find").fill("name a")
        expect(console.locator("table.wide tbody tr")).to_have_count(2)
        row = console.locator("tr", has_text="Name a river.")
        row.get_by_role("textbox").fill("water, <b>deep")
        row.get_by_role("textbox").press("Tab")
        expect(console.get_by_text("Tags of “Name a river.”: water, <b>deep.")).to_be_visible()
        console.get_by_label("Find").fill("WATER")
        expect(console.locator("table.wide tbody tr")).to_have_count(2)
        # as many rows as before: they are drawn anew, and a click must not fall between
        console.wait_for_timeout(800)
        row.get_by_role("button", name="Retire").click()
        expect(row.get_by_role("button", name="Ask again")).to_be_visible()
        assert "Name a river." not in [p.text for p in store.prompts()]
        row.get_by_role("button", name="Ask again").click()
        expect(row.get_by_role("button", name="Retire")).to_be_visible()
        assert next(p for p in store.prompts() if p.text == "Name a river.").tags == ("water", "<b>deep")
        assert console.evaluate("window.hacked") is None
        assert console.errors == []


def test_settings_have_bounds_and_defaults(browser: Browser, live: Live) -> None:
    store, operator = live.store, the_operator(live)
    with signed_in(browser, live, operator) as (_, console):
        open_tab(console, "Settings")
        ratings, steps = console.get_by_label("Ratings per round"), console.get_by_label("PPO steps")
        expect(ratings).to_have_value("64")
        ratings.fill("32")
        steps.fill("9")
        console.get_by_role("button", name="Keep these settings").click()
        expect(console.get_by_text("Kept: round")).to_be_visible()
        assert store.setting("round_config") == {"plan": {"ratings": 32}, "ppo": {"steps": 9}}
        ratings.fill("3")
        console.get_by_role("button", name="Keep these settings").click()
        expect(console.get_by_text("has to be from 8 to 100000, not 3").first).to_be_visible()
        console.get_by_role("button", name="Back to the defaults").click()
        expect(ratings).to_have_value("64")
        chosen = {"system": "", "max_new_tokens": 96}  # these two stay, whatever the trainer would begin with
        assert store.setting("round_config") == {"sample": chosen}
        by_itself = console.get_by_label("Return to the version before when one hurt")
        expect(by_itself).not_to_be_checked()
        by_itself.check()
        expect(console.get_by_text("A version that hurt goes out of use by itself now.")).to_be_visible()
        assert store.setting(RETURN_WHEN_HURT) is True
        expect(console).to_have_title(re.compile(r"Round \d+ · Rateloop$"))
        console.get_by_label("Further qualities").fill("helpful, kind")
        console.get_by_role("button", name="Ask this").click()
        expect(console.get_by_text("from their next card on")).to_be_visible()
        assert store.setting("asks")["attributes"] == ["helpful", "kind"]
        store.set_setting("asks", {})
        console.get_by_label("Text", exact=True).fill(f"# New\n\nBe kind. {HOSTILE}")
        expect(console.locator(".ops-preview h1")).to_have_text("New")
        console.get_by_role("button", name="Put this version in force").click()
        expect(console.get_by_text("Version 2 of the guidelines is in force.")).to_be_visible()
        assert store.guideline()[0] == 2
        assert console.evaluate("window.hacked") is None
        assert console.errors == []


def test_a_prompt_is_tried_on_two_versions(browser: Browser, live: Live) -> None:
    store, operator = live.store, the_operator(live)
    if len(store.versions()) < 2:
        store.add_version(fake_worker.version(1, 0, "kept"))
    with signed_in(browser, live, operator) as (_, console):
        open_tab(console, "Versions")
        console.get_by_role("button", name="Try it").click()
        expect(console.get_by_text("A prompt has 1 to")).to_be_visible()
        for label, name in (("Left, else", "Version 1"), ("Right, else", "Version 0")):
            console.get_by_label(label).click()
            console.get_by_role("listbox").last.get_by_role("option", name=name).click()
        console.get_by_label("Try a prompt on both").fill(f"What is rain? {HOSTILE}")
        console.get_by_role("button", name="Try it").click()
        expect(console.get_by_text("Waiting for the trainer …")).to_be_visible()
        job = store.claim("fake", kinds=("try",))
        assert job.payload["versions"] == [1, 0]
        answers = [{"version": v, "text": f"It is wet. {HOSTILE}", "ended": True} for v in (1, 0)]
        store.finish(job.id, "fake", {"answers": answers})
        expect(
            console.locator(".ops-pair", has_text="What is rain?").get_by_text("It is wet.")
        ).to_have_count(2)
        note = console.get_by_label("Notes on version 1")
        note.fill("Too short <i>")
        note.press("Tab")
        expect(console.get_by_text("Noted about version 1.")).to_be_visible()
        assert store.version(1).notes == "Too short <i>"
        assert console.evaluate("window.hacked") is None
        assert console.errors == []


def test_ratings_are_downloaded(browser: Browser, live: Live) -> None:
    store, operator = live.store, the_operator(live)
    rater = store.add_user("downloaded", "rater")
    with live.client(rater) as client:
        card = client.get("/api/card").json()["card"]
        if card is not None:  # else the tests before have rated all there is
            body = {"response_id": card["response_id"], "score": 5, "key": "a key of its own"}
            assert client.post("/api/rate", json=body).status_code == 200
    with signed_in(browser, live, operator) as (_, console):
        open_tab(console, "Data")
        console.get_by_label("In which form").select_option("csv")
        with console.expect_download() as download:
            console.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename.startswith("rateloop-ratings-")
        text = Path(download.value.path()).read_text(encoding="utf-8")
        assert text.count("\n") >= 2 and "downloaded" not in text, "people appear by pseudonym"
        expect(console.get_by_text("goes to your downloads")).to_be_visible()
        expect(console.get_by_label("Only round")).to_be_hidden()
        console.get_by_text("More", exact=True).click()
        expect(console.get_by_label("Ties too")).to_be_hidden()
        console.get_by_label("Only since").fill("2020-01-31")
        console.get_by_label("Only round").fill("77")
        console.get_by_role("button", name="Download").click()
        expect(console.get_by_text("There is no round 77")).to_be_visible()
        console.get_by_label("Only round").fill("")
        console.get_by_label("What").select_option("preference")
        console.get_by_label("Ties too").check()
        console.get_by_label("What").select_option("helpsteer")
        console.get_by_role("button", name="Download").click()
        expect(console.get_by_text("There is nothing to export")).to_be_visible()
        assert accessibility_violations(console) == []
