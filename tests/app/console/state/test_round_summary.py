"""The round at a glance, as numbers."""

from __future__ import annotations

import pytest

from app.console.state.round_summary import RoundSummaries, RoundSummary
from app.console.state.settings_change import change_settings, read_settings
from rater_data.errors import BadInput
from rater_data.overview.round_overview import overview_as_json
from rater_data.records import User
from rater_data.round_settings import READINESS
from rater_data.store import Store
from tests import fake_worker
from tests.app.console.helpers import UP, rate_all


def test_readiness_of_another_round_is_not_shown(store: Store) -> None:
    summaries = RoundSummaries()
    assert summaries.read(store, store.round_progress()) == RoundSummary()
    fake_worker.generate(store, {})
    store.set_setting(READINESS, {"round": 7, "spearman": 0.5, "passed": True})
    assert summaries.read(store, store.round_progress()).readiness is None
    store.set_setting(READINESS, {"round": 1, "spearman": 0.5, "passed": True})
    assert summaries.read(store, store.round_progress()).readiness["spearman"] == 0.5


def test_agreement_without_excluded_raters(store: Store) -> None:
    fake_worker.generate(store, {"overlap": 2})
    summaries = RoundSummaries()
    rate_all(store, 8)
    assert summaries.read(store, store.round_progress()).alpha is None, "nothing was rated twice"
    rate_all(store, 8)
    summary = summaries.read(store, store.round_progress())
    assert summary.alpha is not None and summary.alpha.n > 1
    assert summary.raters_at_work == 0, "nobody holds a card"
    store.set_excluded(store.users()[-1].id, True, "op")
    assert summaries.read(store, store.round_progress()).alpha is None


def test_overview_as_json_without_and_with_a_round(store: Store) -> None:
    empty = overview_as_json(store, UP)
    assert (empty["round"], empty["job"], empty["next"]["possible"]) == (None, None, True)
    fake_worker.generate(store, {})
    rate_all(store, 8)
    full = overview_as_json(store, UP)
    assert (full["round"]["ratings"], full["round"]["complete"], full["next"]["possible"]) == (8, True, True)
    assert full["worker"] == {"state": "running", "deaths": 0, "last_words": ""}


def test_settings_are_kept_once_and_the_change_is_in_the_journal(store: Store, op: User) -> None:
    assert read_settings(store)["plan.ratings"] == 64
    assert change_settings(store, op.name, {"plan.ratings": 64}) == "Nothing was changed."
    events = len(store.events())
    assert change_settings(store, op.name, read_settings(store)) == "Nothing was changed.", "all of the form"
    assert len(store.events()) == events
    said = change_settings(store, op.name, {"plan.ratings": 32, "ppo.steps": 9})
    assert said == "Kept: round 1, which has not begun, is begun with these settings."
    assert (read_settings(store)["plan.ratings"], read_settings(store)["ppo.steps"]) == (32, 9)
    event = store.events(1)[0]
    assert (event.actor, event.what) == ("op", "changed the settings")
    assert event.data == {"plan.ratings": 32, "ppo.steps": 9}
    with pytest.raises(BadInput, match="from 8 to"):
        change_settings(store, op.name, {"plan.ratings": 3})
