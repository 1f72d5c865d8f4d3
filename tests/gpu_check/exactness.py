"""Does the engine say on this device what mathematics says, and what the CPU says?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ppo.algorithm.batches import tokens_of
from ppo.algorithm.gradients import UpdateInput, add_gradients
from ppo.algorithm.out_of_memory import in_smaller_pieces
from ppo.benchmark.shapes import LLAMA, SHAPES, Shape, shaped_model
from ppo.model.lm_head import LMHead
from ppo.model.policy import Policy
from tests.gpu_check.outcome import Held, Outcome
from tests.gpu_check.subjects import CONFIG, T, experience_of, moved_policy, random_rollout, tiny_base

FP32, BF16 = "fp32", "bf16"
ROWS, VOCABULARY = 300, 20_000  # more than one chunk of rows and one block of the head
Work = Callable[[], Tensor]
CPU = torch.device("cpu")
FAMILIES = ("llama", "qwen2", "gemma2", "gpt2")
ROOMY = Shape(LLAMA, 64, 128, 2, 4, 2, 300, False, 4096)  # for the rehearsal of running out of memory


def check(device: torch.device) -> Outcome:
    """Everything below, each held to a limit."""
    held = Held("Exactness")
    for precision in (FP32, BF16):
        value, gradient = (1e-4, 1e-4) if precision == FP32 else (1e-4, 1e-2)
        found = head_gaps(device, precision)
        held.hold(
            f"head, {precision} weight: log-probabilities against fp64, nats", value, lambda f=found: f[0]
        )
        held.hold(f"head, {precision} weight: entropies against fp64, nats", 1e-3, lambda f=found: f[1])
        held.hold(
            f"head, {precision} weight: gradients against fp64, of the largest",
            gradient,
            lambda f=found: f[2],
        )
    for family in FAMILIES:
        held.hold(
            f"{family}: packed rows against its own forward, nats",
            1e-4,
            lambda f=family: packed_gap(f, device),
        )
        held.hold(
            f"{family}: the adapter's gradients against the CPU's, of the largest",
            1e-3,
            lambda f=family: gradient_gap(f, device),
        )
    for precision, limit in ((FP32, 1e-4), (BF16, 5e-2)):
        held.hold(
            f"micro-batches of other sizes, {precision}: gradients, of the largest",
            limit,
            lambda p=precision: microbatch_gap(device, p),
        )
    told: dict[str, Any] = {}
    for recompute, what in ((False, "layers are recomputed"), (True, "micro-batches are halved")):
        held.hold(
            f"memory runs out, {what}: gradients, of the largest",
            5e-2,
            lambda r=recompute: out_of_memory_gap(device, r, told),
        )
    return held.outcome(out_of_memory=told)


def head_gaps(device: torch.device, precision: str) -> tuple[float, float, float]:
    """Largest differences of log-probabilities, entropies and gradients (of the largest) from those in fp64."""
    draw = torch.Generator().manual_seed(0)
    module = nn.Linear(256, VOCABULARY, bias=False)
    with torch.no_grad():
        module.weight.copy_(0.08 * torch.randn(module.weight.shape, generator=draw))
    module = module.to(device, torch.bfloat16 if precision == BF16 else torch.float32).requires_grad_(False)
    x = torch.randn(ROWS, 256, generator=draw).to(device).requires_grad_()
    ids = torch.randint(0, VOCABULARY, (ROWS,), generator=draw).to(device)
    weights = torch.randn(ROWS, generator=draw).to(device)
    head = LMHead(module, SimpleNamespace(), bf16=precision == BF16)
    logprobs, entropy = head.logprobs(x, ids, T)
    (logprobs * weights).sum().backward()
    exact = x.detach().double().requires_grad_()
    every = torch.log_softmax(exact @ module.weight.double().T / T, -1)
    wanted = every.gather(1, ids.unsqueeze(1)).squeeze(1)
    (wanted * weights).sum().backward()
    assert x.grad is not None and exact.grad is not None
    return (
        float((logprobs - wanted).detach().abs().max()),
        float((entropy + (every.exp() * every).sum(1)).detach().abs().max()),
        _relative(x.grad, exact.grad),
    )


def packed_gap(family: str, device: torch.device) -> float:
    """Largest difference of a token's log-probability between a packed reading and the model's own forward over one
    text at a time, with an adapter, in fp32."""
    policy, rollout = moved_policy(tiny_base(family, device), FP32), random_rollout(device)
    with torch.no_grad():
        got = policy.forward(rollout, T).logprobs
        gaps = []
        for b in range(len(rollout)):
            prompt = rollout.prompt_ids[b][rollout.prompt_mask[b]]
            response = rollout.response_ids[b][rollout.response_mask[b]]
            ids = torch.cat([prompt, response]).unsqueeze(0)
            every = torch.log_softmax(policy.base.lm(input_ids=ids).logits[0, len(prompt) - 1 : -1] / T, -1)
            gaps.append(
                (got[b, : len(response)] - every.gather(1, response.unsqueeze(1)).squeeze(1)).abs().max()
            )
    return float(torch.stack(gaps).max())


def gradient_gap(family: str, device: torch.device) -> float:
    """Difference of the adapter's gradients on the device from those on the CPU (which has code of its own for some
    families), of the largest, in fp32."""
    found = []
    for place in (device, CPU):
        policy, rollout = moved_policy(tiny_base(family, place), FP32), random_rollout(place)
        logprobs = policy.forward(rollout, T).logprobs
        slope = torch.linspace(-1, 1, logprobs.numel(), device=place).view(logprobs.shape)
        (logprobs * slope).sum().backward()
        found.append(_gradients(policy).cpu())
    return _relative(found[0], found[1])


def microbatch_gap(device: torch.device, precision: str) -> float:
    """Difference of an update's gradients when its mini-batch is read in one go and in pieces, of the largest."""
    policy, rollout = moved_policy(tiny_base("llama", device), precision), random_rollout(device, groups=8)
    found, counts = [], []
    for tokens in (10**6, 64):
        policy.microbatch_tokens = tokens
        given = UpdateInput.of(experience_of(policy, rollout), CONFIG)
        counts.append(len(given.minibatches[0]))
        add_gradients(policy, given, 0)
        found.append(_gradients(policy))
    if not counts[1] > counts[0] == 1:
        raise AssertionError(
            f"{counts} micro-batches, and the second reading was to have more than the first"
        )
    return _relative(found[1], found[0])


