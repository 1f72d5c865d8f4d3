"""The round at a glance: who is at work, how far people agree, how ready the reward head is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.console.state.version_gains import Kept
from app.settings import CARD_LEASE
from rater_data.lifecycle import RoundProgress
from rater_data.setting_names import READINESS
from rater_data.statistics import agreement
from rater_data.statistics.intervals import Interval
from rater_data.store import Store

AT_WORK = 300.0  # seconds since a rater's last sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """`alpha` of this round's ratings, None while too few were shared; `readiness` as the trainer told it, or None."""

    at_work: int = 0
    alpha: Interval | None = None
    readiness: dict[str, Any] | None = None


@dataclass
class Glances:
    """Looks, and keeps what is costly to count: for the round under way only."""

    alphas: dict[int, Kept[Interval | None]] = field(default_factory=dict)

    def of(self, store: Store, progress: RoundProgress | None) -> Glance:
        if progress is None:
            return Glance()
        number = progress.round.number
        told = store.setting(READINESS)
        fits = isinstance(told, dict) and told.get("round") == number
        if number not in self.alphas:
            self.alphas = {number: Kept()}
        return Glance(
            at_work=store.raters_at_work(CARD_LEASE - AT_WORK),
            alpha=self.alphas[number].get(lambda: alpha(store, number)),
            readiness=told if fits else None,
        )


def alpha(store: Store, number: int) -> Interval | None:
    """How far raters agree on a round, those that are left out left out."""
    left_out = frozenset(u.id for u in store.users() if u.excluded)
    return agreement.alpha_of_frame(store.scored(number, left_out))
