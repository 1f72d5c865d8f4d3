"""The options of an export: what they are called on the command line, in an address and in the console's form."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOption:
    """`name` on the command line and in an address; `field` in `ExportRequest`, where that has another name.

    `label` stands beside its field of the form and in the errors about it; `minimum` of a number is the form's.
    """

    name: str
    kind: Literal["whole number", "number", "date", "flag"]
    label: str
    help: str
    minimum: int | None = None
    field: str = ""

    @property
    def request_field(self) -> str:
        return self.field or self.name

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


EXPORT_OPTIONS: dict[str, ExportOption] = {
    option.name: option
    for option in (
        ExportOption(
            name="round",
            field="round_number",
            kind="whole number",
            minimum=0,
            label="Only round",
            help="Only responses of this round; 0 is what was imported.",
        ),
        ExportOption(
            name="since",
            kind="date",
            label="Only since",
            help="Only ratings given or changed since a date or ISO 8601 time (UTC).",
        ),
        ExportOption(
            name="min_margin",
            kind="number",
            minimum=0,
            label="Smallest margin",
            help="Pairs: the smallest difference, in points of the scale.",
        ),
        ExportOption(
            name="same_rater",
            kind="flag",
            label="Pairs of the same rater only",
            help="Pairs: only as raters who scored both see it.",
        ),
        ExportOption(
            name="ties",
            kind="flag",
            label="Ties too",
            help="Pairs: equally good ones too, with a margin of 0.",
        ),
        ExportOption(
            name="threshold",
            kind="number",
            label="Good from this score",
            help="Unpaired: the score from which a text is good, else the middle of the scale. "
            "Prompt-completion: from which it is kept, else all are.",
        ),
        ExportOption(
            name="conversational",
            kind="flag",
            label="As chats",
            help="Lists of messages even where a text would do.",
        ),
    )
}
"""By name. Which formats have the last five of them is in the table of formats."""
