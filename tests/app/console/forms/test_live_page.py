"""The page asks every two seconds and gets what changed."""

from __future__ import annotations

import asyncio

from app.access.auth import Guard
from app.console.console_page import build_page
from app.console.forms.live_page import LivePage
from app.console.state.round_verdicts import RoundVerdicts
from app.settings import Settings
from app.startup import prepare_home
from app.trainer.supervisor import Supervisor
from rater_data.store import Store
from tests.app.console.helpers import rate_all, work


def page_of(store: Store) -> LivePage:
    async def build() -> LivePage:
        settings = Settings(home=store.home, worker=False)
        return build_page(
            store, Guard(store, "secret", settings.cookie_name), Supervisor(settings), RoundVerdicts()
        )

    return asyncio.run(build())


def test_only_what_changed_is_sent_again(store: Store) -> None:
    prepare_home(store)
    work(store)
    page = page_of(store)
    first, fingerprints = page.find_changes(page.read_parts(), "{}")
    assert set(first) == set(page.parts)
    again, fingerprints = page.find_changes(page.read_parts(), fingerprints)
    assert set(again) == {name for name, part in page.parts.items() if part.is_plot}, "plots are sent twice"
    assert page.find_changes(page.read_parts(), fingerprints)[0] == {}
    rate_all(store, 1)
    changed, fingerprints = page.find_changes(page.read_parts(), fingerprints)
    assert {"tiles", "scores", "heading"} <= set(changed)
    assert "versions" not in changed
    assert set(page.find_changes(page.read_parts(), "not json")[0]) == set(first)
    assert set(page.find_changes(page.read_parts(), "[]")[0]) == set(first)


def test_every_part_is_an_output_of_every_refresh(store: Store) -> None:
    page = page_of(store)
    refreshes = [function for function in page.blocks.fns.values() if function.name == "tick"]
    assert len(refreshes) == 4, "the timer, the start of the page and two dropdowns"
    for function in refreshes:
        assert {part.component for part in page.parts.values()} <= set(function.outputs)
