"""What raters are asked beside the score: further qualities, and flags to tick. The operator chooses both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rater_data.errors import BadInput
from rater_data.records import Rating, User
from rater_data.scales import ATTRIBUTE_HIGH, ATTRIBUTE_LOW, ATTRIBUTE_WORDS, FLAGS
from rater_data.store import Store

SETTING = "asks"
MOST, LONGEST = 8, 40


@dataclass(frozen=True, slots=True)
class Asks:
    """`attributes`: qualities answered from 1 to 5; `flags`: what may be ticked."""

    attributes: tuple[str, ...] = ()
    flags: tuple[str, ...] = FLAGS

    def for_page(self, paired: bool) -> dict[str, Any]:
        """Of two responses no single one has a quality: where raters compare, only flags are asked."""
        return {
            "attributes": [] if paired else list(self.attributes),
            "points": list(range(ATTRIBUTE_LOW, ATTRIBUTE_HIGH + 1)),
            "words": list(ATTRIBUTE_WORDS),
            "flags": list(self.flags),
        }

    def or_said(self, rating: Rating) -> Asks:
        """And whatever was asked when this rating was given."""
        return Asks((*self.attributes, *rating.attributes), (*self.flags, *rating.flags))

    def answers(
        self, attributes: dict[str, int], flags: tuple[str, ...]
    ) -> tuple[dict[str, int], tuple[str, ...]]:
        """Of what was answered, what is asked: the questions may have changed since the card was shown.

        Raises BadInput for a value that no quality has.
        """
        for name, value in attributes.items():
            if not ATTRIBUTE_LOW <= value <= ATTRIBUTE_HIGH:
                raise BadInput(
                    f"{name} is answered from {ATTRIBUTE_LOW} to {ATTRIBUTE_HIGH}, not with {value}."
                )
        asked = {name: value for name, value in attributes.items() if name in self.attributes}
        return asked, tuple(flag for flag in flags if flag in self.flags)


def asks(store: Store) -> Asks:
    return asks_of(store.setting(SETTING, {}))


def asks_of(kept: dict[str, Any]) -> Asks:
    """What a kept setting says."""
    return Asks(tuple(kept.get("attributes", ())), tuple(kept.get("flags", FLAGS)))


def choose(store: Store, user: User, attributes: str, flags: str) -> str:
    """Takes both lists as people write them, with commas between. Returns what was done, in words."""
    wanted = Asks(names(attributes), names(flags))
    if wanted == asks(store):
        return "Nothing was changed."
    store.set_setting(SETTING, {"attributes": list(wanted.attributes), "flags": list(wanted.flags)})
    store.log(user.name, "changed what raters are asked", attributes=attributes[:80], flags=flags[:80])
    return "Raters are asked this from their next card on."


def names(text: str) -> tuple[str, ...]:
    """Words with commas between, each once. Raises BadInput for too many or too long ones."""
    found = tuple(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))
    if len(found) > MOST:
        raise BadInput(f"More than {MOST} are too many to answer on every card: {len(found)} were given.")
    for name in found:
        if len(name) > LONGEST:
            raise BadInput(f"{name[:LONGEST]!r}… is longer than {LONGEST} letters.")
    return found
