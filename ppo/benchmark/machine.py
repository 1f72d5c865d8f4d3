"""What this machine can do: the rate of matrix products and the speed of memory, for the bench's bound."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ppo.model.loading.weights import free_memory

ROWS, INNER, OUTER = 1408, 576, 1536  # on a CPU: the products of 16 rows of 88 tokens in a 135M model
LARGE = 8192  # on a GPU: side of the squares whose product comes near the most that it can do
COPIED = {"cpu": 256 * 2**20, "cuda": 2**30}  # bytes: far more than any cache holds
REPEATS = 5


@dataclass(frozen=True)
class Machine:
    """Medians of a few tries: products in floating-point operations a second, memory in bytes a second."""

    device: str
    threads: int
    precision: str
    flops: float
    bandwidth: float


def measure(device: torch.device, precision: str) -> Machine:
    """Measures products in `precision` (fp32 or bf16) and a copy (read and write counted)."""
    gpu = device.type == "cuda"
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    rows, inner, outer = (LARGE, LARGE, LARGE) if gpu else (ROWS, INNER, OUTER)
    a = torch.randn(rows, inner, device=device).to(dtype)
    w = torch.randn(outer, inner, device=device).to(dtype)
    many = 20 if gpu else 10

    def products() -> None:
        for _ in range(many):
            torch.nn.functional.linear(a, w)

    copied = min(COPIED[device.type], free_memory(device) // 4)
    source = torch.ones(copied // 4, device=device)
    target = torch.empty_like(source)
    return Machine(
        device=torch.cuda.get_device_name(device) if gpu else "cpu",
        threads=torch.get_num_threads(),
        precision=precision,
        flops=2 * rows * inner * outer * many / seconds_of(products, device),
        bandwidth=2 * copied / seconds_of(lambda: target.copy_(source), device),
    )


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Median seconds of some work over REPEATS tries, after one that does not count."""
    found = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        work()
        synchronise(device)
        found.append(time.perf_counter() - began)
    return statistics.median(found[1:])


def synchronise(device: torch.device) -> None:
    """Waits until a GPU has done what it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
