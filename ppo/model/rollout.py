"""Responses with their prompts as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rollout:
    """B responses with their prompts: prompts padded on the left, responses on the right.

    `prompt_ids` (B, P) and `prompt_mask` (B, P) bool; `response_ids` (B, T) and `response_mask` (B, T) bool, True =
    a sampled token, EOS included; `ended` (B,) bool, True = stopped by itself; `group` (B,) long, equal for
    responses to one prompt. Masks come from lengths, never from token ids. `generator_logprobs` (B, T): what another
    program that wrote the responses says it drew them with; None where the model in memory wrote them.
    """

    prompt_ids: Tensor
    prompt_mask: Tensor
    response_ids: Tensor
    response_mask: Tensor
    ended: Tensor
    group: Tensor
    generator_logprobs: Tensor | None = None

    def __len__(self) -> int:
        return len(self.response_ids)

    @property
    def lengths(self) -> Tensor:
        """Sampled tokens of each response (B,)."""
        return self.response_mask.sum(1)

    def spread(self, rows: Tensor) -> Tensor:
        """The inverse of taking by the mask: (N,) → (B, T), 0 where nothing was sampled; keeps the gradient."""
        full = torch.zeros(self.response_mask.shape, dtype=rows.dtype, device=rows.device)
        return full.masked_scatter(self.response_mask, rows)

    def as_message(self) -> dict[str, Tensor]:
        """Its tensors by name, to be sent to another process."""
        return {f"rollout.{name}": tensor for name, tensor in vars(self).items() if tensor is not None}

    @classmethod
    def from_message(cls, message: dict[str, Any], device: torch.device) -> "Rollout":
        """What `as_message` gave, on `device`."""
        names = [f.name for f in fields(cls) if f"rollout.{f.name}" in message]
        return cls(**{name: message[f"rollout.{name}"].to(device) for name in names})

    def take(self, index: Tensor) -> "Rollout":
        """The responses of `index`, with the columns that became empty cut off."""
        prompt_mask, response_mask = self.prompt_mask[index], self.response_mask[index]
        width = max(1, int(prompt_mask.sum(1).max()))
        length = max(1, int(response_mask.sum(1).max()))
        said = self.generator_logprobs
        return Rollout(
            self.prompt_ids[index, -width:],
            prompt_mask[:, -width:],
            self.response_ids[index, :length],
            response_mask[:, :length],
            self.ended[index],
            self.group[index],
            None if said is None else said[index, :length],
        )


def rollout_of(
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    ended: Sequence[bool],
    group: Sequence[int],
    pad_id: int,
    device: torch.device,
    generator_logprobs: Sequence[Sequence[float]] | None = None,
) -> Rollout:
    """Token ids as they were sampled → tensors. An empty response has an all-False mask row."""
    width, length = max([1, *map(len, prompts)]), max([1, *map(len, responses)])
    prompt_ids = torch.full((len(prompts), width), pad_id)
    response_ids = torch.full((len(prompts), length), pad_id)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        prompt_ids[row, width - len(prompt) :] = torch.tensor(prompt, dtype=torch.long)
        response_ids[row, : len(response)] = torch.tensor(response, dtype=torch.long)
    prompt_lengths = torch.tensor([len(p) for p in prompts])
    response_lengths = torch.tensor([len(r) for r in responses])
    tensors = (
        prompt_ids,
        torch.arange(width).unsqueeze(0) >= (width - prompt_lengths).unsqueeze(1),
        response_ids,
        torch.arange(length).unsqueeze(0) < response_lengths.unsqueeze(1),
        torch.tensor(list(ended), dtype=torch.bool),
        torch.tensor(list(group), dtype=torch.long),
    )
    rollout = Rollout(*(t.to(device) for t in tensors))
    if generator_logprobs is None:
        return rollout
    said = torch.zeros(len(prompts), length)
    for row, logprobs in enumerate(generator_logprobs):
        said[row, : len(logprobs)] = torch.tensor(logprobs)
    return replace(rollout, generator_logprobs=said.to(device))
