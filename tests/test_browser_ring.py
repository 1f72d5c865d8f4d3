"""The whole ring in a real browser, with the real trainer and the tiny model: nobody plays a part."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app_helpers import serving, until
from tests.browser import chromium, signed_in, wait_for_card

pytestmark = pytest.mark.browser
# Seconds that a trainer, at the lowest priority, may take on a machine that does other things, too
BUSY = 200.0


def test_the_real_trainer_learns_from_what_was_typed(tmp_path: Path) -> None:
    """Nothing played: the tiny model writes, a person rates by keys, the console trains, the new version writes."""
    small = {
        "precision": "fp32",
        "sample": {"max_new_tokens": 24},
        "plan": {"ratings": 48},
        "ppo": {"steps": 2},
    }
    with chromium() as browser, serving(tmp_path, worker=True, rounds=small) as live:
        store = live.store
        operator, ann = store.add_user("op", "operator"), store.add_user("ann", "rater")
        until(lambda: (found := store.round()) and found.state == "rating", "the first responses", BUSY)
        with signed_in(browser, live, operator) as (_, console), signed_in(browser, live, ann) as (_, rating):
            wait_for_card(rating)
            while not store.round_progress().complete:
                given, text = store.ratings_by(ann.id), store.next_card(ann.id).text
                score = min(10, max(1, round(10 - len(text) / 2.5)))  # the shorter the better
                rating.keyboard.press(str(score % 10))
                until(lambda given=given: store.ratings_by(ann.id) > given, "the rating")
            train = console.get_by_role("button", name="Train round 1")
            expect(train).to_be_enabled(timeout=20_000)
            train.click()
            until(
                lambda: store.round().number == 2 and store.round().state == "rating", "the next round", BUSY
            )
            wait_for_card(rating)
            card = store.next_card(ann.id)
            assert store.current_version().number == 1
            written = {(one.stratum, one.version_number) for one in store.responses(2)}
            assert {("train", 1), ("control", 0)} <= written, "the version before wrote the control arm"
            expect(rating.locator("[data-part=text]")).to_have_text(card.text, timeout=20_000)
            assert len(store.snapshot(1)) == 48
            assert (tmp_path / "versions" / "0001" / "adapter_model.safetensors").is_file()
            console.get_by_role("tab", name="Versions").click()
            expect(console.get_by_role("heading", name="Version 1")).not_to_have_count(0)
            assert console.troubles == rating.troubles == []
