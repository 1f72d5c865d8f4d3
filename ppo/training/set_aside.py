"""Prompts that the model's chat template cannot write: named with the reason, and the round goes on without them.

Kept under `rater_data.round_settings.SET_ASIDE` for the open round: {"round": number, "prompts": {id: {"text",
"why"}}}.
Every round tries them anew: with another system prompt or format they may do.
"""

from collections.abc import Iterable
from typing import Any

from ppo.config import SampleConfig
from ppo.model.base_model import BaseModel
from ppo.progress import Progress
from rater_data.errors import BadInput
from rater_data.records import Prompt, stored_id
from rater_data.round_settings import SET_ASIDE
from rater_data.store import Store


def begin_round(store: Store, number: int) -> None:
    """Forgets what earlier rounds set aside; a round that goes on keeps its own."""
    if _kept(store).get("round") != number:
        store.set_setting(SET_ASIDE, {"round": number, "prompts": {}})


def without_set_aside(store: Store, prompts: list[Prompt]) -> list[Prompt]:
    """The prompts that were not set aside."""
    aside = _kept(store).get("prompts", {})
    return [p for p in prompts if str(p.id) not in aside] if aside else prompts


def set_aside_unwritable(
    store: Store, base: BaseModel, sample: SampleConfig, limit: int, prompts: Iterable[Prompt], log: Progress
) -> int:
    """Sets aside those of `prompts` that cannot be written within `limit` tokens, and says how many there are."""
    found: dict[str, dict[str, str]] = {}
    for prompt in prompts:
        try:
            base.encode(prompt.chat, sample, limit)
        except BadInput as error:
            found[str(stored_id(prompt))] = {"text": prompt.text, "why": str(error)}
            log.log(f"Prompt {prompt.id} is set aside: {error}")
    if found:
        kept = _kept(store)
        store.set_setting(SET_ASIDE, {**kept, "prompts": {**kept.get("prompts", {}), **found}})
    return len(found)


def check_something_left(store: Store, train: list[Prompt]) -> None:
    """Raises BadInput with the reason when every training prompt was set aside."""
    aside = _kept(store).get("prompts", {})
    if aside and not train:
        why = next(iter(aside.values()))["why"]
        raise BadInput(f"No training prompt is left: {len(aside)} were set aside. The first: {why}")


def _kept(store: Store) -> dict[str, Any]:
    kept: dict[str, Any] = store.setting(SET_ASIDE, {})
    return kept
