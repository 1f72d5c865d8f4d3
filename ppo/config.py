"""Every setting of the engine, each with its unit and where its value comes from. All frozen; < 40 fields.

"measured" = chosen by runs of `python -m ppo demo` on the embedded model; docs/log.md keeps the numbers, the
failed tries among them.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rater_data.errors import BadInput
from rater_data.round_settings import CHAT, EMBEDDED_MODEL, EMBEDDED_SYSTEM, PLAIN, parse_length_range

ADAPTER = "default"
"""The name of the policy's adapter in PEFT."""


PRECISIONS = ("auto", "fp32", "bf16")
FOUR_BIT = "4bit"
ROLLOUTS_PER_PROMPT = 4
"""Responses to a prompt in a PPO step: the mean of the others is the baseline of each."""
SEED_STRIDE, ROUND_STRIDE, STEP_STRIDE = 1_000_003, 10_007, 101


def seed_of(seed: int, round_number: int, step: int) -> int:
    """The seed of a step of a round (of a slot, when responses are written): runs, rounds and steps stay apart."""
    return seed * SEED_STRIDE + round_number * ROUND_STRIDE + step * STEP_STRIDE


@dataclass(frozen=True)
class SampleConfig:
    """How a response is drawn. Pure sampling: no top-p, no top-k, no penalty; what is sampled is what is trained."""

    temperature: float = 0.7  # part of the policy, in all log-probabilities; a 135M model at 1.0 is gibberish
    max_new_tokens: int = 96  # tokens a response; longer answers cost time in proportion
    max_new_tokens_from: int = 0  # above 0: each response draws its own limit, from this to max_new_tokens
    max_prompt_tokens: int = 256  # longer prompts lose their beginning
    system: str = ""  # system prompt of chats that bring none of their own; "" = none
    prompt_format: str = CHAT  # or plain: the model continues the prompt's text

    def __post_init__(self) -> None:
        if self.prompt_format not in (CHAT, PLAIN):
            raise BadInput(f"sample.prompt_format is {CHAT} or {PLAIN}, not {self.prompt_format!r}.")
        if self.max_new_tokens_from > self.max_new_tokens:
            raise BadInput(
                f"A response's limit cannot be drawn from {self.max_new_tokens_from} to {self.max_new_tokens} tokens: "
                "the first is the smaller one."
            )


def sample_of(
    model: str, system: str | None = None, prompt_format: str | None = None, length: str | None = None
) -> SampleConfig:
    """How responses of a new line of versions are drawn; the embedded model's system prompt where none is given.

    `length` as in "96" or "4:16". Raises BadInput.
    """
    chosen = CHAT if prompt_format is None else prompt_format
    if system is None:
        system = EMBEDDED_SYSTEM if model == EMBEDDED_MODEL and chosen == CHAT else ""
    shortest, longest = (0, SampleConfig.max_new_tokens) if length is None else parse_length_range(length)
    return SampleConfig(
        max_new_tokens=longest, max_new_tokens_from=shortest, system=system, prompt_format=chosen
    )


@dataclass(frozen=True)
class PlanConfig:
    """What a round asks raters to rate; shares are of the round's ratings."""

    ratings: int = 64  # quota: ratings wanted before training
    responses_per_prompt: int = (
        2  # K: rated back to back; more prompts teach the head more than more of a prompt
    )
    calibration_share: float = 0.25  # on responses that go to `overlap` raters: agreement can be measured
    overlap: int = 4  # raters for a calibration response, or as many as there are
    control_share: float = 0.25  # from the previous version, blind: did the last round help?
    holdout_share: float = 0.06  # on prompts that are never trained on
    anchors: int = 2  # responses of the first round that are rated anew in every later round: rater drift


@dataclass(frozen=True)
class RewardConfig:
    """The reward head: a line from the reference's hidden states, with weights by evidence."""

    depths: tuple[float, ...] = (
        0.0,
        0.27,
        0.53,
        0.8,
        1.0,
    )  # hidden states read, as shares of the layers; measured
    folds: int = 8  # folds by prompt for the held-out agreement


@dataclass(frozen=True)
class LoraSettings:
    """The adapter: LoRA on all linear layers, dropout 0 (a dropped unit would break the ratio)."""

    r: int = 16  # rank
    alpha: int = 32  # scale = alpha / r


