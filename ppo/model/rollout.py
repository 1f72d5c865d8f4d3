"""Responses as tensors, and how they are drawn from a model."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ppo.config import SampleConfig
from ppo.model.decoders import Decoder
from ppo.model.loading import BaseModel

STRETCH = 256  # vocabulary entries that are summed before one is looked for


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
    decoder: Decoder,
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
    The same weights, prompts and seed give the same responses.
    """
    device = decoder.device
    generator = torch.Generator(device=device).manual_seed(seed)
    states = decoder.read(prompts, per_prompt, config.max_new_tokens)
    drawn: list[list[int]] = [[] for _ in range(len(prompts) * per_prompt)]
    ended = [False] * len(drawn)
    live = list(range(len(drawn)))
    for step in range(config.max_new_tokens):
        token = _draw(decoder.logits(states, config.temperature), generator)
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
            decoder.keep(index)
            token, live = token[index], [live[i] for i in keep]
        states = decoder.step(token)
    flat = [Drawn(tokens, end) for tokens, end in zip(drawn, ended, strict=True)]
    return [flat[i : i + per_prompt] for i in range(0, len(flat), per_prompt)]


def _draw(logits: Tensor, generator: torch.Generator) -> Tensor:
    """One id a row of tempered logits (N, V) by inverting the cumulative distribution: one random number a row.

    `torch.multinomial` draws one a *vocabulary entry*, a sixth of the whole generation's time on a CPU. A stretch of
    the vocabulary is found first and the token within it then: summing is quicker than accumulating.
    """
    rows, entries = logits.shape
    if entries % STRETCH:
        logits = functional.pad(logits, (0, -entries % STRETCH), value=-torch.inf)
    stretches = torch.softmax(logits, dim=-1).view(rows, -1, STRETCH)
    ends = stretches.sum(-1).cumsum(-1)
    point = torch.rand(rows, 1, generator=generator, device=logits.device) * ends[:, -1:]
    chosen = torch.searchsorted(ends, point, right=True).clamp_(max=ends.shape[1] - 1)
    within = stretches[torch.arange(rows, device=logits.device), chosen.squeeze(1)].cumsum(-1)
    whole = within[:, -1:].contiguous()
    # Rounding may put the point a hair outside the stretch: then its first or last token that can be drawn at all
    left = (point - ends.gather(1, chosen) + whole).clamp_(min=0)
    last = torch.searchsorted(within, whole)
    inside = torch.minimum(torch.searchsorted(within, left, right=True), last)
    return (chosen * STRETCH + inside).squeeze(1)
