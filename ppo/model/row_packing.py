"""Responses to several prompts in one row, what they share read once.

A packed row is a tree laid flat: the beginning that all its prompts share (a chat template's, often half a prompt) |
prompt 1's own rest | its K responses | prompt 2's own rest | … . Each token attends to the shared beginning, to its
own prompt and to its own response, never ahead, and its position goes on from the token before it in the tree. Exact
(the same sums as one row each, to float error), and with K = 4 and prompts as long as responses half the tokens
through the network, forwards and backwards; nothing is padded but the last row.
A model that takes no 4-D attention mask gets one response a row instead (`share=False`).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ppo.model.decoders import common_prefix_length
from ppo.model.rollout import Rollout

ROW_TOKENS = 200  # prompts go on in a new row beyond it: attention costs the square of a row; measured
SHARED, PROMPT, RESPONSE = 0, 1, 2  # what a column holds; padding is −1


@dataclass(frozen=True)
class PackedRows:
    """R rows of L columns. `token_positions` and `state_positions` (N,) are flat positions in (R·L): of each
    sampled token, and of the state that precedes it, in the order of `rollout.response_mask`'s True entries.

    `attention` is (R, 1, L, L) bool, True = may look at; without sharing the usual (R, L).
    """

    ids: Tensor
    positions: Tensor
    attention: Tensor
    token_positions: Tensor
    state_positions: Tensor


@dataclass
class _Row:
    """One row as it is filled: ids, positions, kind, prompt and response number of each column."""

    ids: list[int]
    positions: list[int]
    kind: list[int]
    prompt: list[int]
    response: list[int]

    def append(self, ids: list[int], start: int, kind: int, prompt: int, response: int) -> int:
        """Appends a stretch whose positions begin at `start`; returns its first column."""
        first, n = len(self.ids), len(ids)
        self.ids += ids
        self.positions += range(start, start + n)
        self.kind += [kind] * n
        self.prompt += [prompt] * n
        self.response += [response] * n
        return first


def pack_rows(rollout: Rollout, share: bool = True) -> PackedRows:
    """Lays a rollout out in rows; without `share`, one response a row."""
    prompts = _masked_rows(rollout.prompt_ids, rollout.prompt_mask)
    responses = _masked_rows(rollout.response_ids, rollout.response_mask)
    groups = _groups(rollout) if share else [[b] for b in range(len(rollout))]
    rows: list[_Row] = []
    starts: dict[int, tuple[int, int, int]] = {}  # response → its row, its first column, the column before it
    for row_groups in _split_into_rows(groups, prompts, responses) if share else [[g] for g in groups]:
        rows.append(_build_row(row_groups, prompts, responses, len(rows), starts))
    width = max(len(row.ids) for row in rows)
    device = rollout.prompt_ids.device

    def table(name: str, empty: int) -> Tensor:
        values = [getattr(row, name) + [empty] * (width - len(row.ids)) for row in rows]
        return torch.tensor(values, device=device)

    kind = table("kind", -1)
    attention = _tree_attention(kind, table("prompt", -1), table("response", -1)) if share else kind >= 0
    token_positions: list[int] = []
    state_positions: list[int] = []
    for b, response in enumerate(responses):
        r, first, last = starts[b]
        token_positions += range(r * width + first, r * width + first + len(response))
        if response:
            state_positions += [r * width + last, *token_positions[-len(response) : -1]]
    positions = table("positions", 0)
    if not share:  # on through the padding: positions that begin again would tell of a second text in the row
        positions = torch.arange(width, device=device).expand(len(rows), width)
    return PackedRows(
        table("ids", 0),
        positions,
        attention,
        torch.tensor(token_positions, dtype=torch.long, device=device),
        torch.tensor(state_positions, dtype=torch.long, device=device),
    )


def rows_at(states: Tensor, positions: Tensor) -> Tensor:
    """states (R, L, …) → those at `positions` (N,) of the flattened rows, (N, …), on the device of the positions."""
    return states.flatten(0, 1)[positions.to(states.device)].to(positions.device)


def widest_group(rollout: Rollout) -> int:
    """Tokens of the longest prompt with all of its responses: no row of shared prompts can be shorter."""
    lengths = torch.zeros(len(rollout), dtype=torch.long, device=rollout.group.device)
    _, places = rollout.group.unique(return_inverse=True)
    lengths.index_add_(0, places, rollout.lengths)
    prompts = torch.zeros_like(lengths).scatter_reduce_(0, places, rollout.prompt_mask.sum(1), "amax")
    return int((lengths + prompts).max())


def _masked_rows(ids: Tensor, mask: Tensor) -> list[list[int]]:
    """The ids of each row that the mask keeps; fetched from a GPU in one go, since each fetch waits for it."""
    return [row[kept].tolist() for row, kept in zip(ids.cpu(), mask.cpu(), strict=True)]


def _groups(rollout: Rollout) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for b, group in enumerate(rollout.group.tolist()):
        groups.setdefault(group, []).append(b)
    return list(groups.values())


def _split_into_rows(
    groups: list[list[int]], prompts: list[list[int]], responses: list[list[int]]
) -> list[list[list[int]]]:
    """Groups in order, in as few rows of ROW_TOKENS as hold them, evenly: rows are padded to the widest."""
    shared = common_prefix_length([prompts[group[0]] for group in groups])
    sizes = [len(prompts[group[0]]) - shared + sum(len(responses[b]) for b in group) for group in groups]
    count = max(1, math.ceil(sum(sizes) / max(1, ROW_TOKENS - shared)))
    even = sum(sizes) / count
    rows: list[list[list[int]]] = [[]]
    filled = 0
    for group, size in zip(groups, sizes, strict=True):
        if rows[-1] and len(rows) < count and filled + size / 2 > even:
            rows.append([])
            filled = 0
        rows[-1].append(group)
        filled += size
    return rows


def _build_row(
    groups: list[list[int]],
    prompts: list[list[int]],
    responses: list[list[int]],
    number: int,
    starts: dict[int, tuple[int, int, int]],
) -> _Row:
    """One row of some groups; says in `starts` where each response lies."""
    row = _Row([], [], [], [], [])
    shared = common_prefix_length([prompts[group[0]] for group in groups])
    row.append(prompts[groups[0][0]][:shared], 0, SHARED, -1, -1)
    for p, group in enumerate(groups):
        prompt = prompts[group[0]]
        own = row.append(prompt[shared:], shared, PROMPT, p, -1)
        last = own + len(prompt) - shared - 1 if len(prompt) > shared else shared - 1
        for b in group:
            starts[b] = (number, row.append(responses[b], len(prompt), RESPONSE, p, b), last)
    return row


def _tree_attention(kind: Tensor, prompt: Tensor, response: Tensor) -> Tensor:
    """(R, L) each → (R, 1, L, L) bool. Padding looks at itself alone: a row of nothing but False would be NaN."""

    def pair(x: Tensor) -> tuple[Tensor, Tensor]:
        return x.unsqueeze(2), x.unsqueeze(1)

    (_, seen), (own_prompt, other_prompt), (own_response, other_response) = (
        pair(kind),
        pair(prompt),
        pair(response),
    )
    tree = (
        (seen == SHARED)
        | ((seen == PROMPT) & (own_prompt == other_prompt))
        | ((seen == RESPONSE) & (own_response == other_response))
    )
    width = kind.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=kind.device).tril()
    diagonal = torch.eye(width, dtype=torch.bool, device=kind.device)
    return ((tree & causal & (kind >= 0).unsqueeze(2)) | diagonal).unsqueeze(1)