@dataclass(frozen=True)
class PPOConfig:
    """One round of PPO."""

    steps: int = 6  # rollout batches scored by the head
    prompts_per_step: int = 16  # each gives ROLLOUTS_PER_PROMPT
    people_epochs: int = (
        2  # passes over the rated responses with what is known of each one's quality; 0 = none
    )
    epochs: int = 1  # passes over each rollout batch: fresh responses teach more than a second look
    minibatch: int = 16  # responses an optimiser step
    learning_rate: float = 6e-4  # of the adapter (Adam) at first; falls to 0 over the round's steps; measured
    value_learning_rate: float = 1e-3  # of the value head
    clip_range: float = 0.2  # ε of the ratio
    value_clip_range: float = 0.5  # ε of the value, in standard deviations of the score
    gae_lambda: float = 0.95  # for rated responses
    head_lambda: float = (
        0.6  # for the head's: what each token adds to them is known, so credit is near; measured
    )
    pessimism: float = (
        1.0  # standard deviations of the way's own uncertainty that are taken off the head's scores
    )
    kl_coef: float = 0.05  # reward (standard deviations of the score) a nat costs, at first
    kl_target: float = (
        6.0  # nats per response that the adaptive coefficient steers to; 0 = a fixed coefficient
    )
    kl_horizon: float = 200.0  # responses
    kl_stop: float = 0.08  # approx_kl a token above which the epoch stops (× 1.5)
    kl_budget: float = (
        6.0  # nats per response that one round may add: beyond it the round ends, back to people
    )
    kl_ceiling: float = 12.0  # nats per response from the reference that no version may exceed
    diversity: float = (
        0.94  # distinct-2 on the holdout prompts, as a share of the reference's, that a version keeps
    )


@dataclass(frozen=True)
class Config:
    """All of it. `precision` is of matrix products: auto = bf16 where the chip has it, else fp32; `quantize` how the
    base's linear layers are held: "" = in that type, 4bit = quantised (bitsandbytes)."""

    sample: SampleConfig = field(default_factory=SampleConfig)
    plan: PlanConfig = field(default_factory=PlanConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    lora: LoraSettings = field(default_factory=LoraSettings)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    precision: str = "auto"
    quantize: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise BadInput(f"The precision is {', '.join(PRECISIONS)}, not {self.precision!r}.")
        if self.quantize not in ("", FOUR_BIT):
            raise BadInput(f"--quantize is {FOUR_BIT} or left out, not {self.quantize!r}.")

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values, for the round's record."""
        return asdict(self)

    def changed(self, changes: Iterable[str]) -> "Config":
        """With settings from text, `part.name=value` (the value as JSON). Raises BadInput for what is no setting."""
        data = self.to_dict()
        for change in changes:
            path, sign, text = change.partition("=")
            *parts, name = path.strip().split(".")
            place: Any = data
            for part in parts:
                place = place.get(part) if isinstance(place, dict) else None
            if (
                not sign
                or not isinstance(place, dict)
                or not isinstance(place.get(name), int | float | list | tuple | str)
            ):
                raise BadInput(f"{change!r} is no setting and value; it should look like ppo.kl_coef=0.02.")
            try:
                value = (
                    text if isinstance(place[name], str) and not text.startswith('"') else json.loads(text)
                )
            except ValueError as error:
                raise BadInput(f"{text!r} is no value for {path}: {error}.") from error
            if not _same_kind(value, place[name]):
                raise BadInput(f"{path} cannot be {text}: its default is {place[name]!r}.")
            place[name] = value
        return Config.from_dict(data)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Config":
        """Reads what `to_dict` wrote; settings that are left out take their default. Raises BadInput for others."""
        built: Config = _build(cls, data, "config")
        return built


def _same_kind(value: Any, default: Any) -> bool:
    """Whether a JSON value may stand where `default` does; a whole number may stand for a float."""
    if isinstance(default, list | tuple):
        return isinstance(value, list) and all(_same_kind(v, default[0]) for v in value)
    if isinstance(value, str) or isinstance(default, str):
        return isinstance(value, str) and isinstance(default, str)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(default, float) or isinstance(value, int)


def _build(kind: type, data: dict[str, Any], where: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    for name in data:
        if name not in known and name not in RETIRED.get(where, ()):
            raise BadInput(f"{where}.{name} is no setting. Known: {', '.join(known)}.")
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name not in known:
            continue
        part = PARTS.get(name) if kind is Config else None
        if part is not None:
            value = _build(part, value, name)
        values[name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


RETIRED = {"ppo": ("value_coef", "max_grad_norm", "adam_eps", "critic_steps", "gamma")}
"""Settings of earlier releases that are constants now: rounds that were begun with them are still read."""
PARTS = {
    "sample": SampleConfig,
    "plan": PlanConfig,
    "reward": RewardConfig,
    "lora": LoraSettings,
    "ppo": PPOConfig,
}
