"""Settings of the rounds to come, and what they will cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rater_data.errors import BadInput
from rater_data.planning import wording
from rater_data.planning.basis import planned_values, read_costs, read_facts
from rater_data.planning.costs import RoundCosts
from rater_data.planning.estimate import RATINGS_AN_HOUR, HomeFacts, RoundEstimate, Values, estimate_round
from rater_data.planning.presets import Preset
from rater_data.round_settings import (
    EMBEDDED_MODEL,
    RETURN_WHEN_HURT,
    ROUND_CONFIG,
    SETTING_OF_PATH,
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


def describe_open_round(store: Store) -> str:
    """What the open round was begun with where that is not what is kept now; "" where it is, or there is no round."""
    round_ = store.round()
    if round_ is None or "plan" not in round_.config:
        return ""
    begun, kept = current_values(round_.config), read_settings(store)
    different = [setting for setting in SETTING_OF_PATH.values() if begun[setting.path] != kept[setting.path]]
    if not different:
        return f"Round {round_.number} was begun with the settings that stand here."
    parts = [f"{setting.label} {_written(begun[setting.path])}" for setting in different]
    return f"Round {round_.number} was begun with other ones: {', '.join(parts)}."


def _written(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, int | float) else f"“{value}”" if value else "none"


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
    newest = store.round()
    if newest is None:
        return "Kept: round 1, which has not begun, is begun with these settings."
    return (
        f"Kept: round {newest.number + 1} is begun with these settings; round {newest.number} keeps its own."
    )


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """The settings that are kept, by path, and what estimates are made of.

    `costs` is None before the trainer measured.
    """

    kept: Values
    costs: RoundCosts | None
    facts: HomeFacts

    def estimate(self, values: Values) -> RoundEstimate | None:
        """What a round with these settings takes; None while nobody knows."""
        return None if self.costs is None else estimate_round(values, self.costs, self.facts)

    def describe(self, values: Values) -> str:
        """What a round takes, or, where it is another, would take."""
        ratings, per_hour = int(float(values["plan.ratings"])), self.facts.per_hour or RATINGS_AN_HOUR
        return wording.describe_change(self.estimate(self.kept), self.estimate(values), ratings, per_hour)

    def describe_basis(self) -> str:
        """Where the numbers come from, or why there are none."""
        found = self.estimate(self.kept)
        if self.costs is None or found is None:
            return wording.UNMEASURED
        return wording.describe_basis(found, self.costs.machine, self.costs.model)

    def differences(self, preset: Preset) -> list[tuple[str, float, float]]:
        """What a preset would change: label, the value now, the value then."""
        now = {path: float(self.kept[path]) for path in preset.values}
        return [
            (SETTING_OF_PATH[path].label, now[path], float(value))
            for path, value in preset.values.items()
            if value != now[path]
        ]

    def costs_of(self, preset: Preset) -> list[tuple[str, str, str]]:
        """What a round costs now and would cost with a preset: label, now, then; people's time alone before the trainer
        measured."""
        values: Values = {**self.kept, **preset.values}
        now, then, per_hour = (
            self.estimate(self.kept),
            self.estimate(values),
            self.facts.per_hour or RATINGS_AN_HOUR,
        )
        before, after = (3600 * float(v["plan.ratings"]) / per_hour for v in (self.kept, values))
        rating = ("Rating, by one person", wording.minutes(before), wording.minutes(after))
        if now is None or then is None:
            return [rating]
        return [
            rating,
            ("Training", wording.minutes(now.train_s), wording.minutes(then.train_s)),
            ("Until the next responses", wording.minutes(now.ready_s), wording.minutes(then.ready_s)),
            (f"Memory, of {wording.gib(now.free)} free", wording.gib(now.peak), wording.gib(then.peak)),
        ]


def read_plan(store: Store) -> RoundPlan:
    """Quick: no model, some look-ups."""
    costs = read_costs(store)
    return RoundPlan(planned_values(store.setting(ROUND_CONFIG, {})), costs, read_facts(store, costs))


def preview_settings(store: Store, values: Mapping[str, object]) -> tuple[str, bool]:
    """What a round with these settings would take, in words, or why they cannot be kept; and whether they can."""
    stored, kept = store.setting(ROUND_CONFIG, {}), read_settings(store)
    try:
        after = apply_changes({path: value for path, value in values.items() if value != kept[path]}, stored)
    except BadInput as error:
        return str(error), False
    return read_plan(store).describe(planned_values(after)), True


def unkept_settings(store: Store, values: Mapping[str, object]) -> list[str]:
    """The labels of the settings that differ from what is kept."""
    kept = read_settings(store)
    return [SETTING_OF_PATH[path].label for path, value in values.items() if value != kept[path]]


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
