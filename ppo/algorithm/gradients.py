"""Gradients of one mini-batch: of its micro-batches, added up, and of all the processes that share it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ppo.algorithm.batches import Minibatch, minibatches_of, tokens_of
from ppo.algorithm.experience import Experience
from ppo.algorithm.maths import policy_loss, value_loss
from ppo.algorithm.reading import OnResponses, ignore_responses
from ppo.config import Config
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout

BEGIN, GRADIENTS = "begin update", "gradients"
VALUE_COEF = 0.5  # of the value loss beside the policy's
MEANS = ("loss", "policy_loss", "value_loss", "clip_frac", "value_clip_frac", "approx_kl", "ratio")
TENSORS = ("logprobs", "values", "prefix_values", "advantages", "returns")


@dataclass(frozen=True)
class UpdateInput:
    """What the losses of an update are computed from; (B, T) each. The old log-probabilities and values are those from
    before it; `weights` are those of tokens that another program drew, None where the model in memory wrote."""

    rollout: Rollout
    minibatches: tuple[Minibatch, ...]
    logprobs: Tensor
    values: Tensor
    prefix_values: Tensor
    advantages: Tensor
    returns: Tensor
    temperature: float
    clip_range: float
    value_clip_range: float
    weights: Tensor | None = None

    @classmethod
    def of(cls, experience: Experience, config: Config) -> "UpdateInput":
        """Of an experience, by the settings of its round."""
        evaluated = experience.evaluated
        return cls(
            evaluated.rollout,
            evaluated.minibatches,
            evaluated.logprobs,
            evaluated.values,
            evaluated.prefix_values,
            experience.advantages,
            experience.returns,
            config.sample.temperature,
            config.ppo.clip_range,
            config.ppo.value_clip_range,
            evaluated.weights,
        )

    def as_message(self, minibatch: int) -> dict[str, Any]:
        """For another process; `minibatch`: responses an optimiser step."""
        plain = (self.temperature, self.clip_range, self.value_clip_range)
        tensors = {name: getattr(self, name) for name in TENSORS}
        if self.weights is not None:
            tensors["token_weights"] = self.weights
        return {"minibatch": minibatch, "plain": plain} | tensors | self.rollout.as_message()

    @classmethod
    def from_message(cls, message: dict[str, Any], policy: Policy) -> "UpdateInput":
        """What `as_message` gave."""
        rollout = Rollout.from_message(message, policy.device)
        minibatches = minibatches_of(
            rollout, message["minibatch"], policy.microbatch_tokens, policy.processes.size
        )
        tensors = {name: message[name].to(policy.device) for name in TENSORS}
        if "token_weights" in message:
            tensors["weights"] = message["token_weights"].to(policy.device)
        temperature, clip_range, value_clip_range = message["plain"]
        return cls(
            rollout=rollout,
            minibatches=minibatches,
            temperature=temperature,
            clip_range=clip_range,
            value_clip_range=value_clip_range,
            **tensors,
        )


def begin_update(policy: Policy, given: UpdateInput, minibatch: int) -> None:
    """Sends what an update is computed from to the trainer's other processes."""
    policy.processes.call(BEGIN, lambda: policy.present() | given.as_message(minibatch), list)


def add_gradients(
    policy: Policy, given: UpdateInput, number: int, on_responses: OnResponses = ignore_responses
) -> dict[str, float]:
    """The gradient of mini-batch `number` into the parameters' `grad`; its means over tokens (`MEANS`) and the largest
    difference between new and old log-probabilities (`ratio_gap`)."""

    def work() -> list[Tensor]:
        return gradients_of_share(policy, given, number, on_responses)

    *_, means, gaps = policy.processes.call(GRADIENTS, lambda: policy.present() | {"number": number}, work)
    return dict(zip(MEANS, means.tolist(), strict=True)) | {"ratio_gap": float(gaps.max())}


def gradients_of_share(
    policy: Policy, given: UpdateInput, number: int, on_responses: OnResponses = ignore_responses
) -> list[Tensor]:
    """This process's part of the sums: the gradients, which lie in the parameters, then `MEANS` and the gaps."""
    minibatch, lengths = given.minibatches[number], given.rollout.lengths
    tokens = max(1, sum(int(lengths[index].sum()) for index in minibatch))
    mine = policy.processes.lightest([tokens_of(given.rollout, index) for index in minibatch])
    means = torch.zeros(len(MEANS), device=policy.device)
    gaps = torch.zeros(len(minibatch), device=policy.device)
    parameters = [*policy.adapter_parameters(), *policy.value_head.parameters()]
    for parameter in parameters:
        parameter.grad = None
    for i in mine:
        share = int(lengths[minibatch[i]].sum()) / tokens
        found, gaps[i] = _accumulate(policy, given, minibatch[i], share)
        means += share * found
        on_responses(len(minibatch[i]))
    return [*(_grad(parameter) for parameter in parameters), means, gaps]


def _grad(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def _accumulate(policy: Policy, given: UpdateInput, index: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Adds `share` of one micro-batch's gradient; its `MEANS`, and its largest gap of log-probabilities."""
    part = given.rollout.take(index)
    width, mask = part.response_mask.shape[1], part.response_mask
    old_logprobs, old_values = given.logprobs[index, :width], given.values[index, :width]
    reading = policy.forward(part, given.temperature)
    weights = None if given.weights is None else given.weights[index, :width]
    policy_part = policy_loss(
        reading.logprobs, old_logprobs, given.advantages[index, :width], mask, given.clip_range, weights
    )
    new_values = reading.values + given.prefix_values[index, :width]
    value_part = value_loss(
        new_values, old_values, given.returns[index, :width], mask, given.value_clip_range
    )
    loss = policy_part.loss + VALUE_COEF * value_part.loss
    (loss * share).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    means = [
        loss.detach(),
        policy_part.loss.detach(),
        value_part.loss.detach(),
        policy_part.clip_frac,
        value_part.value_clip_frac,
        policy_part.approx_kl,
        policy_part.ratio,
    ]
    return torch.stack([mean.float() for mean in means]), (
        reading.logprobs - old_logprobs
    ).detach().abs().max()
