"""The mathematics of PPO with a KL penalty, as pure functions of tensors and floats.

Shapes: B responses, T response tokens. `mask` is (B, T) bool, True where a token was sampled (EOS included);
every mean in the project goes through `masked_mean`, so padding can change no metric.

Sources: PPO, Schulman et al. 2017 (arXiv 1707.06347); GAE, Schulman et al. 2015 (arXiv 1506.02438); the
per-token KL penalty, Stiennon et al. 2020 (arXiv 2009.01325); the k1 and k3 estimators, Schulman 2020
("Approximating KL divergence"); the adaptive coefficient, Ziegler et al. 2019 (arXiv 1909.08593, §2.2).
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

LARGEST_WEIGHT = 2.0  # of a token that another program drew: as Yao et al. 2025 and most trainers have it
WHITEN_EPS = 1e-8  # inside the square root: the reference notebook's value, the golden table depends on it


def masked_sum(x: Tensor, mask: Tensor) -> Tensor:
    """Sum of x where mask is True; whatever stands elsewhere (even NaN) does not count."""
    assert x.shape == mask.shape, (x.shape, mask.shape)
    return torch.where(mask, x, torch.zeros((), dtype=x.dtype, device=x.device)).sum()


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of x (any shape) over the True entries of mask (same shape); 0 when there is none."""
    return masked_sum(x, mask) / mask.sum().clamp(min=1)


def masked_whiten(x: Tensor, mask: Tensor, shift_mean: bool = True) -> Tensor:
    """(x − mean) / √(var + 1e-8) over the True entries, with the unbiased variance; masked entries become 0.

    `shift_mean=False` keeps the mean. Fewer than two True entries have no variance: their deviation is 0.
    """
    mean = masked_mean(x, mask)
    n = mask.sum()
    variance = masked_sum((x - mean) ** 2, mask) / (n - 1).clamp(min=1)
    white = (x - mean) * torch.rsqrt(variance + WHITEN_EPS)
    if not shift_mean:
        white = white + mean
    return torch.where(mask, white, torch.zeros_like(white))


def logprobs_of(logits: Tensor, ids: Tensor, temperature: float) -> Tensor:
    """log softmax(logits / temperature) at `ids`: logits (..., V), ids (...) → fp32 (...).

    logits[id] − logsumexp, so that no second (..., V) tensor is kept. The tempered policy *is* the policy:
    the temperature of sampling belongs in every log-probability.
    """
    assert logits.shape[:-1] == ids.shape, (logits.shape, ids.shape)
    assert temperature > 0, temperature
    scaled = logits.float() / temperature
    return scaled.gather(-1, ids.unsqueeze(-1)).squeeze(-1) - scaled.logsumexp(-1)


def entropy_of(logits: Tensor, temperature: float) -> Tensor:
    """Entropy in nats of softmax(logits / temperature): (..., V) → (...)."""
    logp = torch.log_softmax(logits.float() / temperature, dim=-1)
    # 0 · log 0 = 0: a probability of exactly 0 stands beside −inf
    return -torch.where(logp.exp() > 0, logp.exp() * logp, torch.zeros_like(logp)).sum(-1)


def token_rewards(
    scores: Tensor, logprobs: Tensor, ref_logprobs: Tensor, mask: Tensor, kl_coef: float
) -> Tensor:
    """−kl_coef · (logprobs − ref_logprobs) at every sampled token, plus the score on the last one.

    scores (B,), the rest (B, T) → (B, T), 0 outside the mask. A response without a token earns nothing.
    """
    assert scores.shape == mask.shape[:1] and logprobs.shape == ref_logprobs.shape == mask.shape
    rewards = torch.where(mask, -kl_coef * (logprobs - ref_logprobs), torch.zeros_like(logprobs))
    columns = torch.arange(mask.shape[1], device=mask.device)
    last = torch.where(mask, columns, -torch.ones_like(columns)).amax(dim=1)
    some = last >= 0
    rewards[some.nonzero(as_tuple=True)[0], last[some]] += scores[some].to(rewards.dtype)
    return rewards


