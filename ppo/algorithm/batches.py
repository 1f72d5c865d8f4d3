"""How a rollout is cut up: into mini-batches, an optimiser step each, and these into what is read in one go."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ppo.model.rollout import Rollout

Minibatch = tuple[Tensor, ...]
"""Indices (n,) of the responses of each of its micro-batches; gradients of all of them are added up."""


def minibatches_of(rollout: Rollout, responses: int, tokens: int, shares: int = 1) -> tuple[Minibatch, ...]:
    """Mini-batches of at least `responses` responses, the responses of one prompt together, cut into micro-batches of
    at most `tokens` tokens (of one response, where that alone is longer), and so that each of `shares` processes has
    some.

    The mini-batches depend on neither: other numbers need less memory or time and give the same update.
    """
    groups: dict[int, list[int]] = {}
    for b, group in enumerate(rollout.group.tolist()):
        groups.setdefault(group, []).append(b)
    batches: list[list[list[int]]] = [[]]
    for members in groups.values():
        if sum(map(len, batches[-1])) >= responses:
            batches.append([])
        batches[-1].append(members)
    prompts, lengths = rollout.prompt_mask.sum(1).tolist(), rollout.lengths.tolist()
    device = rollout.group.device
    return tuple(
        tuple(torch.tensor(part, device=device) for part in _split(batch, prompts, lengths, tokens, shares))
        for batch in batches
        if batch
    )


def tokens_of(rollout: Rollout, index: Tensor) -> int:
    """Tokens of a micro-batch: each prompt once, and its responses."""
    prompts = {int(rollout.group[b]): int(rollout.prompt_mask[b].sum()) for b in index.tolist()}
    return sum(prompts.values()) + int(rollout.lengths[index].sum())


def _split(
    groups: list[list[int]], prompts: Sequence[int], lengths: Sequence[int], tokens: int, shares: int
) -> list[list[int]]:
    """Groups of responses in order, in as few parts as hold them evenly."""
    if shares > 1:
        whole = sum(prompts[members[0]] + sum(lengths[b] for b in members) for members in groups)
        tokens = min(tokens, -(-whole // shares))
    pieces = [piece for members in groups for piece in _pieces(members, prompts, lengths, tokens)]
    sizes = [prompts[piece[0]] + sum(lengths[b] for b in piece) for piece in pieces]
    count = max(1, -(-sum(sizes) // max(1, tokens)))
    even, parts, filled = sum(sizes) / count, [[]], 0  # type: float, list[list[int]], int
    for piece, size in zip(pieces, sizes, strict=True):
        if parts[-1] and (filled + size > tokens or filled + size / 2 > even):
            parts.append([])
            filled = 0
        parts[-1].extend(piece)
        filled += size
    return parts


def _pieces(
    members: list[int], prompts: Sequence[int], lengths: Sequence[int], tokens: int
) -> list[list[int]]:
    """One prompt's responses, together where they fit."""
    pieces: list[list[int]] = []
    filled = 0
    for b in members:
        if not pieces or filled + lengths[b] > tokens:
            pieces.append([])
            filled = prompts[b]
        pieces[-1].append(b)
        filled += lengths[b]
    return pieces
