"""How long calls take: medians and 95th percentiles of this machine as it is, with the limits they must keep.

What needs much memory runs in a process of its own, whose peak is measured.
"""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One line of the table: median and 95th percentile in milliseconds, and what the 95th must keep to.

    `peak_mib`: the most memory that the process had which did it.
    """

    what: str
    median_ms: float
    p95_ms: float
    limit_ms: float | None = None
    peak_mib: float | None = None
    limit_mib: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the limits are kept; None where there is none."""
        if self.limit_ms is None:
            return None
        in_time = self.p95_ms <= self.limit_ms
        return in_time and (
            self.limit_mib is None or self.peak_mib is None or self.peak_mib <= self.limit_mib
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"reached": self.reached}


def elapsed_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def time_calls(
    what: str,
    call: Callable[..., object],
    times: int,
    limit_ms: float | None = None,
    setup: Callable[[], Any] | None = None,
) -> Measurement:
    """How long `call` takes, after one untimed call; its argument is what `setup` returns, which is not timed."""
    durations = []
    for _ in range(times + 1):
        arguments = () if setup is None else (setup(),)
        began = time.perf_counter()
        call(*arguments)
        durations.append((time.perf_counter() - began) * 1000)
    del durations[0]
    return Measurement(
        what=what,
        median_ms=float(np.median(durations)),
        p95_ms=float(np.quantile(durations, 0.95)),
        limit_ms=limit_ms,
    )


@contextmanager
def repeat_in_background(call: Callable[[], object]) -> Iterator[None]:
    """Calls it again and again in a thread of this process, as the console does, until the block ends."""
    stopped = threading.Event()

    def repeat() -> None:
        while not stopped.is_set():
            call()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def time_in_process(
    what: str, function: Callable, arguments: tuple, limit_s: float, limit_mib: float | None = None
) -> Measurement:
    """One call in a process of its own, with its peak memory. Raises RuntimeError when the process fails."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    child = context.Process(target=_run_timed, args=(function, arguments, results))
    child.start()
    child.join()
    if child.exitcode != 0:
        raise RuntimeError(f"{what}: the process ended with {child.exitcode}; what it said stands above.")
    seconds, peak = results.get(timeout=10)
    return Measurement(
        what=what,
        median_ms=seconds * 1000,
        p95_ms=seconds * 1000,
        limit_ms=limit_s * 1000,
        peak_mib=peak,
        limit_mib=limit_mib,
    )


def _run_timed(function: Callable, arguments: tuple, results: Any) -> None:
    began = time.perf_counter()
    function(*arguments)
    results.put((time.perf_counter() - began, _peak_mib()))


def _peak_mib() -> float | None:
    """The most memory that this process had; None where the system does not tell.

    Not `ru_maxrss`: a process begins with that of the one that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 / MIB for line in lines if line.startswith("VmHWM:"))
