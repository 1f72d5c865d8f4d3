"""Responses as tensors, and how they are drawn from a model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ppo.config import SampleConfig
from ppo.head import logits_of_rows
from ppo.models import BaseModel


@dataclass(frozen=True)
class Rollout:
    """B responses with their prompts: prompts padded on the left, responses on the right.

    `prompt_ids` (B, P) and `prompt_mask` (B, P) bool; `response_ids` (B, T) and `response_mask` (B, T) bool, True =
    a sampled token, EOS included; `ended` (B,) bool, True = stopped by itself; `group` (B,) long, equal for
    responses to one prompt. Masks come from lengths, never from token ids.
    """

    prompt_ids: Tensor
    prompt_mask: Tensor
    response_ids: Tensor
    response_mask: Tensor
    ended: Tensor
    group: Tensor

    def __len__(self) -> int:
        return len(self.response_ids)

    @property
    def lengths(self) -> Tensor:
        """Sampled tokens of each response (B,)."""
        return self.response_mask.sum(1)

    def input_ids(self) -> Tensor:
        """(B, P+T)."""
        return torch.cat([self.prompt_ids, self.response_ids], dim=1)

    def attention_mask(self) -> Tensor:
        """(B, P+T) bool."""
        return torch.cat([self.prompt_mask, self.response_mask], dim=1)

    def response_rows(self, hidden: Tensor) -> Tensor:
        """The states (N, H) of hidden (B, P+T, H) that precede each sampled token, row after row."""
        start = self.prompt_ids.shape[1] - 1
        before = hidden[:, start : start + self.response_ids.shape[1]]
        return before[self.response_mask]

    def spread(self, rows: Tensor) -> Tensor:
        """The inverse of taking by the mask: (N,) → (B, T), 0 where nothing was sampled; keeps the gradient."""
        full = torch.zeros(self.response_mask.shape, dtype=rows.dtype, device=rows.device)
        return full.masked_scatter(self.response_mask, rows)

    def take(self, index: Tensor) -> "Rollout":
        """The responses of `index`, with the columns that became empty cut off."""
        prompt_mask, response_mask = self.prompt_mask[index], self.response_mask[index]
        width = max(1, int(prompt_mask.sum(1).max()))
        length = max(1, int(response_mask.sum(1).max()))
        return Rollout(
            self.prompt_ids[index, -width:],
            prompt_mask[:, -width:],
            self.response_ids[index, :length],
            response_mask[:, :length],
            self.ended[index],
            self.group[index],
        )

    def microbatches(self, size: int) -> Iterator[tuple[Tensor, "Rollout"]]:
        """Groups of about `size` responses of like length, with their indices: little padding."""
        order = torch.argsort(self.prompt_mask.sum(1) + self.lengths, stable=True)
        for index in order.split(size):
            yield index, self.take(index)


def rollout_of(
    prompts: Sequence[Sequence[int]],
    responses: Sequence[Sequence[int]],
    ended: Sequence[bool],
    group: Sequence[int],
    pad_id: int,
    device: torch.device,
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
    return Rollout(*(t.to(device) for t in tensors))


@dataclass(frozen=True)
class Drawn:
    """One sampled response: token ids (EOS included when it came) and whether it ended by itself."""

    token_ids: list[int]
    ended: bool


@torch.no_grad()
def sample(
    model: nn.Module,
    base: BaseModel,
    prompts: Sequence[Sequence[int]],
    per_prompt: int,
    config: SampleConfig,
    seed: int,
    tick: Callable[[int], None] | None = None,
) -> list[list[Drawn]]:
    """`per_prompt` responses to each prompt, drawn from softmax(logits / temperature) and nothing else.

    One batched, left-padded generation: the prompts are read once each and their key-value cache repeated,
    rows that have ended are dropped. `tick` is called with the number of tokens drawn so far.
    The same model, prompts and seed give the same responses.
    """
    device = next(model.parameters()).device
    generator = torch.Generator(device=device).manual_seed(seed)
    width = max(map(len, prompts))
    ids = torch.full((len(prompts), width), base.pad_id, device=device)
    mask = torch.zeros((len(prompts), width), dtype=torch.long, device=device)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt, device=device)
        mask[row, width - len(prompt) :] = 1
    body, head = model.base_model, model.get_output_embeddings()
    out = body(
        input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0), use_cache=True
    )
    cache = out.past_key_values
    logits = logits_of_rows(out.last_hidden_state[:, -1], head, config.temperature, model.config)
    logits = logits.repeat_interleave(per_prompt, dim=0)
    cache.batch_repeat_interleave(per_prompt)
    mask = mask.repeat_interleave(per_prompt, dim=0)
    drawn: list[list[int]] = [[] for _ in range(len(prompts) * per_prompt)]
    ended = [False] * len(drawn)
    live = list(range(len(drawn)))
    for step in range(config.max_new_tokens):
        token = _draw(logits, generator)
        for row, value in zip(live, token.tolist(), strict=True):
            drawn[row].append(value)
            ended[row] = value in base.stop_ids
        if tick is not None:
            tick(step + 1)
        keep = [i for i, row in enumerate(live) if not ended[row]]
        if not keep or step + 1 == config.max_new_tokens:
            break
        if len(keep) < len(live):
            index = torch.tensor(keep, device=device)
            cache.batch_select_indices(index)
            mask, token, live = mask[index], token[index], [live[i] for i in keep]
        mask = torch.cat([mask, mask.new_ones(len(live), 1)], dim=1)
        position = mask.sum(1, keepdim=True) - 1
        out = body(
            input_ids=token.unsqueeze(1),
            attention_mask=mask,
            position_ids=position,
            past_key_values=cache,
            use_cache=True,
        )
        logits = logits_of_rows(out.last_hidden_state[:, -1], head, config.temperature, model.config)
    flat = [Drawn(tokens, end) for tokens, end in zip(drawn, ended, strict=True)]
    return [flat[i : i + per_prompt] for i in range(0, len(flat), per_prompt)]


def _draw(logits: Tensor, generator: torch.Generator) -> Tensor:
    """One id a row of tempered logits (N, V) by inverting the cumulative distribution: one random number a row.

    `torch.multinomial` draws one a *vocabulary entry*, a sixth of the whole generation's time on a CPU.
    """
    cumulative = torch.softmax(logits, dim=-1).cumsum(-1)
    point = torch.rand(len(logits), 1, generator=generator, device=logits.device) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, point, right=True).clamp(max=logits.shape[-1] - 1).squeeze(1)