def out_of_memory_gap(device: torch.device, recompute: bool, told: dict[str, Any]) -> float:
    """Difference of an update's gradients with and without enough memory for its whole mini-batch, of the largest.

    `recompute`: layers are recomputed from the start, so that only smaller micro-batches help. `told` hears what became
    of it.
    """
    gpu = device.type == "cuda"
    SHAPES.setdefault("roomy", ROOMY)
    policy = Policy(shaped_model("smollm2-135m" if gpu else "roomy", device, BF16), CONFIG.lora, BF16, seed=0)
    with torch.no_grad():
        for parameter in policy.adapter_parameters():
            parameter.add_(0.01)
    rollout = random_rollout(device, groups=8, prompt=64, response=160 if gpu else 40)
    config = replace(CONFIG, ppo=replace(CONFIG.ppo, minibatch=len(rollout)))
    policy.microbatch_tokens = whole = tokens_of(rollout, torch.arange(len(rollout), device=device))
    policy.recompute = recompute

    def work() -> Tensor:
        add_gradients(policy, UpdateInput.of(experience_of(policy, rollout, config), config), 0)
        return _gradients(policy)

    wanted, needed = _needed(device, work)
    for parameter in policy.adapter_parameters():
        parameter.grad = None
    said: list[str] = []
    with _scarce(device, needed) as within:
        found = in_smaller_pieces(policy, lambda: within(work), said.append)
    told["halved" if recompute else "recomputed"] = {
        "said": said,
        "needed_mib": round(needed / 2**20),
        "microbatches": [whole, policy.microbatch_tokens],
    }
    if not policy.recompute or (recompute and policy.microbatch_tokens >= whole):
        raise AssertionError(f"the memory never ran out: {said}")
    return _relative(found, wanted)


def _needed(device: torch.device, work: Work) -> tuple[Tensor, int]:
    """What `work` gives, and the bytes of the device that it took beside what is held (0 on a CPU)."""
    if device.type != "cuda":
        return work().clone(), 0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    found = work().clone()
    return found, torch.cuda.max_memory_allocated(device) - before


@contextmanager
def _scarce(device: torch.device, needed: int) -> Iterator[Callable[[Work], Tensor]]:
    """Inside, three quarters of `needed` may be taken. On a CPU, which cannot be held to that, running out is acted
    once. What it gives runs some work so."""
    refused: list[Work] = []

    def within(work: Work) -> Tensor:
        if device.type != "cuda" and not refused:
            refused.append(work)
            raise torch.OutOfMemoryError("acted")
        return work()

    if device.type != "cuda":
        yield within
        return
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    allowed = torch.cuda.memory_reserved(device) + 0.75 * needed
    torch.cuda.set_per_process_memory_fraction(allowed / torch.cuda.mem_get_info(device)[1], device)
    try:
        yield within
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def _gradients(policy: Policy) -> Tensor:
    return torch.cat(
        [p.grad.detach().flatten().float() for p in policy.adapter_parameters() if p.grad is not None]
    )


def _relative(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())
