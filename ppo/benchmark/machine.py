"""What this machine can do: the rate of matrix products and the speed of memory, for the bench's bound."""

import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

ROWS, INNER, OUTER = 1408, 576, 1536  # the products of 16 rows of 88 tokens in a 135M model
COPIED = 256 * 2**20  # bytes
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
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.randn(ROWS, INNER, device=device).to(dtype)
    w = torch.randn(OUTER, INNER, device=device).to(dtype)
    many = 10 if device.type == "cpu" else 200

    def products() -> None:
        for _ in range(many):
            torch.nn.functional.linear(a, w)

    source = torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)
    return Machine(
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        threads=torch.get_num_threads(),
        precision=precision,
        flops=2 * ROWS * INNER * OUTER * many / seconds_of(products, device),
        bandwidth=2 * COPIED / seconds_of(lambda: target.copy_(source), device),
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


def peak_rss_mib() -> float:
    """The most memory this process has held, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
