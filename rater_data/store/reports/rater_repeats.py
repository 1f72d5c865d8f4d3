"""What raters said of an answer when they saw it again: an anchor, an answer of round 1 that later rounds repeat.

A change of a rating is no repeat: who changes has seen what they said first.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rater_data.records import IMPORTED_ROUND
from rater_data.scales import SCALES, Scale
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.reports.rater_stats import COMPARED_SCORE, IS_GIVEN
from rater_data.store.rounds.settings import read_scale

FINE_POINTS = 5  # of a scale with so many points the one beside counts as near

_g = t.ratings.c
_low, _high, _seen = (t.responses.alias(name) for name in ("low", "high", "seen"))
_ANCHORS = (
    sa.select(t.responses.c.prompt_id, t.responses.c.text).where(t.responses.c.stratum == "anchor").distinct()
)
# What one rater saw of them: found along their own ratings, where all responses of a home would be looked through
_OWN_ANCHORS = (
    sa.select(_seen.c.prompt_id, _seen.c.text)
    .join_from(t.ratings, _seen, sa.or_(_seen.c.id == _g.low_id, _seen.c.id == _g.high_id))
    .where(_g.rater_id == sa.bindparam("rater"), IS_GIVEN, _seen.c.stratum == "anchor")
)
# Of comparisons both responses, seen from the side of the lower text: ids differ from round to round
_READINGS = (
    sa.select(
        _g.rater_id,
        sa.case((_g.response_id == _g.low_id, COMPARED_SCORE), else_=-COMPARED_SCORE).label("score"),
        _low.c.prompt_id,
        _low.c.round_number,
        _low.c.text.label("low_text"),
        _high.c.text.label("high_text"),
    )
    .join_from(t.ratings, _low, _low.c.id == _g.low_id)
    .join(_high, _high.c.id == _g.high_id)
    .where(
        IS_GIVEN,
        COMPARED_SCORE.is_not(None),
        _low.c.round_number != IMPORTED_ROUND,
        _low.c.prompt_id.in_(sa.bindparam("prompts", expanding=True)),
    )
    .order_by(_low.c.round_number, _g.id)
)
_given = sa.select(_g.rater_id, COMPARED_SCORE.label("score")).where(IS_GIVEN).subquery().c
_SCORES = (
    sa.select(_given.rater_id, _given.score, sa.func.count().label("times"))
    .where(_given.score.is_not(None))
    .group_by(_given.rater_id, _given.score)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """How often a rater saw an answer again (`times`), in a later round than before, and of these how often the score
    was `near` to the one before: the same, or on a scale of five points and more the one beside it."""

    times: int
    near: int


def nearness(scale: Scale) -> float:
    """How far two scores may be apart that count as near."""
    return float(scale.step) if len(scale.points) >= FINE_POINTS else 0.0


class RaterRepeats(Database):
    """Whether raters say the same of the same."""

    def rater_repeats(self, rater_id: int | None = None) -> dict[int, Repeats]:
        """By rater, of everybody or of one; nothing for who saw no answer again."""
        with self.reading() as connection:
            shown = _ANCHORS if rater_id is None else _OWN_ANCHORS
            anchors = {tuple(row) for row in connection.execute(shown, {"rater": rater_id})}
            if not anchors:
                return {}
            query = _READINGS if rater_id is None else _READINGS.where(_g.rater_id == rater_id)
            rows = connection.execute(query, {"prompts": sorted({prompt for prompt, _ in anchors})}).all()
            near = nearness(read_scale(connection))
        again = [r for r in rows if {(r.prompt_id, r.low_text), (r.prompt_id, r.high_text)} <= anchors]
        return _count_repeats(again, near)

    def repeats_by_chance(self) -> dict[int, float]:
        """For each rater the probability that two of their scores, drawn by chance, are near."""
        with self.reading() as connection:
            rows, scale = connection.execute(_SCORES).all(), read_scale(connection)
        given: dict[int, dict[float, int]] = defaultdict(lambda: defaultdict(int))
        for rater, score, times in rows:
            given[rater][score] += times
            if SCALES[scale.name].paired:
                given[rater][-score] += times  # which of two was named first decides nothing
        return {rater: _chance(scores, nearness(scale)) for rater, scores in given.items()}


def _count_repeats(rows: Iterable[Any], near: float) -> dict[int, Repeats]:
    before: dict[tuple[int, int, frozenset[str]], tuple[int, float]] = {}
    times: dict[int, int] = defaultdict(int)
    alike: dict[int, int] = defaultdict(int)
    for row in rows:
        unit = (row.rater_id, row.prompt_id, frozenset((row.low_text, row.high_text)))
        score = -row.score if row.low_text > row.high_text else row.score
        last = before.get(unit)
        if last is not None and last[0] < row.round_number:
            times[row.rater_id] += 1
            alike[row.rater_id] += abs(score - last[1]) <= near
        before[unit] = (row.round_number, score)
    return {rater: Repeats(times=count, near=alike[rater]) for rater, count in times.items()}


def _chance(scores: dict[float, int], near: float) -> float:
    pairs = sum(m * n for a, m in scores.items() for b, n in scores.items() if abs(a - b) <= near)
    return pairs / sum(scores.values()) ** 2
