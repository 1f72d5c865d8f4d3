"""When there is the next card: the rest of a training and the first responses after it, by how long the last took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rater_data.round_settings import FIRST_RESPONSES
from rater_data.store import Store

ROUNDS = 5  # the last ones that count
SPREAD, SPREAD_OF_ONE = 1.1, 1.25
"""How many times as long, or as short, the next may be as the longest and shortest of several, or as the only one."""


@dataclass(frozen=True, slots=True)
class RoundTimes:
    """`trainings`: of each of the last the seconds of its phases, in their order; `first`: seconds from when responses
    were asked for to when the first of them were there."""

    trainings: Sequence[Mapping[str, float]] = ()
    first: Sequence[float] = ()

    @property
    def known(self) -> bool:
        """Whether a whole round was measured here."""
        return bool(self.trainings and self.first)

    @property
    def usual(self) -> tuple[float, float]:
        """From … to seconds, from the start of a training to the first card after it."""
        totals = [sum(one.values()) for one in self.trainings]
        spread = SPREAD if len(totals) > 1 else SPREAD_OF_ONE
        return (min(totals) + min(self.first)) / spread, (max(totals) + max(self.first)) * spread

    def left_of_training(self, progress: Mapping[str, Any], now: float) -> float | None:
        """Seconds to the first card, of a training that is as far as `progress` of its job says; None where no earlier
        one has had its phase. `now`: epoch seconds."""
        phase = progress.get("phase")
        rests = []
        for one in self.trainings:
            names = list(one)
            if not phase:
                rests.append(sum(one.values()))  # it has not begun
            elif phase in one:
                later = sum(one[name] for name in names[names.index(phase) + 1 :])
                rests.append(later + _left_of_phase(one[phase], progress, now))
        return median(rests) + median(self.first) if rests else None

    def left_of_writing(self, asked_at: float, now: float) -> float:
        """Seconds to the first of the responses that were asked for at `asked_at`."""
        return max(0.0, median(self.first) - (now - asked_at))


def _left_of_phase(usual: float, progress: Mapping[str, Any], now: float) -> float:
    """By its own pace where it has one, else by what it took before."""
    since = max(0.0, now - progress.get("moved_at", now))
    eta = progress.get("eta_s")
    if isinstance(eta, int | float) and eta > 0:
        return max(0.0, eta - since)
    total = progress.get("total") or 1
    return max(0.0, usual * (1 - progress.get("done", 0) / total) - since)


def read_round_times(store: Store) -> RoundTimes:
    """Of the last rounds of a home."""
    trained = [v.metrics.get("seconds") for v in store.versions() if v.number > 0]
    return RoundTimes([one for one in trained if one][-ROUNDS:], store.setting(FIRST_RESPONSES, []))
