"""How work reports where it is: phases, counts, an estimate of the rest, steps; and how it is asked to stop."""

import time
from collections.abc import Callable
from typing import Any


class Cancelled(Exception):
    """Raised inside the work when the operator asked it to stop."""


class Progress:
    """Keeps the time of each phase and estimates what is left of the present one.

    What the recipe of a round speaks to. `show` is given the progress as the store keeps it (phase, done, total,
    eta_s, note, and moved_at in epoch seconds) and raises Cancelled when the work is to stop; `record_step` keeps a
    PPO step: round, number, metrics; `log` a line for the job's log.
    """

    def __init__(
        self,
        show: Callable[[dict[str, Any]], None],
        record_step: Callable[[int, int, dict[str, Any]], None] = lambda _r, _s, _m: None,
        log: Callable[[str], None] = lambda _line: None,
    ):
        self._show, self.record_step, self.log = show, record_step, log
        self.seconds: dict[str, float] = {}
        self._phase, self._total, self._done_before, self._started = "", 0, 0, time.monotonic()

    def phase(self, name: str, total: int, done: int = 0) -> None:
        """A new phase with `total` units of work, of which `done` were done before (by a worker that died)."""
        self._close()
        self._phase, self._total, self._done_before, self._started = name, total, done, time.monotonic()
        self._tell(done, None, "")

    def advance(self, done: int, note: str = "") -> None:
        """`done` units of the phase are done."""
        spent = time.monotonic() - self._started
        done_here = done - self._done_before
        left = spent / done_here * (self._total - done) if done_here > 0 else None
        self._tell(done, left, note)

    def _tell(self, done: int, left: float | None, note: str) -> None:
        told = {"phase": self._phase, "done": done, "total": self._total, "eta_s": left, "note": note}
        self._show(told | {"moved_at": time.time()})

    def _close(self) -> None:
        if self._phase:
            spent = time.monotonic() - self._started
            self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + spent

    def finish(self) -> dict[str, float]:
        """Seconds of each phase, in order."""
        self._close()
        self._phase = ""
        return self.seconds
