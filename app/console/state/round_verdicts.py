"""Did training help? The verdicts of all rounds, kept while their ratings stay the same, and what they say in words.

The statistics are in rater_data/statistics/round_verdict.py, how it is shown in panels/verdict_panel.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.console.state.background_cache import BackgroundRunner
from rater_data.lifecycle import RATABLE_STATES, Round, Version
from rater_data.overview.verdict_words import JudgedRound, verdict_sentence, verdict_title
from rater_data.scales import Scale
from rater_data.statistics.intervals import Interval
from rater_data.statistics.learning_curve import CurvePoint, learning_curve
from rater_data.statistics.round_verdict import RoundVerdict
from rater_data.store import Store

MOST_LEFT_OUT = 20  # raters of a round up to which the verdict without each of them is computed
SLOW_S, REST = (
    0.1,
    4.0,
)  # seconds from which a verdict is slow, and how many times as long it rests afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`rounds`: oldest first; `curve`: a point each; `drift` of raters on anchors, in points.

    `expected`, by version: how far the reward head that it was trained by expects it above the first version, in what
    the curve counts: on holdout prompts, or on training prompts for versions in `on_training_prompts`, which were
    trained while there were no others; `kl`, by version: nats per response from the base model. `without`, by rater:
    the latest round as it would be judged if this rater did not count.
    """

    rounds: Sequence[JudgedRound] = ()
    curve: Sequence[CurvePoint] = ()
    drift: Interval | None = None
    without: Mapping[int, JudgedRound] = field(default_factory=dict)
    expected: Mapping[int, Interval] = field(default_factory=dict)
    on_training_prompts: frozenset[int] = frozenset()
    kl: Mapping[int, float] = field(default_factory=dict)

    @property
    def latest(self) -> JudgedRound | None:
        return self.rounds[-1] if self.rounds else None

    def by_version(self) -> dict[int, RoundVerdict]:
        """For each version the verdict of the latest round that it wrote and that can tell."""
        told = (
            (r.version, r.verdict)
            for r in self.rounds
            if r.verdict is not None and r.verdict.gain is not None
        )
        return {version: verdict for version, verdict in told if verdict is not None}


class RoundVerdicts:
    """The verdicts of all rounds. Follows the ratings of every round, sealed or not, while somebody looks.

    A verdict is computed anew when the fingerprint of the round's ratings differs: something was rated, changed, taken
    back or removed, or a rater was excluded or counts again; and when the round went on or another began.
    Fingerprints are counted only after something happened at all.
    """

    def __init__(self) -> None:
        self._by_round: dict[int, tuple[object, RoundVerdict]] = {}
        self._drift: Interval | None = None
        self._without: tuple[object, dict[int, RoundVerdict]] = (None, {})
        self._last_mark: tuple[int, int] | None = None
        self._has_holdout: dict[int, bool] = {}
        self._runner = BackgroundRunner()

    def read(self, store: Store) -> Judgement:
        """What is known by now; what is slow comes with a later look."""
        if store.change_mark() != self._last_mark:
            self._runner.run(lambda: self._refresh(store))
        verdicts = {number: verdict for number, (_, verdict) in self._by_round.items()}
        rounds = [(r.number, r.version_number) for r in store.rounds() if r.version_number is not None]
        versions = {version.number: version for version in store.versions()}
        parents = {number: version.parent for number, version in versions.items()}
        states = {r.number: r.state for r in store.rounds()}
        judged = tuple(
            JudgedRound(
                number=n,
                version=v,
                parent=parents[v],
                in_use=versions[v].status != "rolled_back",
                verdict=verdicts.get(n),
                is_open=states.get(n) in RATABLE_STATES,
                is_written=states.get(n) != "generating",
            )
            for n, v in rounds
        )
        expected = _expected(versions.values(), store.scale().paired)
        return Judgement(
            rounds=judged,
            without={rater: replace(judged[-1], verdict=v) for rater, v in self._without[1].items()},
            curve=tuple(learning_curve(rounds, parents, verdicts, store.scale().paired)),
            drift=self._drift,
            expected=expected,
            on_training_prompts=frozenset(n for n in expected if not self._was_on_holdout(store, n)),
            kl={n: float(v.metrics["kl"]) for n, v in versions.items() if "kl" in v.metrics},
        )

    def _was_on_holdout(self, store: Store, version: int) -> bool:
        """A version is published with an answer to each holdout prompt: without an answer, there was no such prompt."""
        if version not in self._has_holdout:
            self._has_holdout[version] = bool(store.samples(version))
        return self._has_holdout[version]

    def _refresh(self, store: Store) -> None:
        """The newest rounds first; each is shown as soon as it is computed.

        Where that is slow (thousands of ratings a round), others get their turn after each: whoever computes holds the
        interpreter's lock, and raters would wait for all rounds of a large home when its console is opened first.
        """
        mark = store.change_mark()  # before the ratings are read: what is added meanwhile is read again
        fingerprints, rounds = store.rating_fingerprints(), store.rounds()
        for round_ in _rounds_with_parent(store):
            sign = (fingerprints.get(round_.number), round_.state, round_.number == rounds[-1].number)
            known = self._by_round.get(round_.number)
            if known is None or known[0] != sign:
                began = time.monotonic()
                self._by_round[round_.number] = (sign, store.round_verdict(round_.number))
                if (took := time.monotonic() - began) > SLOW_S:
                    time.sleep(REST * took)
        self._drift = store.anchor_drift()
        self._leave_out_each(store)
        self._last_mark = mark

    def _leave_out_each(self, store: Store) -> None:
        """The latest round's verdict without each of its raters, while there are few and it tells something."""
        rounds = _rounds_with_parent(store)
        latest = store.round()
        if latest is None or not rounds or rounds[0].number != latest.number:
            self._without = (None, {})
            return
        sign, verdict = self._by_round[latest.number]
        if self._without[0] == sign or verdict.gain is None:
            return
        raters = store.score_frame(latest.number)["rater_id"].unique().tolist()
        found = {}
        for rater in raters if len(raters) <= MOST_LEFT_OUT else ():
            began = time.monotonic()
            found[int(rater)] = store.round_verdict(latest.number, without=int(rater))
            if (took := time.monotonic() - began) > SLOW_S:
                time.sleep(REST * took)
        self._without = (sign, found)


