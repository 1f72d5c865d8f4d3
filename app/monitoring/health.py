"""Whether the server can do its work: in one word, for load balancers, containers and service managers."""

from __future__ import annotations

import logging
import threading
import time

from rater_data.errors import RateloopError
from rater_data.store import Store

KEPT = 1.0  # seconds
OK, DATABASE, SCHEMA = "ok", "database", "schema"
log = logging.getLogger(__name__)


class Health:
    """One look at the store a second at most, whoever asks how often; meanwhile the last answer holds.

    Nobody waits for somebody else's look: a database that hangs must not take the server's threads with it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looking = threading.Lock()
        self._answer = DATABASE
        self._looked_at = -KEPT

    def word(self) -> str:
        """ok; database: the store does not answer; schema: it was written by another release of the program."""
        if time.monotonic() - self._looked_at >= KEPT and self._looking.acquire(blocking=False):
            try:
                self._answer = self._look()
                self._looked_at = time.monotonic()
            finally:
                self._looking.release()
        return self._answer

    def _look(self) -> str:
        try:
            return OK if self._store.has_expected_schema() else SCHEMA
        except RateloopError as error:
            log.error("The health check found the store away: %s", error)
            return DATABASE
