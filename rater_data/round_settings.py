"""The settings of a round that an operator may change, with what they mean, their defaults and their bounds.

The engine has more (see ppo/config.py); these are the ones that change what a round asks of people or how far it
may go. A test holds that names and defaults are the engine's. Changes count from the next round that is started.
"""

from dataclasses import dataclass
from typing import Any

from rater_data.errors import BadInput

SETTING = "round_config"


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting: `part.name` in the engine's config, in words, with its bounds; `whole` if it counts things."""

    path: str
    label: str
    default: float
    low: float
    high: float
    unit: str
    group: str

    @property
    def whole(self) -> bool:
        return isinstance(self.default, int)

    def check(self, value: object) -> float:
        """Raises BadInput for what is no number, out of bounds, or between two whole ones."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise BadInput(f"{self.label} has to be a number from {self.low:g} to {self.high:g}.")
        if not self.low <= value <= self.high:
            raise BadInput(f"{self.label} has to be from {self.low:g} to {self.high:g}, not {value:g}.")
        if self.whole and value != int(value):
            raise BadInput(f"{self.label} has to be a whole number, not {value:g}.")
        return int(value) if self.whole else float(value)


ROUND, TEXT, TRAIN = "What a round asks", "How responses are written", "How far training goes"
KNOBS: tuple[Knob, ...] = (
    Knob("plan.ratings", "Ratings a round", 64, 8, 100_000, "ratings", ROUND),
    Knob("plan.responses_per_prompt", "Responses to a prompt", 4, 2, 16, "responses", ROUND),
    Knob("plan.calibration_share", "Read by several", 0.15, 0.0, 0.5, "share of the ratings", ROUND),
    Knob("plan.overlap", "Raters of those", 3, 2, 20, "raters", ROUND),
    Knob("plan.control_share", "From the version before", 0.12, 0.0, 0.5, "share of the ratings", ROUND),
    Knob("plan.holdout_share", "Never trained on", 0.06, 0.0, 0.5, "share of the ratings", ROUND),
    Knob("plan.anchors", "Repeated every round", 2, 0, 50, "responses", ROUND),
    Knob("sample.temperature", "Temperature", 0.7, 0.2, 1.5, "", TEXT),
    Knob("sample.max_new_tokens", "Longest response", 40, 4, 1024, "tokens", TEXT),
    Knob("sample.max_prompt_tokens", "Longest prompt", 256, 16, 8192, "tokens", TEXT),
    Knob("ppo.steps", "PPO steps", 6, 1, 200, "batches of fresh responses", TRAIN),
    Knob("ppo.prompts_per_step", "Prompts a step", 16, 1, 256, "prompts", TRAIN),
    Knob("ppo.people_epochs", "Passes over the ratings", 2, 0, 10, "0 = only the reward head", TRAIN),
    Knob("ppo.learning_rate", "Learning rate", 6e-4, 1e-6, 1e-2, "of the adapter", TRAIN),
    Knob("ppo.kl_coef", "Price of a nat", 0.05, 0.0, 2.0, "standard deviations of the score", TRAIN),
    Knob("ppo.kl_budget", "KL a round may add", 6.0, 0.1, 100.0, "nats per response", TRAIN),
    Knob("ppo.kl_ceiling", "KL in all", 12.0, 0.1, 200.0, "nats per response", TRAIN),
    Knob("ppo.diversity", "Variety that is kept", 0.94, 0.0, 1.0, "share of the base model's", TRAIN),
)
BY_PATH = {knob.path: knob for knob in KNOBS}


def chosen(kept: dict[str, Any]) -> dict[str, float]:
    """Every knob's value, by path: what was kept under SETTING, else the default."""
    found = {}
    for knob in KNOBS:
        part, name = knob.path.split(".")
        found[knob.path] = kept.get(part, {}).get(name, knob.default)
    return found


def as_kept(values: dict[str, object], kept: dict[str, Any]) -> dict[str, Any]:
    """What is to be kept after these changes: only what differs from its default, and what is no knob's.

    Raises BadInput for a name that is no knob's, a value out of bounds, and limits that contradict each other.
    """
    for path in values:
        if path not in BY_PATH:
            raise BadInput(f"{path} is no setting of a round: there are {', '.join(BY_PATH)}.")
    wanted = chosen(kept) | {path: BY_PATH[path].check(value) for path, value in values.items()}
    shares = sum(wanted[f"plan.{name}_share"] for name in ("calibration", "control", "holdout"))
    if shares > 0.9:
        raise BadInput(
            f"The shares add up to {shares:.0%}: leave at least a tenth of the ratings for training."
        )
    others = {
        part: {name: value for name, value in settings.items() if f"{part}.{name}" not in BY_PATH}
        if isinstance(settings, dict)
        else settings
        for part, settings in kept.items()
    }
    result: dict[str, Any] = {part: dict(s) if isinstance(s, dict) else s for part, s in others.items() if s}
    for path, value in wanted.items():
        if value != BY_PATH[path].default:
            part, name = path.split(".")
            result.setdefault(part, {})[name] = value
    return result