def _expected(versions: Iterable[Version], paired: bool) -> dict[int, Interval]:
    found = {}
    for version in versions:
        told = version.metrics
        if "expected_rating" in told:
            ends = [told[name] for name in ("expected_rating", "expected_low", "expected_high")]
            # a comparison's expected rating, from −1 to 1, is with a usual answer of the base already
            mean, low, high = ((1 + end) / 2 if paired else end - told["expected_of_base"] for end in ends)
            found[version.number] = Interval(mean=mean, low=low, high=high, n=0)
    return found


def _rounds_with_parent(store: Store) -> list[Round]:
    """Rounds whose version has a parent, newest first."""
    with_parent = {version.number for version in store.versions() if version.parent is not None}
    return [round_ for round_ in reversed(store.rounds()) if round_.version_number in with_parent]


def judgement_as_json(judgement: Judgement, scale: Scale) -> dict[str, Any]:
    """The latest round's verdict and the curve, for /api/round."""
    latest = judgement.latest
    return {
        "verdict": latest and _verdict_as_json(latest, judgement.drift, scale),
        "learning_curve": [
            {
                "round": point.round_number,
                "version": point.version,
                "value": _interval_as_json(point.value),
                "by_head": _interval_as_json(judgement.expected.get(point.version)),
                "kl": judgement.kl.get(point.version),
            }
            for point in judgement.curve
        ],
    }


def _verdict_as_json(judged: JudgedRound, drift: Interval | None, scale: Scale) -> dict[str, Any]:
    verdict = judged.verdict
    length = verdict.length if verdict else None
    return {
        "round": judged.number,
        "version": judged.version,
        "parent": judged.parent,
        "word": verdict.word if verdict else "open",
        "title": verdict_title(judged),
        "sentence": verdict_sentence(judged, scale),
        "gain": _interval_as_json(verdict.gain if verdict else None),
        "win_rate": _interval_as_json(verdict.win_rate if verdict else None),
        "explained_by_length": _interval_as_json(length.explained if length else None),
        "length_difference": length.difference if length else None,
        "blind": verdict.blind if verdict else 0,
        "planned": verdict.planned if verdict else 0,
        "more": verdict.more if verdict else None,
        "drift": _interval_as_json(drift),
    }


def _interval_as_json(interval: Interval | None) -> dict[str, float] | None:
    if interval is None:
        return None
    return {"mean": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
