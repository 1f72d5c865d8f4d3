"""Settings that an operator may change: names and defaults are the engine's, bounds hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppo.config import Config
from ppo.reward import reward_head
from rater_data.errors import BadInput
from rater_data.round_settings import (
    EMBEDDED_MODEL,
    EMBEDDED_SYSTEM,
    MIN_RATINGS_TO_TRAIN,
    ROUND_SETTINGS,
    SETTING_OF_PATH,
    RoundSetting,
    TextSetting,
    apply_changes,
    current_values,
    default_values,
    embedded_defaults,
    keep_older_length,
    parse_length_range,
)

NUMBERS = [s for s in ROUND_SETTINGS if isinstance(s, RoundSetting)]
TEXTS = [s for s in ROUND_SETTINGS if isinstance(s, TextSetting)]


@pytest.mark.parametrize("setting", ROUND_SETTINGS, ids=lambda setting: setting.path)
def test_it_is_a_setting_of_the_engine_with_its_default(setting):
    part, name = setting.path.split(".")
    default = Config().to_dict()[part][name]
    assert default == setting.default and type(default) is type(setting.default)


@pytest.mark.parametrize("setting", ROUND_SETTINGS, ids=lambda setting: setting.path)
def test_it_has_a_unit_and_says_what_more_of_it_does(setting):
    assert setting.unit and setting.label[0].isupper()
    assert len(setting.effect) > 20 and setting.effect[0].islower() and not setting.effect.endswith(".")


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda setting: setting.path)
def test_the_engine_takes_both_bounds(setting):
    part, name = setting.path.split(".")
    assert setting.low <= setting.default <= setting.high
    for value in (setting.low, setting.high):
        others = {"max_new_tokens": 2000} if name == "max_new_tokens_from" else {}
        config = Config.from_dict({part: {**others, name: setting.check(value)}})
        assert getattr(getattr(config, part), name) == value


@pytest.mark.parametrize("setting", TEXTS, ids=lambda setting: setting.path)
def test_a_text_is_one_of_its_choices_or_short_enough(setting):
    assert setting.check(f" {setting.default} ") == setting.default
    for value in (None, 3, "x\0y", "x" * 5000):
        with pytest.raises(BadInput, match=setting.label):
            setting.check(value)


@pytest.mark.parametrize(("text", "wanted"), [("96", (0, 96)), ("4:16", (4, 16)), (" 8:8 ", (8, 8))])
def test_a_length_is_a_number_or_a_range(text, wanted):
    assert parse_length_range(text) == wanted


@pytest.mark.parametrize("text", ["", "4:", ":4", "16:4", "0:4", "-1", "4-16", "4:16:20", "x", "²"])
def test_what_is_no_length_is_a_sentence(text):
    with pytest.raises(BadInput):
        parse_length_range(text)


def test_a_new_home_of_the_embedded_model_has_a_system_prompt_until_somebody_says_otherwise():
    assert embedded_defaults({}) == {"sample": {"system": EMBEDDED_SYSTEM}}
    assert default_values(EMBEDDED_MODEL)["sample.system"] == EMBEDDED_SYSTEM
    assert default_values("another")["sample.system"] == ""
    cleared = apply_changes({"sample.system": ""}, {})
    assert embedded_defaults(cleared) == cleared == {"sample": {"system": ""}}
    plain = apply_changes({"sample.prompt_format": "plain"}, {})
    assert embedded_defaults(plain) == plain


def test_the_shortest_limit_is_not_above_the_longest():
    with pytest.raises(BadInput, match="shortest limit, 200 tokens"):
        apply_changes({"sample.max_new_tokens_from": 200}, {})


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


@given(st.dictionaries(st.sampled_from(sorted(SETTING_OF_PATH)), st.floats(0, 1) | st.text(max_size=9)))
def test_what_is_kept_is_a_config_of_the_engine(values):
    try:
        kept = apply_changes(values, {})
    except BadInput:
        return
    config = Config.from_dict({part: {**Config().to_dict()[part], **s} for part, s in kept.items()}).to_dict()
    for path, value in current_values(kept).items():
        part, name = path.split(".")
        assert config[part][name] == value


def test_an_older_length_that_somebody_did_not_want_stays_away():
    older = {"sample": {"max_new_tokens": 40, "temperature": 0.7}}  # a round's config, as that release had it
    assert keep_older_length({}, older) == {"sample": {"max_new_tokens": 40}}
    chosen = apply_changes({"sample.max_new_tokens": 96}, keep_older_length({}, older))
    assert keep_older_length(chosen, older) == chosen
    assert current_values(chosen)["sample.max_new_tokens"] == 96
