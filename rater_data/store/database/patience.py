"""Waiting for what is away for a while: a database that starts again, a network that is cut."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from rater_data.errors import Away, Unavailable

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0
log = logging.getLogger(__name__)
Found = TypeVar("Found")


class Patience:
    """How long is waited. `seconds` is 0 for those who have somebody waiting for their answer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.last_absence_s = 0.0
        """How long what was waited for was away the last time, and since when it is back (of `time.monotonic`)."""
        self.back_at: float | None = None

    def wait_for(self, what: str, ask: Callable[[], Found]) -> Found:
        """What `ask` returns, asked again in growing pauses while it raises Away.

        Raises Away when there is no patience at all, Unavailable when it came to its end.
        """
        began, pause, told = time.monotonic(), FIRST_PAUSE_S, False
        while True:
            try:
                found = ask()
            except Away as error:
                if not self.seconds:
                    raise
                if time.monotonic() - began > self.seconds:
                    raise Unavailable(
                        f"{error} It was waited for {self.seconds / 60:.0f} minutes."
                    ) from error
                if not told:
                    log.warning("%s%s is away, trying again: %s", what[0].upper(), what[1:], error)
                    told = True
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                if told:
                    self.last_absence_s, self.back_at = time.monotonic() - began, time.monotonic()
                    log.warning("%s%s is back after %.0f s.", what[0].upper(), what[1:], self.last_absence_s)
                return found

    def extra_s(self) -> float:
        """Seconds to allow others beyond what is usual, for they were cut off as we were; 0 long after it."""
        if self.back_at is None or time.monotonic() - self.back_at > 60.0:
            return 0.0
        return self.last_absence_s
