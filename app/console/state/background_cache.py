"""Values that are slow to compute, for a page that asks every two seconds: a request never waits long for one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

QUICK = 0.05  # seconds: what takes less runs within the request
FIRST_WAIT = 1.0  # seconds that a request waits for the very first value
SHARE = 20  # slow work may take one part in so many of the time,
LONGEST_PAUSE = 60.0  # but waits no longer than so many seconds for its next turn

T = TypeVar("T")
log = logging.getLogger(__name__)


class BackgroundRunner:
    """Runs a task at every call while it is quick; when it is slow, in a thread, one at a time and not too often."""

    def __init__(self) -> None:
        self._running = threading.Lock()
        self._has_run = False
        self._took = self._ended_at = 0.0

    def run(self, task: Callable[[], None]) -> None:
        """Raises the errors of a task that runs within the call; in a thread they are logged, and it is tried again."""
        if self._has_run and self._took < QUICK:
            with self._running:
                self._time(task)
            return
        pause = min(self._took * SHARE, LONGEST_PAUSE)
        is_due = not self._has_run or time.monotonic() - self._ended_at > pause
        if is_due and self._running.acquire(blocking=False):
            thread = threading.Thread(target=self._run_in_thread, args=(task,), daemon=True, name="counting")
            thread.start()
            if not self._has_run:
                thread.join(FIRST_WAIT)

    def _run_in_thread(self, task: Callable[[], None]) -> None:
        try:
            self._time(task)
        except Exception:
            # the page has the last value, and asks again
            log.warning("Counting failed; it is tried again.", exc_info=True)
        finally:
            self._running.release()

    def _time(self, task: Callable[[], None]) -> None:
        started = time.monotonic()
        task()
        self._ended_at = time.monotonic()
        self._took, self._has_run = self._ended_at - started, True


class BackgroundCache(Generic[T]):
    """The latest value of a function: computed anew when asked for, or while that is slow the one from before.

    `initial` is given until the first one is there.
    """

    def __init__(self, initial: T) -> None:
        self._value = initial
        self._runner = BackgroundRunner()

    def get(self, compute: Callable[[], T]) -> T:
        def refresh() -> None:
            self._value = compute()

        self._runner.run(refresh)
        return self._value
