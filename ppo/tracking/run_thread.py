"""One run of a tracker in a thread of its own: what is told it is put in a row, and nobody waits for its answer.

A tracker speaks with servers and disks that training does not depend on. Here it may be slow, hang or fail.
"""

import queue
import threading
from collections.abc import Callable
from typing import Any

Told = Callable[[Any], None]
"""What is to be done with the open tracker."""
LONGEST_FLUSH_S = 30.0
"""How long the end of a round waits for a tracker to have taken everything."""


class RunThread:
    """`open_tracker` gives the tracker, started; it is called in the thread, and so is everything that is told."""

    def __init__(self, open_tracker: Callable[[], Any]) -> None:
        self._told: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        self._open, self._error = open_tracker, ""
        self._thread = threading.Thread(target=self._run, daemon=True, name="tracker")
        self._thread.start()

    def tell(self, what: Told) -> None:
        """Does not wait. After an error nothing is told any more."""
        if not self._error:
            self._told.put(what)

    def error(self) -> str:
        """What the tracker raised, in a line; "" while it works."""
        return self._error

    def finish(self, longest: float = LONGEST_FLUSH_S) -> str:
        """Ends the run; returns what went wrong with it, "" where nothing did."""
        self._told.put(None)
        self._thread.join(longest)
        if self._thread.is_alive():
            return f"it has not taken everything after {longest:g} s"
        return self._error

    def _run(self) -> None:
        try:
            tracker = self._open()
            while (what := self._told.get()) is not None:
                what(tracker)
            tracker.finish()
        except Exception as error:  # each tracker has errors of its own, and none of them may end a training
            lines = str(error).strip().splitlines() or [""]
            self._error = f"{type(error).__name__}: {lines[0]}"[:300]