def gae(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Generalised advantage estimates and returns, each (B, T).

    delta_t = r_t + γ·V_{t+1} − V_t ;  A_t = delta_t + γλ·A_{t+1} ;  R_t = A_t + V_t, with V and A 0 after the
    last sampled token. Advantages are *not* whitened here; both results are 0 outside the mask.
    """
    assert rewards.shape == values.shape == mask.shape, (rewards.shape, values.shape, mask.shape)
    values = torch.where(mask, values, torch.zeros_like(values))
    rewards = torch.where(mask, rewards, torch.zeros_like(rewards))
    advantages = torch.zeros_like(values)
    after, next_value = torch.zeros_like(values[:, 0]), torch.zeros_like(values[:, 0])
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * next_value - values[:, t]
        after = torch.where(mask[:, t], delta + gamma * gae_lambda * after, after)
        advantages[:, t] = torch.where(mask[:, t], after, torch.zeros_like(after))
        next_value = torch.where(mask[:, t], values[:, t], next_value)
    return advantages, torch.where(mask, advantages + values, torch.zeros_like(values))


def leave_one_out(scores: Tensor, group: Tensor) -> Tensor:
    """Each score minus the mean of the *other* scores of its group (its prompt): (B,), (B,) → (B,).

    A baseline that does not depend on the response, so it changes the variance of the gradient and not its
    mean (Kool et al. 2019; RLOO, arXiv 2402.14740). A response alone in its group keeps its score.
    """
    assert scores.shape == group.shape and scores.ndim == 1
    same = (group.unsqueeze(0) == group.unsqueeze(1)).to(scores.dtype)
    others = same.sum(1) - 1
    baseline = (same @ scores - scores) / others.clamp(min=1)
    return torch.where(others > 0, scores - baseline, scores)


def mean_length_elsewhere(mask: Tensor, group: Tensor) -> Tensor:
    """How long a response may be expected to be, from the responses to other prompts alone: their mean length (B,).

    Where all belong to one prompt, the width of the mask (B, T).
    """
    same = (group.unsqueeze(0) == group.unsqueeze(1)).float()
    lengths = mask.sum(1).float()
    others = len(group) - same.sum(1)
    elsewhere = (lengths.sum() - same @ lengths) / others.clamp(min=1)
    return torch.where(others > 0, elsewhere, float(mask.shape[1])).clamp(min=1)


def prefix_values(credit: Tensor, mask: Tensor, group: Tensor, length: Tensor) -> Tensor:
    """What a score that is a sum over tokens already owes to the tokens before t: a critic that knows the head.

    `credit` (B, T) is what each sampled token adds to its response's score, times the response's length. Before
    token t the value is Σ_{s<t} (credit_s − m) / length, with m the mean credit a token of the *other* responses
    of the group (their scores are the baseline of `leave_one_out`) and `length` (B,) what the response's length is
    expected to be (`mean_length_elsewhere`): what is known before the token is drawn and nothing later, so the policy
    gradient keeps its mean. (B, T), 0 outside the mask and at the first token.
    """
    assert credit.shape == mask.shape and group.shape == length.shape == mask.shape[:1]
    credit = torch.where(mask, credit, torch.zeros_like(credit))
    same = (group.unsqueeze(0) == group.unsqueeze(1)).to(credit.dtype)
    total, count = credit.sum(1), mask.sum(1).to(credit.dtype)
    others = (same @ total - total) / (same @ count - count).clamp(min=1)
    above = torch.where(mask, credit - others.unsqueeze(1), torch.zeros_like(credit))
    return torch.where(mask, (above.cumsum(1) - above) / length.unsqueeze(1), torch.zeros_like(above))


def k3(logprobs: Tensor, other_logprobs: Tensor) -> Tensor:
    """Schulman's k3 estimate of KL(logprobs' policy ‖ the other) per token: never negative, low variance."""
    log_ratio = other_logprobs - logprobs
    return log_ratio.exp() - 1 - log_ratio


def importance_weights(logprobs: Tensor, generator_logprobs: Tensor, mask: Tensor) -> Tensor:
    """min(exp(logprobs − generator_logprobs), 2) where a token was sampled, 1 elsewhere: (B, T) each.

    What a token counts that was drawn by another program than the one whose policy learns: in expectation as if it had
    been drawn from `logprobs`, but for the cut, which keeps the variance down (truncated importance sampling, Ionides
    2008; for tokens, Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy RL training").
    """
    assert logprobs.shape == generator_logprobs.shape == mask.shape
    apart = torch.where(mask, logprobs - generator_logprobs, torch.zeros_like(logprobs))
    return apart.exp().clamp(max=LARGEST_WEIGHT)


def effective_share(log_weights: Tensor, mask: Tensor) -> Tensor:
    """(Σw)² / (n · Σw²) over the n sampled tokens, w = exp(log_weights): Kish's effective sample size as a share.

    (B, T) each → a scalar, 1 where all weigh the same or n is 0; by sums of logarithms: no weight is too large.
    """
    assert log_weights.shape == mask.shape
    if not mask.any():
        return torch.ones((), dtype=log_weights.dtype)
    kept = log_weights[mask]
    return (2 * kept.logsumexp(0) - (2 * kept).logsumexp(0)).exp() / len(kept)


@dataclass(frozen=True)
class PolicyLoss:
    """The clipped surrogate and what it says about itself; every field a masked mean (scalar tensor)."""

    loss: Tensor
    clip_frac: Tensor
    approx_kl: Tensor
    ratio: Tensor


def policy_loss(
    new_logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    clip_range: float,
    weights: Tensor | None = None,
) -> PolicyLoss:
    """mean of w·max(−A·ρ, −A·clip(ρ, 1−ε, 1+ε)), ρ = exp(new − old); all (B, T). PPO, equation 7.

    `weights` w: what each token counts that another program drew (`importance_weights`); 1 where there are none. The
    mean is over the tokens and not over the weights: their sum says how much there is to learn from.
    """
    assert new_logprobs.shape == old_logprobs.shape == advantages.shape == mask.shape
    # Where nothing was sampled the difference is set to 0 before exp, or padding could send inf·0 = NaN backwards
    log_ratio = torch.where(mask, new_logprobs - old_logprobs, torch.zeros_like(new_logprobs))
    ratio = log_ratio.exp()
    plain = -advantages * ratio
    clipped = -advantages * ratio.clamp(1 - clip_range, 1 + clip_range)
    with torch.no_grad():
        clip_frac = masked_mean((clipped > plain).float(), mask)
        approx_kl = masked_mean(k3(old_logprobs, new_logprobs), mask)
        mean_ratio = masked_mean(ratio, mask)
    worse = torch.maximum(plain, clipped)
    loss = masked_mean(worse if weights is None else weights * worse, mask)
    return PolicyLoss(loss, clip_frac, approx_kl, mean_ratio)


@dataclass(frozen=True)
class ValueLoss:
    """The clipped squared error of the critic; both fields masked means."""

    loss: Tensor
    value_clip_frac: Tensor


def value_loss(
    new_values: Tensor, old_values: Tensor, returns: Tensor, mask: Tensor, value_clip_range: float
) -> ValueLoss:
    """½ · mean of max((V−R)², (clip(V, V_old ± ε)−R)²); all (B, T)."""
    assert new_values.shape == old_values.shape == returns.shape == mask.shape
    near = torch.clamp(new_values, old_values - value_clip_range, old_values + value_clip_range)
    plain, clipped = (new_values - returns) ** 2, (near - returns) ** 2
    with torch.no_grad():
        clip_frac = masked_mean((clipped > plain).float(), mask)
    return ValueLoss(0.5 * masked_mean(torch.maximum(plain, clipped), mask), clip_frac)


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> Tensor:
    """1 − Var(returns − values) / Var(returns) over the sampled tokens; 0 where the returns do not vary."""
    error = returns - values

    def variance(x: Tensor) -> Tensor:
        return masked_mean((x - masked_mean(x, mask)) ** 2, mask)

    spread = variance(returns)
    return torch.where(
        spread > 1e-12, 1 - variance(error) / spread.clamp(min=1e-12), torch.zeros_like(spread)
    )


@dataclass
class FixedKL:
    """A KL coefficient that stays as it is."""

    coef: float

    def update(self, kl: float, n: int) -> None:
        """Takes the measured KL (nats per response) of n responses; nothing changes."""


@dataclass
class AdaptiveKL:
    """Ziegler et al. 2019, §2.2: coef grows while KL is above the target and falls while it is below.

    `target` in nats per response, `horizon` in responses; the proportional error is held within ±0.2.
    """

    coef: float
    target: float
    horizon: float
    clip: float = field(default=0.2, repr=False)

    def update(self, kl: float, n: int) -> None:
        """Takes the measured KL (nats per response) of n responses."""
        error = max(-self.clip, min(self.clip, kl / self.target - 1))
        self.coef *= 1 + error * n / self.horizon
