"""Judgements of made-up people about made-up responses, of every kind."""

import numpy as np

from ppo.reward.judgements import COMPARISON, NOBODY, SCORE, THUMB, WORSE_THAN_USUAL, Judgements

SCALE = (1.0, 10.0)


def responses(seed=0, prompts=16, per=4, features=40, signal=1.5, noise=0.5):
    """Features (N, F), scores (N,) of one rater who likes the first feature, prompts (N,)."""
    draw = np.random.default_rng(seed)
    n = prompts * per
    x = np.hstack([draw.normal(size=(n, features)), draw.normal(size=(n, 2))])
    y = np.clip(5.5 + signal * x[:, 0] + noise * draw.normal(size=n), *SCALE)
    return x, y, np.repeat(np.arange(prompts), per)


def judgements(kinds, n=40, count=24, raters=3, seed=0, likes=1.0):
    """Features (count, 14) of three depths and n judgements of the given kinds, prompts (count,) of two responses."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, 14))
    quality = likes * x[:, 0] + 0.5 * draw.normal(size=count)
    kind, row = draw.choice(kinds, n), draw.integers(count, size=n)
    other = np.where(kind == COMPARISON, row ^ 1, NOBODY)
    rater = draw.integers(raters, size=n)
    felt = quality[row] - np.where(kind == COMPARISON, quality[other], 0.0) + 0.5 * draw.normal(size=n)
    said = np.select(
        [kind == SCORE, kind == COMPARISON, kind == THUMB, kind == WORSE_THAN_USUAL],
        [felt + 0.3 * rater, np.sign(np.round(felt)), np.sign(felt), -np.ones(n)],
    )
    found = Judgements(kind, row, other, rater, said, tuple(range(raters)), count, -1, 1)
    return x, found, np.arange(count) // 2
