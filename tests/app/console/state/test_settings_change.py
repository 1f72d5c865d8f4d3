"""What the form of a round's settings says of each of them, and of what a change would cost."""

import pytest

from app.console.state.settings_change import (
    SWITCHES,
    change_settings,
    describe_open_round,
    describe_setting,
    preview_settings,
    read_plan,
    read_settings,
    unkept_settings,
)
from rater_data.planning.presets import PRESETS
from rater_data.planning.wording import UNMEASURED, minutes
from rater_data.records import Prompt
from rater_data.round_settings import ROUND_COSTS, ROUND_SETTINGS, SETTING_OF_PATH, RoundSetting
from rater_data.store import Store
from tests import fake_worker
from tests.rater_data.planning.test_estimate import COSTS


@pytest.mark.parametrize("setting", ROUND_SETTINGS, ids=lambda setting: setting.path)
def test_a_field_says_unit_default_and_what_more_of_it_does(setting):
    said = describe_setting(setting)
    word = "Higher" if isinstance(setting, RoundSetting) else "Changed"
    assert said.startswith(setting.unit) and said.endswith(f"{word}: {setting.effect}.")
    assert "by default " in said


def test_a_line_as_it_is_read():
    assert describe_setting(SETTING_OF_PATH["ppo.kl_coef"]) == (
        "standard deviations of the score a nat; 0 to 2, by default 0.05. Higher: more careful, slower to learn."
    )
    assert ", by default Chat. Changed: all responses" in describe_setting(
        SETTING_OF_PATH["sample.prompt_format"]
    )


def test_what_the_open_round_was_begun_with_is_told_beside_what_is_kept(tmp_path):
    store = Store.open(tmp_path)
    assert describe_open_round(store) == ""
    store.add_prompts([Prompt.of("Why?")])
    store.add_version(fake_worker.version(0, None, "current"))
    store.start_round({"plan": {"ratings": 96}, "sample": {"system": ""}, "quota": 96}, 0)
    assert describe_open_round(store) == "Round 1 was begun with other ones: Ratings per round 96."
    change_settings(store, "op", {"plan.ratings": 96})
    assert describe_open_round(store) == "Round 1 was begun with the settings that stand here."
    change_settings(store, "op", {"sample.system": "Be brief."})
    assert describe_open_round(store).endswith("other ones: System prompt none.")
    store.close()


def test_switches_say_their_default_too():
    assert all(switch.meaning.startswith("By default off. On: ") for switch in SWITCHES)


def test_before_anything_is_measured_nothing_is_claimed(store: Store) -> None:
    said, is_fine = preview_settings(store, read_settings(store) | {"plan.ratings": 48})
    assert is_fine and said == f"{UNMEASURED} 48 ratings are 24 min of rating for one person."
    plan = read_plan(store)
    assert plan.describe_basis() == UNMEASURED
    assert plan.costs_of(PRESETS[2]) == [("Rating, by one person", "32 min", "4.0 h")]


def test_a_change_says_what_it_does_before_it_is_kept(store: Store) -> None:
    store.set_setting(ROUND_COSTS, COSTS.to_json())
    kept = read_settings(store)
    plan = read_plan(store)
    now, longer = plan.estimate(plan.kept), plan.estimate({**plan.kept, "sample.max_new_tokens": 192})
    said, _ = preview_settings(store, kept)
    assert said.startswith("A round takes about ") and " 64 ratings are 32 min" in said
    said, is_fine = preview_settings(store, kept | {"sample.max_new_tokens": 192})
    assert is_fine and f"about {minutes(longer.train_s)} to train (now {minutes(now.train_s)})" in said
    assert read_settings(store) == kept, "a look keeps nothing"
    change_settings(store, "op", {"sample.max_new_tokens": 192})
    assert preview_settings(store, read_settings(store))[0].startswith("A round takes about ")


def test_what_cannot_be_kept_is_said_beside_it(store: Store) -> None:
    store.set_setting(ROUND_COSTS, COSTS.to_json())
    kept = read_settings(store)
    for path, value, why in (
        ("ppo.steps", 0, "PPO steps has to be from 1 to 200, not 0."),
        ("ppo.steps", None, "has to be a number"),
        ("sample.max_new_tokens_from", 200, "The shortest limit, 200 tokens, cannot be above"),
    ):
        said, is_fine = preview_settings(store, kept | {path: value})
        assert not is_fine and why in said


def test_what_differs_from_what_is_kept_is_named(store: Store) -> None:
    kept = read_settings(store)
    assert unkept_settings(store, kept) == []
    filled = kept | PRESETS[2].values | {"ppo.steps": None}
    labels = unkept_settings(store, filled)
    assert "Ratings per round" in labels and "PPO steps" in labels, "an empty field, too"
    change_settings(store, "op", PRESETS[2].values)
    assert unkept_settings(store, filled) == ["PPO steps"]


def test_more_than_is_free_is_said(store: Store) -> None:
    store.set_setting(ROUND_COSTS, COSTS.to_json() | {"free": 1000})
    assert "more memory than is free" in preview_settings(store, read_settings(store))[0]


def test_a_card_says_what_its_preset_changes(store: Store) -> None:
    store.set_setting(ROUND_COSTS, COSTS.to_json())
    embedded, big, many = PRESETS
    plan = read_plan(store)
    assert plan.differences(embedded) == []
    assert ("Ratings per round", 64, 480) in plan.differences(many)
    labels = ["Rating, by one person", "Training", "Until the next responses", "Memory, of 0.9 GiB free"]
    assert [label for label, _, _ in plan.costs_of(big)] == labels
    assert "on 2 cores" in plan.describe_basis() and "at 120 an hour" in plan.describe_basis()
