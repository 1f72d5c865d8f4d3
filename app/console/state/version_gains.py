"""What takes long to count, kept at hand for a page that asks every two seconds.

What people say of each version against the one before it, and how each rater works.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rater_data.records import RaterStats
from rater_data.statistics.intervals import Interval
from rater_data.statistics.version_gain import version_gain, version_gain_of_frame
from rater_data.store import Store

FRESH = 10.0  # seconds that the numbers of a round in rating are good for
AT_ONCE = 0.15  # seconds that one look may spend on rounds that were not counted yet
QUICK = 0.05  # what takes fewer seconds is counted at every look
SHARE = 20  # of the time, one part in so many goes into counting what is slow

T = TypeVar("T")
log = logging.getLogger(__name__)


class Kept(Generic[T]):
    """A value that is counted anew when asked for; when that takes long, beside it, and the last one is given."""

    def __init__(self) -> None:
        self._value: T | None = None
        self._known = False
        self._took = self._at = 0.0
        self._counting = threading.Lock()

    def get(self, count: Callable[[], T]) -> T:
        if not self._known or self._took < QUICK:
            with self._counting:
                self._count(count)
        elif time.monotonic() - self._at > self._took * SHARE and self._counting.acquire(blocking=False):
            threading.Thread(target=self._beside, args=(count,), daemon=True, name="counting").start()
        return self._value  # type: ignore[return-value]

    def _beside(self, count: Callable[[], T]) -> None:
        try:
            self._count(count)
        except Exception:
            # the page has the last numbers, and asks again
            log.warning("Counting failed; it is tried again.", exc_info=True)
        finally:
            self._counting.release()

    def _count(self, count: Callable[[], T]) -> None:
        began = time.monotonic()
        self._value = count()
        self._at = time.monotonic()
        self._took, self._known = self._at - began, True


@dataclass(frozen=True, slots=True)
class _Known:
    interval: Interval | None
    at: float
    final: bool


class Helped:
    """Remembers the comparison of each round; ratings of a sealed round are counted once."""

    def __init__(self) -> None:
        self.known: dict[int, _Known] = {}
        self.left_out: frozenset[int] = frozenset()
        self.lock = threading.Lock()
        self.stats: Kept[list[RaterStats]] = Kept()

    def raters(self, store: Store) -> list[RaterStats]:
        """How each rater works; of a large store as it was some seconds ago."""
        return self.stats.get(store.rater_stats)

    def of(self, store: Store) -> dict[int, Interval]:
        """For each version that has a parent: its rating minus its parent's on the same prompts, in points.

        Of the latest round that it wrote and that can tell; versions of which nothing can be told are left out.
        In a home of many rounds the newest come first, and older ones with the next looks.
        """
        left_out = frozenset(u.id for u in store.users() if u.excluded)
        with self.lock:
            if left_out != self.left_out:
                self.known, self.left_out = {}, left_out
        parents = {v.number: v.parent for v in store.versions()}
        found: dict[int, Interval] = {}
        until = time.monotonic() + AT_ONCE
        for round_ in reversed(store.rounds()):
            if round_.version_number is None or parents.get(round_.version_number) is None:
                continue
            sealed = round_.state not in ("generating", "rating")
            interval = self._of_round(store, round_.number, sealed, until)
            if interval is not None:
                found.setdefault(round_.version_number, interval)
        return found

    def _of_round(self, store: Store, number: int, sealed: bool, until: float) -> Interval | None:
        with self.lock:
            known = self.known.get(number)
            now = time.monotonic()
            if known is None or not (known.final or (not sealed and now - known.at < FRESH)):
                if now > until:
                    return known.interval if known else None
                known = _Known(self._count(store, number), now, sealed)
                self.known[number] = known
            return known.interval

    def _count(self, store: Store, number: int) -> Interval | None:
        if store.scale().paired:
            rated = [r for r in store.rated(number) if r.rating.rater_id not in self.left_out]
            return version_gain(rated, number)
        return version_gain_of_frame(store.scored(number, self.left_out), number)
