"""Settings that an operator may change: names and defaults are the engine's, bounds hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppo.config import Config
from rater_data.errors import BadInput
from rater_data.round_settings import BY_PATH, KNOBS, as_kept, chosen


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.path)
def test_a_knob_is_a_setting_of_the_engine_with_its_default(knob):
    part, name = knob.path.split(".")
    default = Config().to_dict()[part][name]
    assert default == knob.default and type(default) is type(knob.default)
    assert knob.low <= knob.default <= knob.high
    for value in (knob.low, knob.high):
        assert getattr(getattr(Config.from_dict({part: {name: knob.check(value)}}), part), name) == value


def test_only_what_differs_is_kept_and_what_is_no_knobs_stays():
    kept = as_kept({"plan.ratings": 32.0, "ppo.steps": 6}, {"lora": {"r": 8}, "plan": {"ratings": 64}})
    assert kept == {"lora": {"r": 8}, "plan": {"ratings": 32}}
    assert isinstance(kept["plan"]["ratings"], int)
    assert chosen(kept)["plan.ratings"] == 32 and chosen(kept)["ppo.steps"] == 6
    assert as_kept({"plan.ratings": 64}, kept) == {"lora": {"r": 8}}
    assert as_kept({}, {"seed": 4, "precision": "fp32"}) == {"seed": 4, "precision": "fp32"}


@pytest.mark.parametrize("value", [None, True, "8", math.nan, math.inf, -1, 10**9, 8.5])
def test_what_is_out_of_bounds_is_a_sentence(value):
    with pytest.raises(BadInput, match="Ratings a round"):
        as_kept({"plan.ratings": value}, {})


def test_what_is_no_setting_and_what_contradicts():
    with pytest.raises(BadInput, match="no setting"):
        as_kept({"plan.__class__": 1}, {})
    with pytest.raises(BadInput, match="add up"):
        as_kept({f"plan.{n}_share": 0.4 for n in ("calibration", "control", "holdout")}, {})


@given(st.dictionaries(st.sampled_from(sorted(BY_PATH)), st.floats(0, 1)))
def test_what_is_kept_is_a_config_of_the_engine(values):
    try:
        kept = as_kept(values, {})
    except BadInput:
        return
    config = Config.from_dict({part: {**Config().to_dict()[part], **s} for part, s in kept.items()}).to_dict()
    for path, value in chosen(kept).items():
        part, name = path.split(".")
        assert config[part][name] == value
