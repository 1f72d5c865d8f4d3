"""One PPO update: experience in, metrics out. No files, no store, no clock.

The order of lm-human-preferences' `step()`: evaluate, score, rewards, advantages, train. What is sampled is scored
in the very micro-batches that it is trained in (same composition, same padding), so that with a learning rate of 0
the ratio of new to old probabilities is 1 in any precision.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ppo.algorithm.maths import (
    AdaptiveKL,
    FixedKL,
    explained_variance,
    gae,
    leave_one_out,
    masked_mean,
    masked_whiten,
    policy_loss,
    prefix_values,
    token_rewards,
    value_loss,
)
from ppo.config import Config, PPOConfig
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout


@dataclass
class TrainState:
    """The one mutable thing, and all that a checkpoint saves: heads, adapter, optimizer, KL coefficient, cursor."""

    policy: Policy
    optimizer: torch.optim.Adam
    kl: FixedKL | AdaptiveKL
    round_number: int
    step: int = 0
    people_done: bool = False

    @classmethod
    def begin(
        cls, policy: Policy, config: PPOConfig, round_number: int, start_kl: float = 0.0
    ) -> "TrainState":
        """A fresh optimizer and coefficient for a new round of a policy that is `start_kl` nats from the reference.

        The coefficient never steers below where the round starts: that would take back what people asked for.
        """
        groups = [
            {"params": policy.adapter_parameters(), "lr": config.learning_rate},
            {"params": list(policy.value_head.parameters()), "lr": config.value_learning_rate},
        ]
        optimizer = torch.optim.Adam(groups, eps=config.adam_eps, fused=True)
        if config.kl_target > 0:
            kl: FixedKL | AdaptiveKL = AdaptiveKL(
                config.kl_coef, max(config.kl_target, start_kl), config.kl_horizon
            )
        else:
            kl = FixedKL(config.kl_coef)
        return cls(policy, optimizer, kl, round_number)

    def anneal_learning_rate(self, config: PPOConfig) -> None:
        """Sets the adapter's learning rate for the step that comes: linearly down to 0 over the round's steps.

        What a small batch says is mostly noise, and the noise of each update adds to the KL while what they agree
        on adds to the score: the KL penalty takes the noise back only while the updates shrink.
        """
        self.optimizer.param_groups[0]["lr"] = config.learning_rate * (1 - self.step / max(1, config.steps))


@dataclass(frozen=True)
class Evaluated:
    """What the two forwards say about a rollout, before anything is learned from it; (B, T) each.

    `features` (B, F) are the reference's, for the reward head; `states` (B, T, H) the policy's, for the critic;
    `prefix` the part of `values` that the reward head knows (0 without one); `batches` the fixed micro-batches
    (indices).
    """

    rollout: Rollout
    batches: tuple[Tensor, ...]
    logprobs: Tensor
    ref_logprobs: Tensor
    values: Tensor
    prefix: Tensor
    entropy: Tensor
    features: Tensor
    states: Tensor

    def kl_per_response(self) -> Tensor:
        """k1 estimate of KL(policy ‖ reference) in nats per response (B,)."""
        return torch.where(self.rollout.response_mask, self.logprobs - self.ref_logprobs, 0.0).sum(1)


def fixed_batches(rollout: Rollout, size: int) -> tuple[Tensor, ...]:
    """Micro-batches of at least `size` responses that keep the responses of one prompt together."""
    groups: dict[int, list[int]] = {}
    for b, group in enumerate(rollout.group.tolist()):
        groups.setdefault(group, []).append(b)
    batches: list[list[int]] = [[]]
    for members in groups.values():
        if len(batches[-1]) >= size:
            batches.append([])
        batches[-1].extend(members)
    return tuple(torch.tensor(b, device=rollout.group.device) for b in batches if b)


Tick = Callable[[int], None]
"""Told how many responses have just been worked through; may raise to stop the work."""


def _silent(_responses: int) -> None:
    """Tells nobody."""


@torch.no_grad()
def evaluate(
    policy: Policy,
    rollout: Rollout,
    layers: tuple[int, ...],
    config: Config,
    tick: Tick = _silent,
    weights: Tensor | None = None,
) -> Evaluated:
    """Reads a rollout with the policy and with the reference, micro-batch by micro-batch.

    `weights` (F − 2,): what the reward head's score owes to the mean of each hidden feature of `layers`; with them
    the critic's values begin with what the head says of the tokens so far.
    """
    batches = fixed_batches(rollout, config.ppo.minibatch)
    shape = rollout.response_mask.shape
    logprobs, ref_logprobs, values, entropy, credit = (
        torch.zeros(shape, device=policy.device) for _ in range(5)
    )
    features: list[Tensor | None] = [None] * len(rollout)
    states = torch.zeros(*shape, policy.width, device=policy.device)
    for index in batches:
        part = rollout.take(index)
        width = part.response_mask.shape[1]
        rows, _ = policy.states(part)
        reading = policy.read_rows(part, rows, config.sample.temperature)
        spread = torch.zeros(*part.response_mask.shape, policy.width, device=policy.device)
        spread[part.response_mask] = rows.float()
        states[index, :width] = spread
        logprobs[index, :width], values[index, :width] = reading.logprobs, reading.values
        entropy[index, :width] = reading.entropy
        with policy.reference():
            rows, kept = policy.states(part, layers)
            ref_logprobs[index, :width] = policy.read_rows(part, rows, config.sample.temperature).logprobs
        for b, row in zip(index.tolist(), response_features(part, kept), strict=True):
            features[b] = row
        if weights is not None:
            credit[index, :width] = part.spread(torch.cat(kept, dim=1) @ weights)
        tick(len(index))
    prefix = prefix_values(credit, rollout.response_mask, rollout.group, config.sample.max_new_tokens)
    return Evaluated(
        rollout,
        batches,
        logprobs,
        ref_logprobs,
        values + prefix,
        prefix,
        entropy,
        torch.stack(features),
        states,
    )


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


@dataclass(frozen=True)
class Experience:
    """A rollout with its scores, turned into what PPO learns from; (B, T) where not said otherwise."""

    evaluated: Evaluated
    scores: Tensor  # (B,) in the head's units
    rewards: Tensor
    advantages: Tensor  # whitened
    returns: Tensor


def experience(
    evaluated: Evaluated, scores: Tensor, kl_coef: float, gamma: float, gae_lambda: float
) -> Experience:
    """Scores (B,) → rewards, advantages and returns.

    The mean score of the prompt's other responses is the baseline (it takes the prompt's own difficulty out);
    the critic learns what is left.
    """
    mask = evaluated.rollout.response_mask
    centred = leave_one_out(scores, evaluated.rollout.group)
    rewards = token_rewards(centred, evaluated.logprobs, evaluated.ref_logprobs, mask, kl_coef)
    advantages, returns = gae(rewards, evaluated.values, mask, gamma, gae_lambda)
    return Experience(evaluated, scores, rewards, masked_whiten(advantages, mask), returns)


def warm_critic(state: TrainState, seen: Experience, config: PPOConfig) -> Experience:
    """`critic_steps` steps of the value head alone, on states that are at hand; the experience with its new values.

    Without it the first advantages of a round are raw returns: the critic starts at 0 and knows nothing yet.
    """
    ev, head = seen.evaluated, state.policy.value_head
    mask = ev.rollout.response_mask
    optimizer = torch.optim.Adam(head.parameters(), lr=config.value_learning_rate, eps=config.adam_eps)
    for _ in range(config.critic_steps):
        optimizer.zero_grad(set_to_none=True)
        new_values = state.policy.values_of(ev.states) + ev.prefix
        error = value_loss(new_values, ev.values, seen.returns, mask, math.inf).loss
        error.backward()
        optimizer.step()
    with torch.no_grad():
        values = torch.where(mask, state.policy.values_of(ev.states), 0.0) + ev.prefix
    return experience(replace(ev, values=values), seen.scores, state.kl.coef, config.gamma, config.gae_lambda)


def ppo_update(
    state: TrainState, seen: Experience, config: Config, epochs: int, seed: int, tick: Tick = _silent
) -> dict[str, float]:
    """`epochs` passes over one experience; moves `state.policy`. Returns the update's metrics (means over passes).

    An epoch after one whose approx_kl exceeded 1.5 · kl_stop is not begun. A non-finite loss or gradient puts
    the state from before this update back and says so (`dropped` = 1).
    """
    ppo, policy = config.ppo, state.policy
    before = (policy.adapter_state(), _copy(policy.value_head.state_dict()), _copy_optimizer(state.optimizer))
    sums: dict[str, float] = {}
    updates, first_gap = 0, None
    for epoch in range(epochs):
        order = torch.randperm(
            len(seen.evaluated.batches), generator=torch.Generator().manual_seed(seed + epoch)
        )
        passed: list[dict[str, Tensor]] = []
        for i in order.tolist():
            found = _optimise(state, seen, seen.evaluated.batches[i], config)
            if not all(math.isfinite(float(found[k])) for k in ("loss", "grad_norm")):
                _restore(state, before)
                return {"dropped": 1.0, "updates": 0.0}
            if first_gap is None:
                first_gap = float(found["ratio_gap"])
            passed.append(found)
            tick(len(seen.evaluated.batches[i]))
        updates += len(passed)
        for name in passed[0]:
            sums[name] = sums.get(name, 0.0) + float(sum(p[name] for p in passed))
        epoch_kl = float(sum(p["approx_kl"] for p in passed)) / len(passed)
        if epoch_kl > 1.5 * ppo.kl_stop:
            break
    metrics = {name: total / updates for name, total in sums.items()}
    metrics["ratio_gap"] = first_gap if first_gap is not None else 0.0
    return metrics | {"dropped": 0.0, "updates": float(updates), "stopped": float(epoch + 1 < epochs)}


def _optimise(state: TrainState, seen: Experience, index: Tensor, config: Config) -> dict[str, Tensor]:
    """One optimiser step on one micro-batch."""
    ppo, ev = config.ppo, seen.evaluated
    part = ev.rollout.take(index)
    width, mask = part.response_mask.shape[1], part.response_mask
    old_logprobs, old_values = ev.logprobs[index, :width], ev.values[index, :width]
    reading = state.policy.read(part, config.sample.temperature)
    policy_part = policy_loss(
        reading.logprobs, old_logprobs, seen.advantages[index, :width], mask, ppo.clip_range
    )
    new_values = reading.values + ev.prefix[index, :width]
    value_part = value_loss(new_values, old_values, seen.returns[index, :width], mask, ppo.value_clip_range)
    loss = policy_part.loss + ppo.value_coef * value_part.loss
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    # Clipped apart: a large error of the critic must not shrink the policy's step
    norms = [
        torch.nn.utils.clip_grad_norm_(g["params"], ppo.max_grad_norm) for g in state.optimizer.param_groups
    ]
    grad_norm = norms[0] + norms[1]
    if torch.isfinite(loss) and torch.isfinite(grad_norm):
        state.optimizer.step()
    gap = (reading.logprobs - old_logprobs).detach().abs().max()
    return {
        "loss": loss.detach(),
        "policy_loss": policy_part.loss.detach(),
        "value_loss": value_part.loss.detach(),
        "clip_frac": policy_part.clip_frac,
        "value_clip_frac": value_part.value_clip_frac,
        "approx_kl": policy_part.approx_kl,
        "ratio": policy_part.ratio,
        "grad_norm": grad_norm.detach(),
        "ratio_gap": gap,
    }


def describe(seen: Experience, kl_coef: float) -> dict[str, float]:
    """What the experience itself says, before the update: scores, KL in nats per response, length, endings."""
    ev, mask = seen.evaluated, seen.evaluated.rollout.response_mask
    kl = ev.kl_per_response()
    return {
        "score": float(seen.scores.mean()),
        "score_std": float(seen.scores.std(unbiased=False)),
        "reward": float(seen.scores.mean() - kl_coef * kl.mean()),
        "kl": float(kl.mean()),
        "kl_se": float(kl.std(unbiased=True) / math.sqrt(len(kl))) if len(kl) > 1 else 0.0,
        "kl_coef": kl_coef,
        "entropy": float(masked_mean(ev.entropy, mask)),
        "explained_variance": float(explained_variance(ev.values, seen.returns, mask)),
        "length": float(ev.rollout.lengths.float().mean()),
        "eos_share": float(ev.rollout.ended.float().mean()),
    }


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.detach().clone() for k, v in state.items()}


def _copy_optimizer(optimizer: torch.optim.Optimizer) -> dict:
    kept = optimizer.state_dict()
    state = {
        i: {k: v.clone() if isinstance(v, Tensor) else v for k, v in s.items()}
        for i, s in kept["state"].items()
    }
    return {"state": state, "param_groups": kept["param_groups"]}


def _restore(state: TrainState, before: tuple) -> None:
    adapter, value_head, optimizer = before
    state.policy.load_adapter_state(adapter)
    state.policy.value_head.load_state_dict(value_head)
    state.optimizer.load_state_dict(optimizer)
