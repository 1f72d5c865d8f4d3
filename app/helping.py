"""What people say of each version against the one before it, kept at hand for a page that asks every two seconds."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rater_data import agreement
from rater_data.reports import Interval
from rater_data.store import Store

FRESH = 10.0  # seconds that the numbers of a round in rating are good for


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

    def of(self, store: Store) -> dict[int, Interval]:
        """For each version that has a parent: its rating minus its parent's on the same prompts, in points.

        Of the latest round that it wrote and that can tell; versions of which nothing can be told are left out.
        """
        left_out = frozenset(u.id for u in store.users() if u.excluded)
        with self.lock:
            if left_out != self.left_out:
                self.known, self.left_out = {}, left_out
        parents = {v.number: v.parent for v in store.versions()}
        found: dict[int, Interval] = {}
        for round_ in store.rounds():
            if round_.version_number is None or parents.get(round_.version_number) is None:
                continue
            interval = self._of_round(store, round_.number, round_.state not in ("generating", "rating"))
            if interval is not None:
                found[round_.version_number] = interval
        return found

    def _of_round(self, store: Store, number: int, sealed: bool) -> Interval | None:
        with self.lock:
            known = self.known.get(number)
            now = time.monotonic()
            if known is None or not (known.final or (not sealed and now - known.at < FRESH)):
                rated = [r for r in store.rated(number) if r.rating.rater_id not in self.left_out]
                known = _Known(agreement.help_interval(rated, number), now, sealed)
                self.known[number] = known
            return known.interval
