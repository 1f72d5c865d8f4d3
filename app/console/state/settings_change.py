"""Settings of the rounds to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rater_data.errors import BadInput
from rater_data.round_settings import (
    EMBEDDED_MODEL,
    RETURN_WHEN_HURT,
    ROUND_CONFIG,
    TRAIN_AT_QUOTA,
    RoundSetting,
    TextSetting,
    apply_changes,
    current_values,
    default_values,
)
from rater_data.store import Store


def read_settings(store: Store) -> dict[str, float | str]:
    """Every setting's value, by path."""
    return current_values(store.setting(ROUND_CONFIG, {}))


def default_settings(store: Store) -> dict[str, float | str]:
    """Every setting's default in this home, by path."""
    return default_values(store.base_model() or EMBEDDED_MODEL)


def describe_setting(setting: RoundSetting | TextSetting) -> str:
    """What is said below a setting's field: unit, bounds, default, and what a higher value (another text) does."""
    if isinstance(setting, RoundSetting):
        bounds = f"{setting.low:g} to {setting.high:g}, by default {setting.default:g}"
        return f"{setting.unit}; {bounds}. Higher: {setting.effect}."
    default = f"by default {setting.default.capitalize()}" if setting.choices else "by default none"
    longest = "" if setting.choices else f"; up to {setting.longest} characters"
    return f"{setting.unit}{longest}, {default}. Changed: {setting.effect}."


def change_settings(store: Store, actor: str, values: Mapping[str, object]) -> str:
    """Keeps settings for the next round. Raises BadInput for a value out of bounds."""
    before = store.setting(ROUND_CONFIG, {})
    after = apply_changes(dict(values), before)
    if after != before:
        store.set_setting(ROUND_CONFIG, after)
    old, new = current_values(before), current_values(after)
    if old == new:
        return "Nothing was changed."
    store.log(actor, "changed the settings", **{path: new[path] for path in new if new[path] != old[path]})
    return "Kept: the next round is begun with these settings."


@dataclass(frozen=True, slots=True)
class Switch:
    """Something the trainer may do by itself: the setting's name, what it is called, and what is said of a change."""

    name: str
    label: str
    meaning: str
    on: str
    off: str


SWITCHES = (
    Switch(
        TRAIN_AT_QUOTA,
        "Train when a round has its ratings",
        "By default off. On: some seconds after the last rating of the quota the round is sealed and trained, as if "
        "the button was pressed.",
        "A round that has its ratings is trained by itself now.",
        "Rounds wait until you train them.",
    ),
    Switch(
        RETURN_WHEN_HURT,
        "Return to the version before when one hurt",
        "By default off. On: once the verdict under Round is that the version in use hurt, the version before is put "
        "in use again. Nothing is deleted: Versions takes it back.",
        "A version that hurt goes out of use by itself now.",
        "Versions stay until you roll back.",
    ),
)


def is_on(store: Store, switch: Switch) -> bool:
    """Whether the trainer does it by itself."""
    return bool(store.setting(switch.name, False))


def change_switch(store: Store, actor: str, switch: Switch, wanted: object) -> str:
    """Raises BadInput for neither yes nor no."""
    if not isinstance(wanted, bool):
        raise BadInput(f"“{switch.label}” is answered with yes or no.")
    if wanted == is_on(store, switch):
        return "Nothing was changed."
    store.set_setting(switch.name, wanted)
    store.log(actor, "changed the settings", **{f"“{switch.label}”": "on" if wanted else "off"})
    return switch.on if wanted else switch.off
