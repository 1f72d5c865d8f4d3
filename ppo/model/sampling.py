"""How responses are drawn from a model: pure sampling from the tempered distribution, nothing else."""

import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator, Philox
from torch import Tensor
from torch.nn import functional

from ppo.config import SampleConfig
from ppo.model.base_model import BaseModel
from ppo.model.cpu.allocator import return_freed_blocks
from ppo.model.decoders import Decoder
from ppo.model.policy import Policy
from ppo.processes import is_out_of_memory
from rater_data.errors import BadInput

WRITE = "write"
KEEP_BELOW = 7 / 8  # share of rows still being written at which the others are dropped
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
    first: int = 0,
) -> list[list[SampledResponse]]:
    """`per_prompt` responses to each prompt, drawn from softmax(logits / temperature) and nothing else.

    One batched generation: the prompts are read once each. Rows that have ended or reached their limit are dropped
    some at a time: to let go of one, the keys and values of all others are copied. With `config.max_new_tokens_from`
    each row draws its limit first. `tick` is called with the number of tokens drawn so far.
    The same weights, prompts and seed give the same responses, in one call or in several: each response draws from a
    stream of its own, and `first` is the number of the first response of this call.
    """
    device = decoder.device
    uniform = uniform_draws(seed, first, len(prompts) * per_prompt, config.max_new_tokens).to(device)
    states = decoder.prefill(prompts, per_prompt, config.max_new_tokens)
    drawn: list[list[int]] = [[] for _ in range(len(prompts) * per_prompt)]
    ended, over = [False] * len(drawn), [False] * len(drawn)
    held = list(range(len(drawn)))
    rows = torch.arange(len(drawn), device=device)
    limits = draw_limits(len(drawn), config, seed, first)
    for step in range(config.max_new_tokens):
        token = draw_tokens(decoder.logits(states, config.temperature), uniform[rows, step])
        for row, value in zip(held, token.tolist(), strict=True):
            if not over[row]:
                drawn[row].append(value)
                ended[row] = value in base.stop_ids
                over[row] = ended[row] or step + 1 == limits[row]
        if tick is not None:
            tick(step + 1)
        keep = [i for i, row in enumerate(held) if not over[row]]
        if not keep:
            break
        if len(keep) <= KEEP_BELOW * len(held):
            index = torch.tensor(keep, device=device)
            decoder.keep_rows(index)
            token, rows, held = token[index], rows[index], [held[i] for i in keep]
        states = decoder.step(token)
    flat = [SampledResponse(tokens, end) for tokens, end in zip(drawn, ended, strict=True)]
    return [flat[i : i + per_prompt] for i in range(0, len(flat), per_prompt)]


def write_responses(
    policy: Policy,
    base: BaseModel,
    prompts: Sequence[Sequence[int]],
    per_prompt: int,
    config: SampleConfig,
    seed: int,
    tick: Callable[[int], None] | None = None,
) -> list[list[SampledResponse]]:
    """As `sample_responses`, by the policy as it stands and by all processes that work with it, each some prompts.

    What the decoder took of the memory is handed back.
    """

    def message() -> dict[str, Any]:
        lengths = torch.tensor([len(p) for p in prompts])
        ids = torch.tensor([i for p in prompts for i in p], dtype=torch.long)
        plain = {"sample": asdict(config), "per_prompt": per_prompt, "seed": seed, "stops": base.stop_ids}
        return policy.present() | plain | {"prompts": ids, "lengths": lengths}

    def work() -> list[Tensor]:
        return _write_share(policy, base, prompts, per_prompt, config, seed, tick)

    ids, lengths, ended = (found.tolist() for found in policy.processes.call(WRITE, message, work))
    flat = [SampledResponse(row[:n], end > 0) for row, n, end in zip(ids, lengths, ended, strict=True)]
    return [flat[i : i + per_prompt] for i in range(0, len(flat), per_prompt)]


def write_for_first(policy: Policy, message: dict[str, Any]) -> list[Tensor]:
    """Another process's share of `write_responses`."""
    base = replace(policy.base, stop_ids=tuple(message["stops"]))
    prompts = [part.tolist() for part in message["prompts"].split(message["lengths"].tolist())]
    sample = SampleConfig(**message["sample"])
    return _write_share(policy, base, prompts, message["per_prompt"], sample, message["seed"], None)


