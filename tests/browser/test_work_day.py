"""Back at a tab that was left alone for lunch: no error, nothing lost, and the next key works."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from rater_data.store.database import schema as t
from tests import fake_worker
from tests.app.helpers import Live, send_rating, serving
from tests.browser.helpers import card_text, message, signed_in, wait_for_card, wait_message


def take_over(live: Live, left: int) -> None:
    """The lease of everybody runs out, and Ben rates what was left alone."""
    ben = live.store.add_user("ben", "rater")
    with live.store.writing() as connection:
        connection.execute(sa.update(t.leases).values(until=1.0))
    with live.client(ben) as client:
        card = client.get("/api/card").json()["card"]
        while card["response_id"] != left:
            card = send_rating(client, card, 3).json()["card"]
        send_rating(client, card, 3)


@pytest.mark.parametrize("first", ["pointer", "key"])
def test_after_lunch(browser: Browser, tmp_path: Path, first: str) -> None:
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {"quota": 64, "overlap": 1})
        ann = live.store.add_user("ann", "rater")
        with signed_in(browser, live, ann, fresh=True) as (_, page):
            wait_for_card(page)
            page.clock.install()
            page.reload()
            left = wait_for_card(page)
            held = live.store.next_card(ann.id)
            assert held is not None and held.text in left
            take_over(live, held.response_id)
            page.clock.fast_forward(90 * 60_000)
            if first == "pointer":
                page.mouse.move(200, 200)
            else:
                page.keyboard.press("7")
                wait_message(page, "Somebody else has that one by now: this is the next.")
            expect(page.locator("[data-part=text]")).not_to_have_text(left)
            assert not page.locator(".rate-message.refused").is_visible()
            fresh = card_text(page)
            page.keyboard.press("8")
            wait_message(page, "Saved 8")
            (mine,) = live.store.recent(ann.id)
            assert mine.response.text in fresh and mine.rating.score == 8.0
            # four more hours, of which nobody took the card: the key counts, and was not asked twice
            page.clock.fast_forward(4 * 3_600_000)
            page.keyboard.press("5")
            wait_message(page, "Saved 5")
            assert [r.rating.score for r in live.store.recent(ann.id)] == [5.0, 8.0]
            told = [
                one for one in page.errors if "410" not in one
            ]  # the browser's own line of the refused request
            assert told == [] and message(page).startswith("Saved 5")
