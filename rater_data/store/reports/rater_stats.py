"""How each rater works, for the operator; and the scores of a round without the texts they are about.

The database counts: of a million ratings only those on shared responses are read, and of them three numbers.
"""

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from rater_data.records import RaterStats, User
from rater_data.scales import COUNTING, SCALES, VERDICTS
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import user_columns, user_of

if TYPE_CHECKING:
    import pandas as pd

_g, _r = t.ratings.c, t.responses.c
_lowest = [verdict.name for verdict in VERDICTS.values() if verdict.lowest]
_removed = [verdict.name for verdict in VERDICTS.values() if verdict.kind == "none"]
_standing = _g.is_current & _g.verdict.not_in(_removed)
"""What somebody said and nobody took away."""
_taught = sa.case(
    (_g.verdict.in_(_lowest), sa.case({s.name: float(s.low) for s in SCALES.values()}, value=_g.scale)),
    else_=_g.score,
)
"""What training reads of a rating, as `score_frame.training_score` says; null teaches nothing."""

_told = sa.case((_g.verdict == "both_bad", 0.0), else_=_taught)
"""The same, with what says that two are alike: neither is better."""

# Both walk along one index, ix_ratings_of_rater
_EACH = sa.select(_g.rater_id, _g.submitted_at, _taught.label("score")).where(_standing).subquery()
_WORK = sa.select(
    _EACH.c.rater_id,
    sa.func.count().label("ratings"),
    sa.func.count(_EACH.c.score).label("scores"),
    sa.func.sum(_EACH.c.score).label("total"),
    sa.func.sum(_EACH.c.score * _EACH.c.score).label("squares"),
    sa.func.max(_EACH.c.submitted_at).label("last_seen"),
).group_by(_EACH.c.rater_id)
_MIDDLE = (
    sa.select(_g.active_ms)
    .where(_standing, _g.rater_id == sa.bindparam("rater"))
    .order_by(_g.active_ms)
    .offset(sa.bindparam("skip", type_=sa.Integer))
    .limit(sa.bindparam("take", type_=sa.Integer))
)


def _each() -> sa.Select:
    """unit, rater_id, score: of every rating, what it is of."""
    return sa.select(_g.response_id.label("unit"), _g.rater_id, _told.label("score")).where(_g.is_current)


def _each_pair() -> sa.Select:
    """The same of comparisons, with `other`: A with B and B with A are one unit, told from the side of the lower id."""
    turned = _g.other_id < _g.response_id
    one = sa.select(
        sa.case((turned, _g.other_id), else_=_g.response_id).label("unit"),
        sa.case((turned, _g.response_id), else_=_g.other_id).label("other"),
        _g.rater_id,
        sa.case((turned, -_told), else_=_told).label("score"),
    )
    said = one.where(_g.is_current, _told.is_not(None)).subquery().c
    columns = (said.unit, said.other, said.rater_id)
    return sa.select(*columns, sa.func.avg(said.score).label("score")).group_by(*columns)


def _shared(judged: sa.Select, *unit: str) -> sa.Select:
    """rater, score, mean of the others' scores: for each rating of what two or more judged."""
    each = judged.subquery().c
    same = {"partition_by": [each[name] for name in unit]}
    raters = sa.func.count().over(**same)
    inner = (
        sa.select(
            each.rater_id,
            each.score,
            (sa.func.sum(each.score).over(**same) - each.score).label("rest"),
            raters.label("raters"),
        )
        .where(each.score.is_not(None))
        .subquery()
        .c
    )
    return sa.select(inner.rater_id, inner.score, inner.rest / (inner.raters - 1)).where(inner.raters > 1)


_SHARED = _shared(_each(), "unit")
_SHARED_PAIRS = _shared(_each_pair(), "unit", "other")


class Stats(Database):
    """What is known of raters."""

    def rater_stats(self) -> list[RaterStats]:
        """One row for everybody who has rated, in the order they joined; excluded raters too."""
        with self.reading() as connection:
            users = [user_of(row) for row in connection.execute(sa.select(*user_columns())).mappings()]
            work = {row.rater_id: row for row in connection.execute(_WORK)}
            middle = {rater: _median_ms(connection, rater, row.ratings) for rater, row in work.items()}
            scale = connection.scalar(sa.select(_g.scale).limit(1))  # all ratings of a home are on one
            paired = scale is not None and SCALES[scale].paired
            shared = connection.execute(_SHARED_PAIRS if paired else _SHARED).all()
        # pandas and scipy take a second to import: only the operator's page pays for it
        from rater_data.statistics.agreement import agreement_by_rater

        agreement = agreement_by_rater(shared, paired)
        return [
            _stats_of(user, work[user.id], middle[user.id], agreement.get(user.id))
            for user in sorted(users, key=lambda user: user.id)
            if user.id in work
        ]

    def beyond_overlap(self) -> int:
        """How many responses more raters have answered than were to see them: 0, or the leases have failed."""
        answered = (
            sa.select(_g.response_id)
            .join(t.responses, _r.id == _g.response_id)
            .where(_g.is_current, _g.verdict.in_(COUNTING))
            .group_by(_g.response_id, _r.overlap)
            .having(sa.func.count() > _r.overlap)
        )
        with self.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(answered.subquery()))

    def scored(
        self, round_number: int | None = None, left_out: Collection[int] = frozenset()
    ) -> "pd.DataFrame":
        """What `score_frame` makes of the current ratings of a round (or of all), without reading texts.

        `left_out`: raters whose ratings are not wanted.
        """
        import pandas as pd

        columns = (
            _g.response_id,
            _g.rater_id,
            _r.prompt_id,
            _r.round_number.label("round"),
            _r.stratum,
            _told.label("score"),
            _g.other_id,
        )
        query = sa.select(*columns).join(t.responses, _r.id == _g.response_id)
        query = query.where(_g.is_current, _told.is_not(None)).order_by(_g.id)
        if round_number is not None:
            query = query.where(_r.round_number == round_number)
        if left_out:
            query = query.where(_g.rater_id.not_in(sorted(left_out)))
        with self.reading() as connection:
            rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=[c.name for c in columns])
        frame = frame.astype({"score": "float64", "other_id": "float64"})
        return frame.assign(paired=frame["other_id"].notna())


def _median_ms(connection: sa.Connection, rater_id: int, ratings: int) -> float:
    """The one in the middle, or the mean of the two."""
    where = {"rater": rater_id, "skip": (ratings - 1) // 2, "take": 2 - ratings % 2}
    middle = connection.scalars(_MIDDLE, where).all()
    return sum(middle) / len(middle)


def _stats_of(user: User, work: sa.Row[Any], median_ms: float, agreement: float | None) -> RaterStats:
    n, mean, sd = work.scores, None, None
    if n:
        mean = work.total / n
        # the sd of one score is not known
        sd = math.sqrt(max(0.0, work.squares - n * mean**2) / (n - 1)) if n > 1 else None
    return RaterStats(
        user=user,
        ratings=work.ratings,
        median_s=median_ms / 1000,
        mean=mean,
        sd=sd,
        last_seen=work.last_seen,
        agreement=agreement,
    )
