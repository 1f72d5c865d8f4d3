"""Quality of the round under way: who is at work, how far raters agree, how ready the reward head is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.console.state.background_cache import BackgroundCache
from rater_data.lifecycle import RoundProgress
from rater_data.round_settings import READINESS
from rater_data.statistics import agreement
from rater_data.statistics.intervals import Interval
from rater_data.store import Store
from rater_data.store.cards.leases import LEASE_S

AT_WORK = 300.0  # seconds since a rater's last sign


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSummary:
    """`alpha`: agreement on this round, None while too few were shared; `readiness`: as the trainer reported it."""

    raters_at_work: int = 0
    alpha: Interval | None = None
    readiness: dict[str, Any] | None = None


class RoundSummaries:
    """Reads summaries; keeps the agreement, which is slow to compute, of the round under way only."""

    def __init__(self) -> None:
        self._alphas: dict[int, BackgroundCache[Interval | None]] = {}

    def read(self, store: Store, progress: RoundProgress | None) -> RoundSummary:
        if progress is None:
            return RoundSummary()
        number = progress.round.number
        readiness = store.setting(READINESS)
        is_of_this_round = isinstance(readiness, dict) and readiness.get("round") == number
        if number not in self._alphas:
            self._alphas = {number: BackgroundCache(None)}
        return RoundSummary(
            raters_at_work=store.raters_at_work(LEASE_S - AT_WORK),
            alpha=self._alphas[number].get(lambda: compute_alpha(store, number)),
            readiness=readiness if is_of_this_round else None,
        )


def compute_alpha(store: Store, round_number: int) -> Interval | None:
    """How far raters agree on a round, without those who are excluded."""
    excluded = frozenset(user.id for user in store.users() if user.excluded)
    return agreement.alpha_of_frame(store.score_frame(round_number, excluded))
