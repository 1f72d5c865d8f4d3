"""Is what the generator wrote the policy's? Its log-probabilities beside the trainer's own, and what a gap means.

Two programs never give the same numbers to the bit: in bf16 single tokens lie some hundredths of a nat apart (TRL's
issue 6789: a standard deviation of .05 nats between vLLM and transformers, Qwen2.5-0.5B at temperature 1). That much is
taken out of PPO by weights (`maths.importance_weights`). A generator that writes with other weights or another
temperature is another matter: then the cause is looked for by reading the same responses as it would have read them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ppo.algorithm.maths import LARGEST_WEIGHT, effective_share, masked_mean
from ppo.algorithm.rules import GENERATOR_LIMIT
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout
from rater_data.errors import BadInput

REFUSED = 0.3  # nats a token, mean: beyond it nothing is learned from such responses, whatever the cause
EXPLAINED = 0.25  # of the gap that may be left where another reading explains it
TRIED = 16  # responses that are read again to find the cause

RAW = (
    "it gives log-probabilities from before the temperature; start it with --logprobs-mode processed_logprobs"
)
UNADAPTED = (
    "it answers with the base model where the adapter was asked for; start it anew, with --enable-lora"
)
RAW_UNADAPTED = (
    "it answers with the base model where the adapter was asked for, and with log-probabilities from before the "
    "temperature; start it anew, with --enable-lora and --logprobs-mode processed_logprobs"
)
OTHER_BASE = (
    "it serves another base model, or this one quantised; start it with the model that is trained here"
)
OTHER_ADAPTER = (
    "it agreed on the base model, so it answers with another adapter than it was given; start it anew, and begin the "
    "job again"
)


@dataclass(frozen=True)
class Agreement:
    """Over all tokens of a rollout: `gap`, the mean difference of two log-probabilities without its sign (nats);
    `clipped`, the share of tokens whose weight was cut at LARGEST_WEIGHT; `effective`, what a token counts on
    average, (Σw)² / (n·Σw²) of the weights before they are cut."""

    gap: float
    clipped: float
    effective: float

    def metrics(self) -> dict[str, float]:
        """As numbers of a step."""
        return {
            "generator_gap": self.gap,
            "generator_clipped": self.clipped,
            "generator_effective": self.effective,
        }


def measure(logprobs: Tensor, generator_logprobs: Tensor, mask: Tensor) -> Agreement:
    """The trainer's log-probabilities beside the generator's; (B, T) each."""
    apart = torch.where(mask, logprobs - generator_logprobs, 0.0)
    return Agreement(
        float(masked_mean(apart.abs(), mask)),
        float(masked_mean((apart.exp() > LARGEST_WEIGHT).float(), mask)),
        float(effective_share(apart, mask)),
    )


@torch.no_grad()
def check_agreement(
    policy: Policy, rollout: Rollout, logprobs: Tensor, temperature: float, suspect: float = GENERATOR_LIMIT
) -> dict[str, float]:
    """The measures of a rollout (none of one that the model in memory wrote). Raises BadInput beyond the bound.

    `logprobs` (B, T): what the policy as it stands says of it. Above `suspect` nats a token a cause is looked for, and
    where one is found a gap within the bound is refused too: the generator does what was not asked for, however little
    it matters yet.
    """
    said = rollout.generator_logprobs
    if said is None:
        return {}
    found = measure(logprobs.to(said.device), said, rollout.response_mask)
    if found.gap > suspect:
        cause = find_cause(policy, rollout, found.gap, temperature)
        if cause or found.gap > REFUSED:
            why = cause or (OTHER_BASE if adapter_is_zero(policy) else OTHER_ADAPTER)
            raise BadInput(
                f"The generator's log-probabilities are {found.gap:.2g} nats a token from the trainer's: {why}."
            )
    return found.metrics()


def find_cause(policy: Policy, rollout: Rollout, gap: float, temperature: float) -> str:
    """Which other way of reading the same responses gives the generator's numbers; "" where none does."""
    part = rollout.take(torch.arange(min(TRIED, len(rollout)), device=rollout.group.device))
    said, mask = part.generator_logprobs, part.response_mask
    assert said is not None
    ways = {RAW: (True, 1.0), UNADAPTED: (False, temperature), RAW_UNADAPTED: (False, 1.0)}
    left: dict[str, float] = {}
    for cause, (adapted, degree) in ways.items():
        if (adapted, degree) == (True, temperature) or (not adapted and adapter_is_zero(policy)):
            continue
        if adapted:
            read = policy.forward(part, degree).logprobs
        else:
            with policy.reference():
                read = policy.forward(part, degree).logprobs
        left[cause] = measure(read, said, mask).gap
    best = min(left, key=lambda cause: left[cause], default="")
    return best if best and left[best] < EXPLAINED * gap else ""


def adapter_is_zero(policy: Policy) -> bool:
    """Whether the policy is its base to the bit: LoRA's second matrices are what an adapter starts with, 0."""
    return not any(bool(t.any()) for name, t in policy.adapter_state().items() if "lora_B" in name)