def _write_share(
    policy: Policy,
    base: BaseModel,
    prompts: Sequence[Sequence[int]],
    per_prompt: int,
    config: SampleConfig,
    seed: int,
    tick: Callable[[int], None] | None,
) -> list[Tensor]:
    """Token ids (rows, T), lengths and endings (rows,) of all responses; 0 for those that others write."""
    mine = policy.processes.part(len(prompts))
    rows = len(prompts) * per_prompt
    ids = torch.zeros(rows, config.max_new_tokens, dtype=torch.long)
    lengths, ended = torch.zeros(rows, dtype=torch.long), torch.zeros(rows, dtype=torch.long)
    drawn: list[list[SampledResponse]] = []
    if mine:
        first = mine.start * per_prompt
        own = [prompts[i] for i in mine]
        return_freed_blocks()  # what training held, before the decoder takes its own
        try:
            drawn = _sample_in_pieces(policy, base, own, per_prompt, config, seed, tick, first)
        finally:
            return_freed_blocks()
        for row, one in enumerate((one for group in drawn for one in group), start=first):
            ids[row, : len(one.token_ids)] = torch.tensor(one.token_ids)
            lengths[row], ended[row] = len(one.token_ids), int(one.ended)
    return [ids, lengths, ended]


def _sample_in_pieces(
    policy: Policy,
    base: BaseModel,
    prompts: Sequence[Sequence[int]],
    per_prompt: int,
    config: SampleConfig,
    seed: int,
    tick: Callable[[int], None] | None,
    first: int,
) -> list[list[SampledResponse]]:
    """As `sample_responses`. Where memory runs out (keys and values grow with the rows) it is done in pieces of half
    the prompts, here and from here on: each response draws from a stream of its own, and stays what it was.

    Raises BadInput when the responses to one prompt do not fit.
    """
    drawn: list[list[SampledResponse]] = []
    while len(drawn) < len(prompts):
        piece = prompts[len(drawn) :][: max(1, policy.rows_at_once // per_prompt)]
        place = first + len(drawn) * per_prompt
        try:
            drawn += sample_responses(policy.decoder(), base, piece, per_prompt, config, seed, tick, place)
            continue
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Here, not in the handler: until it is left, the error keeps every tensor of the failed try
        if policy.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(piece) == 1:
            raise BadInput(
                f"The {per_prompt} responses to one prompt do not fit into the memory of {policy.device}. Make "
                "sample.max_new_tokens smaller, or take a smaller model."
            )
        policy.rows_at_once = len(piece) // 2 * per_prompt
    return drawn


def uniform_draws(seed: int, first: int, rows: int, steps: int) -> Tensor:
    """Numbers from [0, 1) (rows, steps), fp32: a row's depend on the seed and on `first` + its place alone."""
    streams = [Generator(Philox(key=(seed % 2**64, first + row))) for row in range(rows)]
    return torch.from_numpy(np.stack([stream.random(steps, dtype=np.float32) for stream in streams]))


def draw_limits(rows: int, config: SampleConfig, seed: int, first: int = 0) -> list[int]:
    """How many tokens each of the rows may have: the same for all, or uniform from `max_new_tokens_from` up."""
    if config.max_new_tokens_from <= 0:
        return [config.max_new_tokens] * rows
    draws = (random.Random(f"limits:{seed}:{first + row}") for row in range(rows))
    return [draw.randint(config.max_new_tokens_from, config.max_new_tokens) for draw in draws]


def draw_tokens(logits: Tensor, uniform: Tensor) -> Tensor:
    """One id a row of tempered logits (N, V) by inverting the cumulative distribution at `uniform` (N,) of [0, 1).

    `torch.multinomial` draws a number a *vocabulary entry*, a sixth of the whole generation's time on a CPU. A stretch
    of the vocabulary is found first and the token within it then: summing is quicker than accumulating.
    """
    rows, entries = logits.shape
    if entries % STRETCH:
        logits = functional.pad(logits, (0, -entries % STRETCH), value=-torch.inf)
    stretches = torch.softmax(logits, dim=-1).view(rows, -1, STRETCH)
    ends = stretches.sum(-1).cumsum(-1)
    point = uniform.unsqueeze(1) * ends[:, -1:]
    chosen = torch.searchsorted(ends, point, right=True).clamp_(max=ends.shape[1] - 1)
    within = stretches[torch.arange(rows, device=logits.device), chosen.squeeze(1)].cumsum(-1)
    whole = within[:, -1:].contiguous()
    # Rounding may put the point a hair outside the stretch: then its first or last token that can be drawn at all
    left = (point - ends.gather(1, chosen) + whole).clamp_(min=0)
    last = torch.searchsorted(within, whole)
    inside = torch.minimum(torch.searchsorted(within, left, right=True), last)
    return (chosen * STRETCH + inside).squeeze(1)
