"""Sets of settings to begin with. Where each number comes from is in docs/training.md, under Presets."""

from dataclasses import dataclass, field

from rater_data.round_settings import ROUND_SETTINGS, RoundSetting


@dataclass(frozen=True, slots=True)
class Preset:
    """`meant_for` in one sentence, and `why` it differs from the defaults; `changes`: by path, what does differ."""

    name: str
    meant_for: str
    why: str
    changes: dict[str, float] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """Every number of a round's settings by path. Texts stay whatever they are: they are no matter of size."""
        numbers = (setting for setting in ROUND_SETTINGS if isinstance(setting, RoundSetting))
        return {setting.path: setting.default for setting in numbers} | self.changes


PRESETS = (
    Preset(
        "Embedded model on a CPU",
        "SmolLM2-135M on some processor cores, one to four raters.",
        "The defaults, measured with that model: one person rates a round in a sitting, then it trains for minutes.",
    ),
    Preset(
        "7 B on one GPU",
        "A chat model of 7 or 8 billion weights on a card of 40 GB, or of 24 GB with --quantize 4bit.",
        "A wide model wants a lower learning rate and makes sense at a temperature of 1; its answers and prompts may "
        "be longer.",
        {
            "sample.max_new_tokens": 256,
            "sample.max_prompt_tokens": 512,
            "sample.temperature": 1.0,
            "ppo.learning_rate": 1.5e-4,
        },
    ),
    Preset(
        "Many raters",
        "Ten raters or more, who share a round.",
        "Enough blind ratings of the version before that a gain of half a point is mostly found in one round, and "
        "shared responses enough to tell ten raters apart.",
        {
            "plan.ratings": 480,
            "plan.overlap": 5,
            "plan.control_share": 0.35,
            "plan.anchors": 8,
        },
    ),
)
