"""Answers that may be a moment old: what costs as much as there are rows, and is asked at every rating."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

KEPT_S = 1.0
REST = 50  # times as long as it took to find out, at least


class RecentAnswers:
    """The last answer to each question; asked anew `kept_s` seconds later, or REST times what it took, by one thread:
    others take the old one."""

    def __init__(self, kept_s: float = KEPT_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept_s, self._clock = kept_s, clock
        self._lock = threading.Lock()
        self._answers: dict[Hashable, tuple[float, Any]] = {}

    def get(self, question: Hashable, ask: Callable[[], Any]) -> Any:
        """What `ask` said last, or says now. Whatever it raises is raised, and nothing is kept of that."""
        now = self._clock()
        with self._lock:
            known = self._answers.get(question)
            if known is not None:
                if now < known[0]:
                    return known[1]
                # this thread asks; the others need not wait
                self._answers[question] = (now + self._kept_s, known[1])
        answer = ask()
        done = self._clock()
        with self._lock:
            self._answers[question] = (done + max(self._kept_s, REST * (done - now)), answer)
        return answer
