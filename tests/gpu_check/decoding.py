"""The decoder of fixed shapes, whose step a GPU replays as a graph, against the growing one."""

import time
from typing import Any

import torch

from ppo.benchmark.machine import synchronise
from ppo.benchmark.shapes import shaped_model
from ppo.config import SampleConfig
from ppo.model.decoders import Decoder, ModuleDecoder, StaticDecoder
from ppo.model.policy import Policy
from ppo.model.sampling import sample_responses
from tests.gpu_check.outcome import Held, Outcome, Table
from tests.gpu_check.subjects import CONFIG, T, moved_policy, tiny_base

SHAPE = "smollm2-135m"
BATCHES = {"cuda": (16, 64, 256), "cpu": (4, 8)}  # responses; on a CPU to rehearse
TOKENS = {"cuda": 64, "cpu": 8}
PER_PROMPT = 4
BORDERLINE = (
    4.0  # of 16: random weights over a large vocabulary make each token a sliver, and rounding crosses some
)


def check(device: torch.device, shape: str = SHAPE) -> Outcome:
    """Same tokens, same logits, and tokens a second."""
    held = Held("Writing with shapes that never change")
    tiny = moved_policy(tiny_base("llama", device), "fp32")
    policies = {
        precision: Policy(shaped_model(shape, device, precision), CONFIG.lora, precision, seed=0)
        for precision in ("fp32", "bf16")
    }
    for name, policy, apart in (("tiny", tiny, 0.0), (shape, policies["fp32"], BORDERLINE)):
        held.hold(f"{name}, fp32: responses that differ", apart, lambda p=policy: _responses_that_differ(p))
        held.hold(f"{name}, fp32: logits, rows leaving", 1e-3, lambda p=policy: _logits_gap(p)[0])
    held.hold(f"{shape}, bf16: logits, rows leaving, mean", 0.1, lambda: _logits_gap(policies["bf16"])[1])
    captured = _is_captured(policies["bf16"])
    if device.type == "cuda":
        held.hold(f"{shape}: steps that are no graph", 0.0, lambda: float(not captured))
    table, numbers = _rates(policies["bf16"], BATCHES[device.type], TOKENS[device.type])
    return held.outcome([table], captured=captured, tokens_per_s=numbers)


def growing(policy: Policy) -> Decoder:
    """With keys and values that grow by a token a step."""
    return ModuleDecoder(policy.base.lm, policy.autocast)


def static(policy: Policy) -> StaticDecoder:
    """With keys and values in one place."""
    return StaticDecoder(policy.base.lm, policy.autocast)


def uncaptured(policy: Policy) -> StaticDecoder:
    """As `static`, every step by its modules."""
    decoder = static(policy)
    decoder._capture = lambda: None  # type: ignore[method-assign]
    return decoder


DECODERS = {"growing": growing, "static": static, "static, no graph": uncaptured}


def _prompts(count: int, least: int = 20) -> list[list[int]]:
    draw = torch.Generator().manual_seed(0)
    return [torch.randint(5, 250, (least + 3 * (i % 5),), generator=draw).tolist() for i in range(count)]


def _responses_that_differ(policy: Policy) -> float:
    """Of 16 from the same seed, with limits of their own, so that rows leave all along."""
    sample = SampleConfig(temperature=T, max_new_tokens=24, max_new_tokens_from=4)
    one, other = (
        [r.token_ids for g in sample_responses(d, policy.base, _prompts(4), 4, sample, seed=5) for r in g]
        for d in (static(policy), growing(policy))
    )
    return float(sum(a != b for a, b in zip(one, other, strict=True)))


@torch.no_grad()
def _logits_gap(policy: Policy) -> tuple[float, float]:
    """Largest and mean difference of logits, the same tokens given to both, while rows leave; and once more with
    another batch by the same decoder."""
    device, one, other = policy.device, static(policy), growing(policy)
    gaps = []
    for count, steps in ((4, 8), (2, 5)):
        draw = torch.Generator().manual_seed(count)
        states = [decoder.prefill(_prompts(count), PER_PROMPT, steps + 1) for decoder in (one, other)]
        rows = count * PER_PROMPT
        for step in range(steps):
            a, b = (d.logits(s, T) for d, s in zip((one, other), states, strict=True))
            gaps.append((a - b).abs().flatten())
            if step in (2, 4):
                keep = torch.arange(0, rows, 2, device=device)
                rows = len(keep)
                for decoder in (one, other):
                    decoder.keep_rows(keep)
            token = torch.randint(5, 250, (rows,), generator=draw).to(device)
            states = [decoder.step(token) for decoder in (one, other)]
    every = torch.cat(gaps)
    return float(every.max()), float(every.mean())


@torch.no_grad()
def _is_captured(policy: Policy) -> bool:
    decoder = static(policy)
    decoder.prefill(_prompts(2), 2, 4)
    return decoder.captured


def _rates(policy: Policy, batches: tuple[int, ...], tokens: int) -> tuple[Table, dict[str, Any]]:
    """Tokens a second of each decoder, everything of a generation counted, the capture too."""
    table = Table(
        f"Tokens a second, bf16, responses of {tokens} tokens",
        ["responses", *DECODERS, "milliseconds a step, static"],
    )
    numbers: dict[str, Any] = {}
    sample = SampleConfig(temperature=1.0, max_new_tokens=tokens)
    for batch in batches:
        rates = {}
        for name, make in DECODERS.items():
            seconds = []
            for _ in range(2):  # the first does not count
                began = time.perf_counter()
                sample_responses(
                    make(policy), policy.base, _prompts(max(1, batch // PER_PROMPT)), PER_PROMPT, sample, 0
                )
                synchronise(policy.device)
                seconds.append(time.perf_counter() - began)
            rates[name] = batch * tokens / seconds[-1]
        numbers[str(batch)] = rates
        step = 1000 * batch / rates["static"]
        table.rows.append([str(batch), *(f"{rate:.0f}" for rate in rates.values()), f"{step:.2f}"])
    return table, numbers
