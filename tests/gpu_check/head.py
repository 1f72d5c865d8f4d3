"""Ways to multiply with the LM head: how fast each is, and how far from fp64. As it is, a product in fp32."""

from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor, nn

from ppo.benchmark.machine import seconds_of
from ppo.model import lm_head
from ppo.model.lm_head import LMHead
from tests.gpu_check.outcome import Outcome, Table

SIZES = {"cuda": (2048, 4096, 128_256), "cpu": (64, 128, 5000)}  # rows, width, vocabulary: of 8 B
COMPARED = (64, 4096)  # rows and entries whose logits are compared with those in fp64
CHUNKS = (256, 1024, 4096)  # rows whose logits of a block are alive at once; the first is what the head takes


def check(device: torch.device) -> Outcome:
    """Times and differences; nothing is held to a limit."""
    rows, width, vocabulary = SIZES[device.type]
    draw = torch.Generator(device).manual_seed(0)
    x = torch.randn(rows, width, generator=draw, device=device)
    weight = torch.empty(vocabulary, width, device=device, dtype=torch.bfloat16).normal_(
        0, 0.02, generator=draw
    )
    numbers: dict[str, float] = {}
    title = f"Logits of {rows} rows of {width} over {vocabulary} entries, weight in bf16"
    ways = Table(title, ["product", "milliseconds", "largest difference from fp64"])
    some, entries = COMPARED
    exact = x[:some].double() @ weight[:entries].double().T
    for name, product in WAYS.items():
        try:
            gap = float((product(x[:some], weight[:entries]) - exact).abs().max())
            numbers[name] = 1000 * seconds_of(lambda p=product: p(x, weight), device)  # type: ignore[misc]
        except (RuntimeError, TypeError, NotImplementedError) as error:  # not every torch has every product
            ways.rows.append([name, f"{type(error).__name__}", str(error).splitlines()[0][:100]])
            continue
        ways.rows.append([name, f"{numbers[name]:.2f}", f"{gap:.1e}"])
    chunks = Table("Log-probabilities with their gradient, by rows at once", ["rows", "milliseconds"])
    for count in CHUNKS:
        numbers[f"chunks of {count}"] = 1000 * _logprob_seconds(x, weight, count)
        chunks.rows.append([str(count), f"{numbers[f'chunks of {count}']:.1f}"])
    return Outcome(True, f"{title}: {numbers['fp32, as it is']:.1f} ms as it is", [ways, chunks], numbers)


def _as_it_is(x: Tensor, weight: Tensor) -> Tensor:
    return x @ weight.float().T


def _tf32(x: Tensor, weight: Tensor) -> Tensor:
    torch.set_float32_matmul_precision("high")
    try:
        return x @ weight.float().T
    finally:
        torch.set_float32_matmul_precision("highest")


def _split(x: Tensor, weight: Tensor) -> Tensor:
    """x as the sum of two numbers in bf16, each multiplied exactly: sixteen bits of it, at the rate of bf16."""
    high = x.bfloat16()
    low = (x - high.float()).bfloat16()
    found = torch.mm(high, weight.T, out_dtype=torch.float32)
    return found.add_(torch.mm(low, weight.T, out_dtype=torch.float32))


def _rounded(x: Tensor, weight: Tensor) -> Tensor:
    return (x.bfloat16() @ weight.T).float()


WAYS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "fp32, as it is": _as_it_is,
    "TF32": _tf32,
    "two products in bf16, sums in fp32": _split,
    "bf16, rounded": _rounded,
}


def _logprob_seconds(x: Tensor, weight: Tensor, count: int) -> float:
    module = nn.Linear(1, 1, bias=False)
    module.weight = nn.Parameter(weight, requires_grad=False)
    head, ids = (
        LMHead(module, SimpleNamespace(), bf16=True),
        torch.zeros(len(x), dtype=torch.long, device=x.device),
    )
    given, before = x.clone().requires_grad_(), lm_head.CHUNK_ROWS
    lm_head.CHUNK_ROWS = count
    try:
        return seconds_of(lambda: head.logprobs(given, ids, 1.0), x.device)
    finally:
        lm_head.CHUNK_ROWS = before
