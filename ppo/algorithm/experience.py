"""What PPO learns from: a rollout read by the policy and the reference, then its rewards, advantages and returns.

The order of lm-human-preferences' `step()`: evaluate, score, rewards, advantages, train. A rollout is evaluated in
the very micro-batches that it is trained in (same composition, same padding), so that with a learning rate of 0 the
ratio of new to old probabilities is 1 in any precision.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ppo.algorithm.batches import Minibatch
from ppo.algorithm.maths import (
    explained_variance,
    gae,
    importance_weights,
    leave_one_out,
    masked_mean,
    masked_whiten,
    mean_length_elsewhere,
    prefix_values,
    token_rewards,
)
from ppo.algorithm.reading import OnResponses, Wanted, ignore_responses, read_rollout
from ppo.config import Config
from ppo.model.policy import Policy
from ppo.model.rollout import Rollout

DISCOUNT = 1.0  # γ: a response is short, and its last token counts as much as its first


@dataclass(frozen=True)
class EvaluatedRollout:
    """What the two forwards give for a rollout, before anything is learned from it; (B, T) each.

    `features` (B, F) are the reference's, for the reward head; `states` (B, T, H) the policy's, for the critic;
    `prefix_values` the part of `values` that the reward head knows (0 without one); `minibatches` the indices of
    the responses of each optimiser step, in the micro-batches that are always read together.
    """

    rollout: Rollout
    minibatches: tuple[Minibatch, ...]
    logprobs: Tensor
    ref_logprobs: Tensor
    values: Tensor
    prefix_values: Tensor
    entropy: Tensor
    features: Tensor
    states: Tensor
    weights: Tensor | None = None  # (B, T) of a rollout that another program wrote: what each token counts

    def kl_per_response(self) -> Tensor:
        """k1 estimate of KL(policy ‖ reference) in nats per response (B,)."""
        return torch.where(self.rollout.response_mask, self.logprobs - self.ref_logprobs, 0.0).sum(1)


@torch.no_grad()
def evaluate_rollout(
    policy: Policy,
    rollout: Rollout,
    layers: tuple[int, ...],
    config: Config,
    on_responses: OnResponses = ignore_responses,
    weights: Tensor | None = None,
) -> EvaluatedRollout:
    """Reads a rollout with the policy and with the reference, micro-batch by micro-batch.

    `weights` (F − 2,): what the reward head's score owes to the mean of each hidden feature of `layers`; with them
    the critic's values begin with what the head says of the tokens so far.
    """
    wanted = Wanted(
        config.ppo.minibatch, config.sample.temperature, states=True, reference=True, layers=layers
    )
    read = read_rollout(policy, rollout, wanted, weights, on_responses)
    length = mean_length_elsewhere(rollout.response_mask, rollout.group)
    prefix = prefix_values(read.credit, rollout.response_mask, rollout.group, length)
    said = rollout.generator_logprobs
    return EvaluatedRollout(
        rollout,
        read.minibatches,
        read.logprobs,
        read.ref_logprobs,
        read.values + prefix,
        prefix,
        read.entropy,
        read.features,
        read.states,
        None if said is None else importance_weights(read.logprobs, said, rollout.response_mask),
    )


@dataclass(frozen=True)
class Experience:
    """A rollout with its scores, turned into what PPO learns from; (B, T) where not said otherwise."""

    evaluated: EvaluatedRollout
    scores: Tensor  # (B,) in the head's units
    rewards: Tensor
    advantages: Tensor  # whitened
    returns: Tensor


def build_experience(
    evaluated: EvaluatedRollout, scores: Tensor, kl_coef: float, gae_lambda: float
) -> Experience:
    """Scores (B,) → rewards, advantages and returns.

    The mean score of the prompt's other responses is the baseline (it takes the prompt's own difficulty out);
    the critic learns what is left.
    """
    mask = evaluated.rollout.response_mask
    centred = leave_one_out(scores, evaluated.rollout.group)
    rewards = token_rewards(centred, evaluated.logprobs, evaluated.ref_logprobs, mask, kl_coef)
    advantages, returns = gae(rewards, evaluated.values, mask, DISCOUNT, gae_lambda)
    return Experience(evaluated, scores, rewards, masked_whiten(advantages, mask), returns)


def experience_metrics(experience: Experience, kl_coef: float) -> dict[str, float]:
    """Numbers of the experience itself, before the update: scores, KL in nats per response, length, endings."""
    evaluated = experience.evaluated
    mask = evaluated.rollout.response_mask
    kl = evaluated.kl_per_response()
    return {
        "score": float(experience.scores.mean()),
        "score_std": float(experience.scores.std(unbiased=False)),
        "reward": float(experience.scores.mean() - kl_coef * kl.mean()),
        "kl": float(kl.mean()),
        "kl_se": float(kl.std(unbiased=True) / math.sqrt(len(kl))) if len(kl) > 1 else 0.0,
        "kl_coef": kl_coef,
        "entropy": float(masked_mean(evaluated.entropy, mask)),
        "explained_variance": float(explained_variance(evaluated.values, experience.returns, mask)),
        "length": float(evaluated.rollout.lengths.float().mean()),
        "eos_share": float(evaluated.rollout.ended.float().mean()),
    }
