"""Settings that an operator may change: names and defaults are the engine's, bounds hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppo.algorithm import reward_head
from ppo.config import Config
from rater_data.errors import BadInput
from rater_data.round_settings import (
    MIN_RATINGS_TO_TRAIN,
    ROUND_SETTINGS,
    SETTING_OF_PATH,
    apply_changes,
    current_values,
)


@pytest.mark.parametrize("setting", ROUND_SETTINGS, ids=lambda setting: setting.path)
def test_it_is_a_setting_of_the_engine_with_its_default(setting):
    part, name = setting.path.split(".")
    default = Config().to_dict()[part][name]
    assert default == setting.default and type(default) is type(setting.default)
    assert setting.low <= setting.default <= setting.high
    for value in (setting.low, setting.high):
        assert getattr(getattr(Config.from_dict({part: {name: setting.check(value)}}), part), name) == value


def test_the_fewest_ratings_are_what_the_reward_head_needs():
    assert MIN_RATINGS_TO_TRAIN == reward_head.MINIMUM


def test_only_what_differs_is_kept_and_what_is_not_offered_stays():
    kept = apply_changes({"plan.ratings": 32.0, "ppo.steps": 6}, {"lora": {"r": 8}, "plan": {"ratings": 64}})
    assert kept == {"lora": {"r": 8}, "plan": {"ratings": 32}}
    assert isinstance(kept["plan"]["ratings"], int)
    assert current_values(kept)["plan.ratings"] == 32 and current_values(kept)["ppo.steps"] == 6
    assert apply_changes({"plan.ratings": 64}, kept) == {"lora": {"r": 8}}
    assert apply_changes({}, {"seed": 4, "precision": "fp32"}) == {"seed": 4, "precision": "fp32"}


@pytest.mark.parametrize("value", [None, True, "8", math.nan, math.inf, -1, 10**9, 8.5])
def test_what_is_out_of_bounds_is_a_sentence(value):
    with pytest.raises(BadInput, match="Ratings per round"):
        apply_changes({"plan.ratings": value}, {})


def test_what_is_no_setting_and_what_contradicts():
    with pytest.raises(BadInput, match="no setting"):
        apply_changes({"plan.__class__": 1}, {})
    with pytest.raises(BadInput, match="add up"):
        apply_changes({f"plan.{n}_share": 0.4 for n in ("calibration", "control", "holdout")}, {})


@given(st.dictionaries(st.sampled_from(sorted(SETTING_OF_PATH)), st.floats(0, 1)))
def test_what_is_kept_is_a_config_of_the_engine(values):
    try:
        kept = apply_changes(values, {})
    except BadInput:
        return
    config = Config.from_dict({part: {**Config().to_dict()[part], **s} for part, s in kept.items()}).to_dict()
    for path, value in current_values(kept).items():
        part, name = path.split(".")
        assert config[part][name] == value
