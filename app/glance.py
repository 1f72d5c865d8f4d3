"""The round at a glance: who is at work, how far people agree, how ready the reward head is."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from app.settings import CARD_LEASE
from rater_data import agreement
from rater_data.reports import Interval, RoundProgress
from rater_data.store import Store

AT_WORK = 300.0  # seconds since a rater's last sign
FRESH = 15.0  # seconds that a figure of agreement is good for


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """`alpha` of this round's ratings, None while too few were shared; `readiness` as the trainer told it, or None."""

    at_work: int = 0
    alpha: Interval | None = None
    readiness: dict[str, Any] | None = None


@dataclass
class Glances:
    """Looks, and keeps what is costly to count for a few seconds."""

    known: tuple[int, int, float, Interval | None] = (0, -1, 0.0, None)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, store: Store, progress: RoundProgress | None) -> Glance:
        if progress is None:
            return Glance()
        number = progress.round.number
        told = store.setting("readiness")
        fits = isinstance(told, dict) and told.get("round") == number
        return Glance(
            at_work=store.raters_at_work(CARD_LEASE - AT_WORK),
            alpha=self._alpha(store, number, progress.ratings),
            readiness=told if fits else None,
        )

    def _alpha(self, store: Store, number: int, ratings: int) -> Interval | None:
        now = time.monotonic()
        with self.lock:
            known_number, known_ratings, at, found = self.known
            if (known_number, known_ratings) == (number, ratings) or (
                known_number == number and now - at < FRESH
            ):
                return found
            left_out = {u.id for u in store.users() if u.excluded}
            found = agreement.alpha(r for r in store.rated(number) if r.rating.rater_id not in left_out)
            self.known = (number, ratings, now, found)
            return found
