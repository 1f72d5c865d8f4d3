"""What `python -m ppo doctor --shape NAME` says: what a round of a model of that shape would need here, by calculation.

Nothing is downloaded and no weight is made. The trainer takes everything kept and its largest micro-batch first,
recomputes layers when memory runs out, then halves the micro-batch, and writes fewer rows at once: what is said is
where that ends up within the memory that is free now.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from ppo.algorithm.out_of_memory import LEAST_TOKENS
from ppo.benchmark.memory_model import BF16, FP32, NF4, RoundSize, memory_needs
from ppo.benchmark.shapes import Shape, find_shape
from ppo.config import Config
from ppo.costs.measuring import HEADROOM
from ppo.model.loading.base_models import pick_device
from ppo.model.loading.weights import free_memory
from ppo.model.policy import MICROBATCH_TOKENS, pick_precision

WAYS = {BF16: "--precision bf16", FP32: "--precision fp32", NF4: "--quantize 4bit"}


@dataclass(frozen=True)
class Fit:
    """Where a round ends up: bytes at the peak of each phase, tokens of a micro-batch, whether layers are recomputed,
    responses written at once, whether that is within the memory, and the longest response that could be (0: none)."""

    phases: dict[str, float]
    microbatch: int
    recompute: bool
    rows: int
    fits: bool
    longest_response: int

    @property
    def peak(self) -> float:
        """Bytes of the highest phase."""
        return max(self.phases.values())


def diagnose_shape(name: str, device: str, config: Config) -> dict[str, Any]:
    """Everything that `--json` writes. Raises BadInput for an unknown shape, with those that there are."""
    shape, where = find_shape(name), pick_device(device)
    size, room = _round_size(config, shape, where.type), HEADROOM * free_memory(where)
    ways = {weights: fit(shape, size, weights, room, where.type) for weights in WAYS}
    auto = pick_precision(config.precision, where)
    order = [NF4] if config.quantize else [auto, BF16, NF4]
    chosen = next((weights for weights in order if ways[weights].fits), None)
    return {
        "shape": name,
        "parameters": shape.parameters,
        "layers": shape.layers,
        "context": shape.context,
        "device": str(where),
        "card": torch.cuda.get_device_name(where) if where.type == "cuda" else "",
        "devices": max(1, torch.cuda.device_count()) if where.type == "cuda" else 1,
        "room": room,
        "precision": auto,
        "round": {
            "responses": size.responses,
            "per_prompt": size.per_prompt,
            "response": size.response,
            "prompt": size.prompt,
            "rank": size.rank,
        },
        "ways": {
            weights: {"flag": WAYS[weights], "peak": found.peak, **vars(found)}
            for weights, found in ways.items()
        },
        "chosen": chosen,
    }


def _round_size(config: Config, shape: Shape, kind: str) -> RoundSize:
    """A step of PPO as configured, every prompt and every response as long as it may be."""
    per_prompt = config.plan.responses_per_prompt
    response = min(config.sample.max_new_tokens, shape.context // 2)
    return RoundSize(
        responses=config.ppo.prompts_per_step * per_prompt,
        response=response,
        prompt=min(config.sample.max_prompt_tokens, shape.context - response),
        per_prompt=per_prompt,
        rank=config.lora.r,
        microbatch=MICROBATCH_TOKENS[kind],
    )


def fit(shape: Shape, size: RoundSize, weights: str, room: float, kind: str) -> Fit:
    """How a round of that size is worked within `room` bytes of a device of that kind ("cuda", "cpu"), and the longest
    response that it could have."""
    found = _least_spare(shape, size, weights, room, kind)
    low, high = 0, shape.context - size.prompt
    while low < high:  # the longest that fits, by halving
        middle = (low + high + 1) // 2
        fits = _least_spare(shape, replace(size, response=middle), weights, room, kind).fits
        low, high = (middle, high) if fits else (low, middle - 1)
    return replace(found, longest_response=low)


def _least_spare(shape: Shape, size: RoundSize, weights: str, room: float, kind: str) -> Fit:
    """The first of the trainer's ways to work that fits, or the last of them."""
    rows, writing = size.responses, 0.0
    for rows in _halved(size.responses, size.per_prompt):
        writing = memory_needs(shape, replace(size, responses=rows), weights, kind=kind).phases["generate"]
        if writing <= room:
            break
    found = None
    for recompute, microbatch in _steps(size):
        needs = memory_needs(shape, replace(size, microbatch=microbatch), weights, recompute, kind)
        phases = needs.phases | {"generate": writing}
        found = Fit(phases, microbatch, recompute, rows, max(phases.values()) <= room, 0)
        if found.fits:
            break
    assert found is not None
    return found


def _steps(size: RoundSize) -> Iterator[tuple[bool, int]]:
    """(layers recomputed, tokens of a micro-batch) in the trainer's order. One response is read in any case."""
    least = max(LEAST_TOKENS, size.prompt + size.response)
    yield False, max(size.microbatch, least)
    for tokens in _halved(size.microbatch, LEAST_TOKENS):
        yield True, max(tokens, least)


def _halved(most: int, least: int) -> Iterator[int]:
    while most > least:
        yield most
        most //= 2
    yield least
