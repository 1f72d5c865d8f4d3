"""Did a version help? Its gain over its parent by people's ratings, kept while those ratings stay the same.

The statistics are in rater_data/statistics/version_gain.py, how it is shown in panels/version_panels.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.console.state.background_cache import BackgroundRunner
from rater_data.statistics.intervals import Interval
from rater_data.statistics.version_gain import version_gain, version_gain_of_frame
from rater_data.store import Store


@dataclass(frozen=True, slots=True)
class RoundGain:
    """The gain that a round's ratings show, and the fingerprint of those ratings."""

    fingerprint: tuple[int, int] | None
    gain: Interval | None


class VersionGains:
    """The gains of all versions. Follows the ratings of every round, sealed or not, while a page looks.

    A round's gain is computed anew when the fingerprint of its ratings differs: something was rated, changed, taken
    back or removed, or a rater was excluded or counts again. Fingerprints are counted only after something happened
    at all.
    """

    def __init__(self) -> None:
        self._by_round: dict[int, RoundGain] = {}
        self._last_mark: tuple[int, int] | None = None
        self._runner = BackgroundRunner()

    def latest(self, store: Store) -> dict[int, Interval]:
        """For each version that has a parent: its rating minus its parent's on the same prompts, in points.

        Of the latest round that it wrote and that can tell; versions of which nothing can be told yet are left out.
        """
        if store.change_mark() != self._last_mark:
            self._runner.run(lambda: self._refresh(store))
        gains: dict[int, Interval] = {}
        for round_number, version_number in _rounds_with_control(store):
            known = self._by_round.get(round_number)
            if known is not None and known.gain is not None:
                gains.setdefault(version_number, known.gain)
        return gains

    def _refresh(self, store: Store) -> None:
        """The newest rounds first; each is shown as soon as it is computed."""
        mark = store.change_mark()  # before the ratings are read: what is added meanwhile is read again
        fingerprints = store.rating_fingerprints()
        excluded = frozenset(user.id for user in store.users() if user.excluded)
        for number, _ in _rounds_with_control(store):
            fingerprint = fingerprints.get(number)
            known = self._by_round.get(number)
            if known is None or known.fingerprint != fingerprint:
                self._by_round[number] = RoundGain(fingerprint, compute_gain(store, number, excluded))
        self._last_mark = mark


def compute_gain(store: Store, round_number: int, excluded: frozenset[int]) -> Interval | None:
    """`excluded`: ids of the raters who do not count."""
    if store.scale().paired:
        rated = [row for row in store.rated(round_number) if row.rating.rater_id not in excluded]
        return version_gain(rated, round_number)
    return version_gain_of_frame(store.score_frame(round_number, excluded), round_number)


def _rounds_with_control(store: Store) -> list[tuple[int, int]]:
    """(round, the version that wrote it), newest first, where that version has a parent."""
    with_parent = {version.number for version in store.versions() if version.parent is not None}
    return [
        (round_.number, round_.version_number)
        for round_ in reversed(store.rounds())
        if round_.version_number in with_parent
    ]
