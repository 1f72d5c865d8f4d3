"""Memory that was held at most: of a phase of the work, and of the process as a whole."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

_earlier_peak = (
    0  # bytes of this process before the system's own mark was put back: that lowers ru_maxrss too
)


def begin_peak(device: torch.device) -> None:
    """From here on the peak of memory counts anew, where the system can do that."""
    global _earlier_peak
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        _earlier_peak = max(_earlier_peak, _resident_peak())
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def end_peak(device: torch.device) -> int:
    """Bytes held at most since `begin_peak` (since the start of the process, where that cannot be told apart).

    On a GPU what torch holds there, on a CPU all of the process.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return _resident_peak()


def process_peak() -> int:
    """Bytes of main memory that this process has held at most since its start."""
    return max(_earlier_peak, _resident_peak())


def _resident_peak() -> int:
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text("ascii")
        line = next(x for x in status.splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass
class PhasePeaks:
    """Bytes that each phase held at most, over all times that it was gone through."""

    device: torch.device
    found: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts what is held inside to the phase `name`. Phases do not nest."""
        begin_peak(self.device)
        yield
        self.found[name] = max(self.found.get(name, 0), end_peak(self.device))
