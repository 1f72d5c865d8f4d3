"""Settings of the rounds to come."""

from __future__ import annotations

from collections.abc import Mapping

from rater_data.errors import BadInput
from rater_data.round_settings import (
    EMBEDDED_MODEL,
    RETURN_WHEN_HURT,
    ROUND_CONFIG,
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


def returns_when_hurt(store: Store) -> bool:
    """Whether a version that is certain to have hurt goes out of use by itself."""
    return bool(store.setting(RETURN_WHEN_HURT, False))


def change_return_when_hurt(store: Store, actor: str, wanted: object) -> str:
    """Raises BadInput for neither yes nor no."""
    if not isinstance(wanted, bool):
        raise BadInput("Whether to return to the version before is answered with yes or no.")
    if wanted == returns_when_hurt(store):
        return "Nothing was changed."
    store.set_setting(RETURN_WHEN_HURT, wanted)
    store.log(actor, "changed the settings", return_when_hurt=wanted)
    return (
        "A version that hurt goes out of use by itself now."
        if wanted
        else "Versions stay until you roll back."
    )
