"""Presets are settings that can be kept, and the first one is the defaults."""

import pytest

from rater_data.planning.presets import PRESETS
from rater_data.round_settings import (
    ROUND_SETTINGS,
    SETTING_OF_PATH,
    RoundSetting,
    apply_changes,
    current_values,
)

DEFAULTS = {s.path: s.default for s in ROUND_SETTINGS if isinstance(s, RoundSetting)}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_it_can_be_kept_and_sets_every_number(preset):
    assert preset.values.keys() == DEFAULTS.keys()
    assert all(SETTING_OF_PATH[path].default != value for path, value in preset.changes.items())
    kept = apply_changes(dict(preset.values), {"sample": {"system": "Be kind."}})
    values = current_values(kept)
    assert {path: values[path] for path in preset.values} == preset.values
    assert values["sample.system"] == "Be kind.", "what the model is told is no matter of size"
    assert preset.meant_for.endswith(".") and preset.why.endswith(".")


def test_the_first_is_the_defaults():
    assert PRESETS[0].values == DEFAULTS
    assert len({preset.name for preset in PRESETS}) == 3
