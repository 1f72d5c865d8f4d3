"""A rollout read by the policy and by the reference, its micro-batches shared among the trainer's processes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ppo.algorithm.batches import Minibatch, minibatches_of, tokens_of
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout

READ = "read"
OnResponses = Callable[[int], None]
"""Called with the number of responses that were just worked through; may raise to stop the work."""


def ignore_responses(_count: int) -> None:
    """An `OnResponses` that does nothing."""


@dataclass(frozen=True)
class Wanted:
    """What a reading is for: mini-batches of how many responses, at which temperature, and what is to be read.

    `own`: log-probabilities, values and entropy by the policy; `states`: its last hidden states, too; `reference`: the
    reference's log-probabilities; `layers`: which of its hidden states become features. `most_tokens`: of a
    micro-batch, where that is less than the policy's; 0 = the policy's.
    """

    minibatch: int
    temperature: float
    own: bool = True
    states: bool = False
    reference: bool = False
    layers: tuple[int, ...] = ()
    most_tokens: int = 0


@dataclass(frozen=True)
class Readings:
    """(B, T) each, 0 where nothing was sampled or wanted; `states` (B, T, H), `features` (B, F), `credit` what each
    token's features add to the head's score."""

    minibatches: tuple[Minibatch, ...]
    logprobs: Tensor
    values: Tensor
    entropy: Tensor
    ref_logprobs: Tensor
    credit: Tensor
    states: Tensor
    features: Tensor


def read_rollout(
    policy: Policy,
    rollout: Rollout,
    wanted: Wanted,
    weights: Tensor | None = None,
    on_responses: OnResponses = ignore_responses,
) -> Readings:
    """Reads a rollout in the micro-batches that it would be trained in. `weights` (F − 2,) of the reward head: for the
    credit of each token."""
    minibatches = _minibatches(policy, rollout, wanted)

    def message() -> dict[str, Any]:
        head = {} if weights is None else {"weights": weights}
        return policy.present() | {"wanted": asdict(wanted)} | rollout.as_message() | head

    def work() -> list[Tensor]:
        return _read_share(policy, rollout, minibatches, wanted, weights, on_responses)

    found = policy.processes.call(READ, message, work)
    return Readings(minibatches, *found)


def read_for_first(policy: Policy, message: dict[str, Any]) -> list[Tensor]:
    """Another process's share of `read_rollout`."""
    rollout = Rollout.from_message(message, policy.device)
    given = message["wanted"]
    wanted = Wanted(**{**given, "layers": tuple(given["layers"])})
    minibatches = _minibatches(policy, rollout, wanted)
    weights = message["weights"].to(policy.device) if "weights" in message else None
    return _read_share(policy, rollout, minibatches, wanted, weights, ignore_responses)


def _minibatches(policy: Policy, rollout: Rollout, wanted: Wanted) -> tuple[Minibatch, ...]:
    tokens = min(policy.microbatch_tokens, wanted.most_tokens or policy.microbatch_tokens)
    return minibatches_of(rollout, wanted.minibatch, tokens, policy.processes.size)


@torch.no_grad()
def _read_share(
    policy: Policy,
    rollout: Rollout,
    minibatches: tuple[Minibatch, ...],
    wanted: Wanted,
    weights: Tensor | None,
    on_responses: OnResponses,
) -> list[Tensor]:
    parts = [part for minibatch in minibatches for part in minibatch]
    mine = policy.processes.lightest([tokens_of(rollout, part) for part in parts])
    shape = rollout.response_mask.shape
    logprobs, values, entropy, ref_logprobs, credit = (
        torch.zeros(shape, device=policy.device) for _ in range(5)
    )
    states = torch.zeros(*shape, policy.width if wanted.states else 0, device=policy.device)
    features = torch.zeros(len(rollout), 0, device=policy.device)
    # One with no share reads the first part as well, for the width of the features, and keeps nothing of it
    for i in mine or [0]:
        index = parts[i]
        part = rollout.take(index)
        width = part.response_mask.shape[1]
        if wanted.own and i in mine:
            reading, rows, _ = policy.read(part, wanted.temperature)
            logprobs[index, :width], values[index, :width] = reading.logprobs, reading.values
            entropy[index, :width] = reading.entropy
            if wanted.states:
                spread = torch.zeros(*part.response_mask.shape, policy.width, device=policy.device)
                spread[part.response_mask] = rows.float()
                states[index, :width] = spread
        kept = _read_reference(policy, part, index, wanted, ref_logprobs if i in mine else None)
        if wanted.layers:
            found = response_features(part, kept)
            if not features.shape[1]:
                features = torch.zeros(len(rollout), found.shape[1], device=policy.device)
            if i in mine:
                features[index] = found
        if weights is not None and i in mine:
            credit[index, :width] = part.spread(torch.cat(kept, dim=1) @ weights)
        if i in mine:
            on_responses(len(index))
    return [logprobs, values, entropy, ref_logprobs, credit, states, features]


def _read_reference(
    policy: Policy, part: Rollout, index: Tensor, wanted: Wanted, ref_logprobs: Tensor | None
) -> list[Tensor]:
    """The kept layers of the reference (N, H) each; its log-probabilities go into `ref_logprobs`, where wanted."""
    if not wanted.reference and not wanted.layers:
        return []
    with policy.reference():
        if not wanted.reference or ref_logprobs is None:
            return policy.hidden_states(part, wanted.layers)[1]
        reading, _, kept = policy.read(part, wanted.temperature, wanted.layers)
    ref_logprobs[index, : part.response_mask.shape[1]] = reading.logprobs
    return kept


def response_features(rollout: Rollout, layers: list[Tensor]) -> Tensor:
    """Means over each response's tokens of hidden states (N, H) a layer, then log length and ended: (B, F)."""
    lengths = rollout.lengths
    owner = torch.repeat_interleave(torch.arange(len(rollout), device=lengths.device), lengths)
    count = lengths.clamp(min=1).float().unsqueeze(1)
    means = [
        torch.zeros(len(rollout), layer.shape[1], device=layer.device).index_add_(0, owner, layer) / count
        for layer in layers
    ]
    extra = torch.stack([torch.log1p(lengths.float()), rollout.ended.float()], dim=1)
    return torch.cat([*means, extra], dim=1)
