"""The operator's console in a real browser, with a trainer that plays its part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from rater_data.records import User
from tests import fake_worker
from tests.app_helpers import Live, serving, until
from tests.browser import card_text, chromium, serious, signed_in, wait_for_card

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 2</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def live(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server whose trainer the tests play themselves."""
    with serving(tmp_path_factory.mktemp("console")) as server:
        fake_worker.generate(server.store, {})
        server.store.add_user("op", "operator")
        yield server


def operator_of(live: Live) -> User:
    return live.store.user_by_name("op")


def test_train_and_the_rater_gets_the_new_card(browser: Browser, tmp_path: Path) -> None:
    texts = ["Fine.", "Good.", HOSTILE, "Bad."]
    with serving(tmp_path, worker=True, texts=texts, steps=5, pause=0.8) as live:
        until(lambda: (found := live.store.round()) and found.state == "rating", "the first responses")
        turn_the_ring(browser, live)


def turn_the_ring(browser: Browser, live: Live) -> None:
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
        expect(console.locator(".ops-work h2")).to_have_text("Practising")
        expect(console.locator("table.numbers tbody tr")).not_to_have_count(0)
        until(
            lambda: live.store.round().number == 2 and live.store.round().state == "rating", "the next round"
        )
        wait_for_card(rating)
        card = live.store.next_card(ann.id)
        assert card.round_number == 2
        assert live.store.response(card.response_id).version_number == 1
        assert card_text(rating) == card.text
        expect(console.get_by_role("heading", name="Round 2")).to_be_visible()
        expect(console.locator(".ops-pair")).to_have_count(3)
        expect(console.get_by_role("button", name="Cancel training")).to_be_hidden()
        assert console.evaluate("window.hacked") is None
        assert console.troubles == rating.troubles == []


def test_roll_back_asks_first(browser: Browser, live: Live) -> None:
    operator, ann = operator_of(live), live.store.add_user("ann", "rater")
    with live.client(ann) as client:
        for i in range(8):
            card = client.get("/api/card").json()["card"]
            body = {"response_id": card["response_id"], "score": 5, "key": f"rating {i}", "position": 1}
            assert client.post("/api/rate", json=body).status_code == 200
    with live.client(operator) as client:
        assert client.post("/api/train", json={"override": False}).status_code == 200
    fake_worker.train(live.store, live.store.claim("fake"), "fake", {"pause": 0})
    with signed_in(browser, live, operator) as (_, console):
        console.once("dialog", lambda dialog: dialog.dismiss())
        console.get_by_role("button", name="Use again").click()
        console.wait_for_timeout(300)
        assert live.store.current_version().number == 1
        console.once("dialog", lambda dialog: dialog.accept())
        console.get_by_role("button", name="Use again").click()
        expect(console.get_by_text("Version 0 is in use again.")).to_be_visible()
        assert live.store.current_version().number == 0


def test_invite(browser: Browser, live: Live) -> None:
    operator = operator_of(live)
    with signed_in(browser, live, operator) as (_, console):
        console.get_by_label("Invite a rater").fill(HOSTILE[:60])
        console.get_by_role("button", name="Make a personal link").click()
        link = console.locator("#ops-link")
        expect(link).to_be_visible()
        address = link.input_value()
        expect(console.locator(".ops-table", has_text="<img src=x")).to_be_visible()
        assert console.evaluate("window.hacked") is None
        with live.client() as invited:
            assert invited.post(address).headers["location"] == "/rate/"
        console.get_by_label("Invite a rater").fill("  ")
        console.get_by_role("button", name="Make a personal link").click()
        expect(console.get_by_text("A rater needs a name")).to_be_visible()


def test_operator_page_is_accessible_and_fits_a_phone(browser: Browser, live: Live) -> None:
    axe = Axe()
    operator = operator_of(live)
    for options in ({}, {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}):
        with signed_in(browser, live, operator, **options) as (_, console):
            expect(console.get_by_role("heading", level=1)).to_be_visible()
            console.wait_for_timeout(500)
            assert serious(axe.run(console)) == []
            assert console.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_rater_is_kept_out_and_let_in(browser: Browser, live: Live) -> None:
    operator, zoe = operator_of(live), live.store.add_user("zoe <b>", "rater")
    with signed_in(browser, live, operator) as (_, console):
        row = console.locator("tr", has_text="zoe <b>")
        console.once("dialog", lambda dialog: dialog.dismiss())
        row.get_by_role("button", name="Keep out").click()
        console.wait_for_timeout(300)
        assert live.store.user(zoe.id).active
        console.once("dialog", lambda dialog: dialog.accept())
        row.get_by_role("button", name="Keep out").click()
        expect(console.get_by_text("zoe <b> (kept out)")).to_be_visible()
        assert not live.store.user(zoe.id).active
        row.get_by_role("button", name="Let in").click()
        expect(console.get_by_text("zoe <b> may rate again.")).to_be_visible()
        console.once("dialog", lambda dialog: dialog.accept())
        row.get_by_role("button", name="Do not count").click()
        expect(console.get_by_text("zoe <b> (does not count)")).to_be_visible()
        assert live.store.user(zoe.id).excluded
        console.wait_for_timeout(300)
        assert console.troubles == []
