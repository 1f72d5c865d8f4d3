"""One PPO update: experience in, metrics out. No files, no store, no clock."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppo.algorithm.experience import Experience, build_experience
from ppo.algorithm.gradients import UpdateInput, add_gradients, begin_update
from ppo.algorithm.maths import AdaptiveKL, FixedKL, value_loss
from ppo.algorithm.reading import OnResponses, ignore_responses
from ppo.config import Config, PPOConfig
from ppo.model.policy import Policy

ADAM_EPS, MAX_GRAD_NORM = 1e-5, 1.0  # as in Huang et al.'s 37 details of PPO

CRITIC_STEPS = 4  # of the value head alone before a round's first update


@dataclass
class TrainState:
    """The one mutable thing, and all that a checkpoint saves: heads, adapter, optimizer, KL coefficient, cursor.

    `doubt` (F,): what pessimism takes off the next step's scores for each unit of a feature; None before the first.
    """

    policy: Policy
    optimizer: torch.optim.Adam
    kl: FixedKL | AdaptiveKL
    round_number: int
    step: int = 0
    people_done: bool = False
    doubt: np.ndarray | None = None

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
        optimizer = torch.optim.Adam(groups, eps=ADAM_EPS, fused=True)
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


def warm_up_critic(state: TrainState, experience: Experience, config: PPOConfig) -> Experience:
    """`CRITIC_STEPS` steps of the value head alone, on states that are at hand; the experience with its new values.

    Without it the first advantages of a round are raw returns: the critic starts at 0 and knows nothing yet.
    """
    evaluated, head = experience.evaluated, state.policy.value_head
    mask = evaluated.rollout.response_mask
    optimizer = torch.optim.Adam(head.parameters(), lr=config.value_learning_rate, eps=ADAM_EPS)
    for _ in range(CRITIC_STEPS):
        optimizer.zero_grad(set_to_none=True)
        new_values = state.policy.values_of(evaluated.states) + evaluated.prefix_values
        error = value_loss(new_values, evaluated.values, experience.returns, mask, math.inf).loss
        error.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    with torch.no_grad():
        values = torch.where(mask, state.policy.values_of(evaluated.states), 0.0) + evaluated.prefix_values
    return build_experience(
        replace(evaluated, values=values), experience.scores, state.kl.coef, config.gae_lambda
    )


def ppo_update(
    state: TrainState,
    experience: Experience,
    config: Config,
    epochs: int,
    seed: int,
    on_responses: OnResponses = ignore_responses,
) -> dict[str, float]:
    """`epochs` passes over one experience; moves `state.policy`. Returns the update's metrics (means over passes).

    An epoch after one whose approx_kl exceeded 1.5 · kl_stop is not begun. A non-finite loss or gradient puts
    the state from before this update back and says so (`dropped` = 1).
    """
    ppo, policy, minibatches = config.ppo, state.policy, experience.evaluated.minibatches
    before = (policy.adapter_state(), _copy(policy.value_head.state_dict()), _copy_optimizer(state.optimizer))
    given = UpdateInput.of(experience, config)
    policy.return_memory()  # what reading held: backward asks for blocks of other sizes, and would take its own beside
    begin_update(policy, given, ppo.minibatch)
    sums: dict[str, float] = {}
    updates, first_gap = 0, None
    for epoch in range(epochs):
        order = torch.randperm(len(minibatches), generator=torch.Generator().manual_seed(seed + epoch))
        steps: list[dict[str, float]] = []
        for i in order.tolist():
            try:
                step = _optimise(state, given, i, on_responses)
            except (
                Exception
            ):  # memory ran out, or the operator stopped it: what comes next begins from before
                _restore(state, before)
                raise
            if not all(math.isfinite(step[k]) for k in ("loss", "grad_norm")):
                _restore(state, before)
                return {"dropped": 1.0, "updates": 0.0}
            if first_gap is None:
                first_gap = step["ratio_gap"]
            steps.append(step)
        updates += len(steps)
        for name in steps[0]:
            sums[name] = sums.get(name, 0.0) + sum(s[name] for s in steps)
        epoch_kl = sum(s["approx_kl"] for s in steps) / len(steps)
        if epoch_kl > 1.5 * ppo.kl_stop:
            break
    state.optimizer.zero_grad(set_to_none=True)
    metrics = {name: total / updates for name, total in sums.items()}
    metrics["ratio_gap"] = first_gap if first_gap is not None else 0.0
    return metrics | {"dropped": 0.0, "updates": float(updates), "stopped": float(epoch + 1 < epochs)}


def _optimise(
    state: TrainState, given: UpdateInput, number: int, on_responses: OnResponses
) -> dict[str, float]:
    """One optimiser step on one mini-batch."""
    found = add_gradients(state.policy, given, number, on_responses)
    # Clipped apart: a large error of the critic must not shrink the policy's step
    norms = [torch.nn.utils.clip_grad_norm_(g["params"], MAX_GRAD_NORM) for g in state.optimizer.param_groups]
    found["grad_norm"] = float(norms[0] + norms[1])
    if math.isfinite(found["loss"]) and math.isfinite(found["grad_norm"]):
        state.optimizer.step()
    return found


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.detach().clone() for k, v in state.items()}


def _copy_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    kept = optimizer.state_dict()
    state = {
        i: {k: v.clone() if isinstance(v, Tensor) else v for k, v in s.items()}
        for i, s in kept["state"].items()
    }
    return {"state": state, "param_groups": kept["param_groups"]}


def _restore(state: TrainState, before: tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]) -> None:
    adapter, value_head, optimizer = before
    state.policy.load_adapter_state(adapter)
    state.policy.value_head.load_state_dict(value_head)
    state.optimizer.load_state_dict(optimizer)
