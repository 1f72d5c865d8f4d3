"""How responses are drawn from a model: pure sampling from the tempered distribution, nothing else."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ppo.config import SampleConfig
from ppo.model.base_model import BaseModel
from ppo.model.decoders import Decoder

STRETCH = 256  # vocabulary entries that are summed before one is looked for


@dataclass(frozen=True)
class SampledResponse:
    """One sampled response: token ids (EOS included when it came) and whether it ended by itself.

    `logprobs`: nats of each token, as a generator elsewhere says it drew them; None of the model in memory.
    """

    token_ids: list[int]
    ended: bool
    logprobs: list[float] | None = None


@torch.no_grad()
def sample_responses(
    decoder: Decoder,
    base: BaseModel,
    prompts: Sequence[Sequence[int]],
    per_prompt: int,
    config: SampleConfig,
    seed: int,
    tick: Callable[[int], None] | None = None,
) -> list[list[SampledResponse]]:
    """`per_prompt` responses to each prompt, drawn from softmax(logits / temperature) and nothing else.

    One batched generation: the prompts are read once each, rows that have ended or reached their limit are dropped.
    With `config.max_new_tokens_from` each row draws its limit first. `tick` is called with the number of tokens drawn
    so far.
    The same weights, prompts and seed give the same responses.
    """
    device = decoder.device
    generator = torch.Generator(device=device).manual_seed(seed)
    states = decoder.prefill(prompts, per_prompt, config.max_new_tokens)
    drawn: list[list[int]] = [[] for _ in range(len(prompts) * per_prompt)]
    ended = [False] * len(drawn)
    live = list(range(len(drawn)))
    limits = draw_limits(len(drawn), config, seed)
    for step in range(config.max_new_tokens):
        token = draw_tokens(decoder.logits(states, config.temperature), generator)
        for row, value in zip(live, token.tolist(), strict=True):
            drawn[row].append(value)
            ended[row] = value in base.stop_ids
        if tick is not None:
            tick(step + 1)
        keep = [i for i, row in enumerate(live) if not ended[row] and step + 1 < limits[row]]
        if not keep:
            break
        if len(keep) < len(live):
            index = torch.tensor(keep, device=device)
            decoder.keep_rows(index)
            token, live = token[index], [live[i] for i in keep]
        states = decoder.step(token)
    flat = [SampledResponse(tokens, end) for tokens, end in zip(drawn, ended, strict=True)]
    return [flat[i : i + per_prompt] for i in range(0, len(flat), per_prompt)]


def draw_limits(rows: int, config: SampleConfig, seed: int) -> list[int]:
    """How many tokens each of the rows may have: the same for all, or uniform from `max_new_tokens_from` up."""
    if config.max_new_tokens_from <= 0:
        return [config.max_new_tokens] * rows
    draw = random.Random(f"limits:{seed}")
    return [draw.randint(config.max_new_tokens_from, config.max_new_tokens) for _ in range(rows)]


def draw_tokens(logits: Tensor, generator: torch.Generator) -> Tensor:
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
