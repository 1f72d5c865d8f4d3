"""What the form of a round's settings says of each of them."""

import pytest

from app.console.state.settings_change import SWITCHES, describe_setting
from rater_data.round_settings import ROUND_SETTINGS, SETTING_OF_PATH, RoundSetting


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


def test_switches_say_their_default_too():
    assert all(switch.meaning.startswith("By default off. On: ") for switch in SWITCHES)
