"""Plain-Python truth: lists, loops and `math`, written from the equations and not from the code under test.

A batch is a list of responses, each a list of per-token numbers without any padding.
"""

import math
import statistics


def softmax_log(logits: list[float], temperature: float) -> list[float]:
    scaled = [x / temperature for x in logits]
    top = max(scaled)
    log_z = top + math.log(sum(math.exp(x - top) for x in scaled))
    return [x - log_z for x in scaled]


def token_rewards(score: float, logprobs: list[float], ref: list[float], kl_coef: float) -> list[float]:
    rewards = [-kl_coef * (p - q) for p, q in zip(logprobs, ref, strict=True)]
    if rewards:
        rewards[-1] += score
    return rewards


def gae(
    rewards: list[float], values: list[float], gamma: float, lam: float
) -> tuple[list[float], list[float]]:
    """The definition: A_t is the (γλ)-weighted sum of all later temporal-difference errors."""
    n = len(rewards)
    after = [*values[1:], 0.0]
    delta = [rewards[t] + gamma * after[t] - values[t] for t in range(n)]
    advantages = [sum((gamma * lam) ** (k - t) * delta[k] for k in range(t, n)) for t in range(n)]
    return advantages, [a + v for a, v in zip(advantages, values, strict=True)]


def whiten(batch: list[list[float]], shift_mean: bool = True) -> list[list[float]]:
    flat = [x for row in batch for x in row]
    mean, deviation = statistics.fmean(flat), math.sqrt(statistics.variance(flat) + 1e-8)
    back = 0.0 if shift_mean else mean
    return [[(x - mean) / deviation + back for x in row] for row in batch]


def policy_loss(
    new: list[list[float]],
    old: list[list[float]],
    adv: list[list[float]],
    eps: float,
    drawn: list[list[float]] | None = None,
) -> float:
    """`drawn`: log-probabilities of the program that drew the tokens, where it is another one."""
    terms = []
    for n_row, o_row, a_row, d_row in zip(new, old, adv, drawn or old, strict=True):
        for n, o, a, d in zip(n_row, o_row, a_row, d_row, strict=True):
            ratio = math.exp(n - o)
            weight = min(math.exp(o) / math.exp(d), 2)
            terms.append(-weight * min(ratio * a, min(max(ratio, 1 - eps), 1 + eps) * a))
    return statistics.fmean(terms)


def effective_share(log_weights: list[list[float]]) -> float:
    weights = [math.exp(x) for row in log_weights for x in row]
    return sum(weights) ** 2 / sum(w * w for w in weights) / len(weights)


def value_loss(
    new: list[list[float]], old: list[list[float]], returns: list[list[float]], eps: float
) -> float:
    terms = []
    for n_row, o_row, r_row in zip(new, old, returns, strict=True):
        for n, o, r in zip(n_row, o_row, r_row, strict=True):
            near = min(max(n, o - eps), o + eps)
            terms.append(max((n - r) ** 2, (near - r) ** 2))
    return 0.5 * statistics.fmean(terms)


def leave_one_out(scores: list[float], group: list[int]) -> list[float]:
    out = []
    for i, score in enumerate(scores):
        others = [s for j, s in enumerate(scores) if j != i and group[j] == group[i]]
        out.append(score - statistics.fmean(others) if others else score)
    return out


def prefix_values(credit: list[list[float]], group: list[int], length: int) -> list[list[float]]:
    out = []
    for i, row in enumerate(credit):
        others = [c for j, r in enumerate(credit) if j != i and group[j] == group[i] for c in r]
        mean = statistics.fmean(others) if others else 0.0
        out.append([sum(c - mean for c in row[:t]) / length for t in range(len(row))])
    return out
