"""What raters are asked beside the score: further qualities, flags to tick, better answers. The operator chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rater_data.errors import BadInput
from rater_data.records import Rating, User
from rater_data.round_settings import QUESTIONS
from rater_data.scales import ATTRIBUTE_HIGH, ATTRIBUTE_LOW, ATTRIBUTE_WORDS, FLAGS
from rater_data.store import Store

MAX_NAMES, MAX_NAME_LENGTH = 8, 40


@dataclass(frozen=True, slots=True)
class Questions:
    """`attributes`: qualities answered from 1 to 5; `flags`: what may be ticked; `edits`: raters may rewrite."""

    attributes: tuple[str, ...] = ()
    flags: tuple[str, ...] = FLAGS
    edits: bool = False

    def to_json(self, paired: bool) -> dict[str, Any]:
        """Of two responses no single one has a quality: where raters compare, only flags are asked."""
        return {
            "attributes": [] if paired else list(self.attributes),
            "points": list(range(ATTRIBUTE_LOW, ATTRIBUTE_HIGH + 1)),
            "words": list(ATTRIBUTE_WORDS),
            "flags": list(self.flags),
            "edits": self.edits,
        }

    def including_answers_of(self, rating: Rating) -> Questions:
        """Also whatever was asked when this rating was given."""
        return Questions((*self.attributes, *rating.attributes), (*self.flags, *rating.flags))

    def select_asked(
        self, attributes: dict[str, int], flags: tuple[str, ...]
    ) -> tuple[dict[str, int], tuple[str, ...]]:
        """The answers to what is asked: the questions may have changed since the card was shown.

        Raises BadInput for a value that no quality has.
        """
        for name, value in attributes.items():
            if not ATTRIBUTE_LOW <= value <= ATTRIBUTE_HIGH:
                raise BadInput(
                    f"{name} is answered from {ATTRIBUTE_LOW} to {ATTRIBUTE_HIGH}, not with {value}."
                )
        asked = {name: value for name, value in attributes.items() if name in self.attributes}
        return asked, tuple(flag for flag in flags if flag in self.flags)


def load_questions(store: Store) -> Questions:
    return parse_questions(store.setting(QUESTIONS, {}))


def parse_questions(setting: dict[str, Any]) -> Questions:
    """Of a stored setting; what it does not name is as by default."""
    return Questions(
        tuple(setting.get("attributes", ())), tuple(setting.get("flags", FLAGS)), bool(setting.get("edits"))
    )


def save_questions(store: Store, user: User, attributes: str, flags: str, edits: bool = False) -> str:
    """Takes both lists as people write them, with commas between. Returns what was done, in words."""
    questions = Questions(parse_names(attributes), parse_names(flags), edits)
    if questions == load_questions(store):
        return "Nothing was changed."
    names = {"attributes": list(questions.attributes), "flags": list(questions.flags)}
    store.set_setting(QUESTIONS, names | {"edits": edits})
    told = {"attributes": attributes[:80], "flags": flags[:80], "edits": edits}
    store.log(user.name, "changed what raters are asked", **told)
    return "Raters are asked this from their next card on."


def parse_names(text: str) -> tuple[str, ...]:
    """Words with commas between, each once. Raises BadInput for too many or too long ones."""
    names = tuple(dict.fromkeys(" ".join(part.split()) for part in text.split(",") if part.strip()))
    if len(names) > MAX_NAMES:
        raise BadInput(
            f"More than {MAX_NAMES} are too many to answer on every card: {len(names)} were given."
        )
    for name in names:
        if len(name) > MAX_NAME_LENGTH:
            raise BadInput(f"{name[:MAX_NAME_LENGTH]!r}… is longer than {MAX_NAME_LENGTH} letters.")
    return names
