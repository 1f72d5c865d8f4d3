"""How each rater works, for the operator; and the scores of a round without the texts they are about.

The database counts: of a million ratings only those on shared responses are read, and of them three numbers.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence
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
_LOWEST_VERDICTS = [verdict.name for verdict in VERDICTS.values() if verdict.lowest]
_REMOVED_VERDICTS = [verdict.name for verdict in VERDICTS.values() if verdict.kind == "none"]
IS_GIVEN = _g.is_current & _g.verdict.not_in(_REMOVED_VERDICTS)
"""A rating that was neither changed nor taken back, of a rater who was not removed."""
_TRAINING_SCORE = sa.case(
    (
        _g.verdict.in_(_LOWEST_VERDICTS),
        sa.case({s.name: float(s.low) for s in SCALES.values()}, value=_g.scale),
    ),
    else_=_g.score,
)
"""What training reads of a rating, as `score_frame.training_score` says; null teaches nothing."""

COMPARED_SCORE = sa.case((_g.verdict == "both_bad", 0.0), else_=_TRAINING_SCORE)
"""The same, with what says that two are alike: neither is better."""

# Both walk along one index, ix_ratings_of_rater
_GIVEN_RATINGS = (
    sa.select(_g.rater_id, _g.submitted_at, _TRAINING_SCORE.label("score")).where(IS_GIVEN).subquery()
)
_WORK_OF_RATERS = sa.select(
    _GIVEN_RATINGS.c.rater_id,
    sa.func.count().label("ratings"),
    sa.func.count(_GIVEN_RATINGS.c.score).label("scores"),
    sa.func.sum(_GIVEN_RATINGS.c.score).label("total"),
    sa.func.sum(_GIVEN_RATINGS.c.score * _GIVEN_RATINGS.c.score).label("squares"),
    sa.func.max(_GIVEN_RATINGS.c.submitted_at).label("last_seen"),
).group_by(_GIVEN_RATINGS.c.rater_id)
_SORTED_TIMES = (
    sa.select(_g.active_ms)
    .where(IS_GIVEN, _g.rater_id == sa.bindparam("rater"))
    .order_by(_g.active_ms)
    .offset(sa.bindparam("skip", type_=sa.Integer))
    .limit(sa.bindparam("take", type_=sa.Integer))
)


def _response_scores() -> sa.Select:
    """unit, rater_id, score: of every rating, what it is of."""
    return sa.select(_g.response_id.label("unit"), _g.rater_id, COMPARED_SCORE.label("score")).where(
        _g.is_current
    )


def _pair_scores() -> sa.Select:
    """The same of comparisons, with `other`: A with B and B with A are one unit, told from the side of the lower id."""
    score = sa.case((_g.response_id == _g.low_id, COMPARED_SCORE), else_=-COMPARED_SCORE)
    return sa.select(
        _g.low_id.label("unit"), _g.high_id.label("other"), _g.rater_id, score.label("score")
    ).where(_g.is_current)


def _scores_beside_others(scores: sa.Select, *unit: str) -> sa.Select:
    """rater, score, mean of the others' scores: for each rating of what two or more rated."""
    each = scores.subquery().c
    same_unit = [each[name] for name in unit]
    raters = sa.func.count().over(partition_by=same_unit)
    inner = (
        sa.select(
            each.rater_id,
            each.score,
            (sa.func.sum(each.score).over(partition_by=same_unit) - each.score).label("rest"),
            raters.label("raters"),
        )
        .where(each.score.is_not(None))
        .subquery()
        .c
    )
    return sa.select(inner.rater_id, inner.score, inner.rest / (inner.raters - 1)).where(inner.raters > 1)


_SHARED_SCORES = _scores_beside_others(_response_scores(), "unit")
_SHARED_PAIR_SCORES = _scores_beside_others(_pair_scores(), "unit", "other")


class RaterStatistics(Database):
    """What is known of raters."""

    def rater_stats(self) -> list[RaterStats]:
        """One row for everybody who has rated, in the order they joined; excluded raters too."""
        with self.reading() as connection:
            users = [user_of(row) for row in connection.execute(sa.select(*user_columns())).mappings()]
            work = {row.rater_id: row for row in connection.execute(_WORK_OF_RATERS)}
            middle = {rater: _median_s(connection, rater, row.ratings) for rater, row in work.items()}
            scale = connection.scalar(sa.select(_g.scale).limit(1))  # all ratings of a home are on one
            paired = scale is not None and SCALES[scale].paired
            shared = connection.execute(_SHARED_PAIR_SCORES if paired else _SHARED_SCORES).all()
        # pandas and scipy take a second to import: only the operator's page pays for it
        from rater_data.statistics.agreement import agreement_by_rater

        agreement, with_others = agreement_by_rater(shared, paired), Counter(row.rater_id for row in shared)
        return [
            _stats_of(user, work[user.id], middle[user.id], with_others[user.id], agreement.get(user.id))
            for user in sorted(users, key=lambda user: user.id)
            if user.id in work
        ]

    def count_beyond_overlap(self) -> int:
        """How many responses more raters have answered than were to see them: 0, or the leases have failed."""
        answered = (
            sa.select(_g.response_id)
            .join(t.responses, _r.id == _g.response_id)
            .where(_g.is_current, _g.verdict.in_(COUNTING))
            .group_by(_g.response_id, _r.overlap)
            .having(sa.func.count() > _r.overlap)
        )
        with self.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(answered.subquery())) or 0

    def score_frame(
        self, round_number: int | None = None, excluded_raters: Collection[int] = frozenset()
    ) -> "pd.DataFrame":
        """What `score_frame` makes of the current ratings of a round (or of all), without reading texts.

        `excluded_raters`: raters whose ratings are not wanted.
        """
        import pandas as pd

        columns = (
            _g.response_id,
            _g.rater_id,
            _r.prompt_id,
            _r.round_number.label("round"),
            _r.stratum,
            COMPARED_SCORE.label("score"),
            _g.other_id,
        )
        query = sa.select(*columns).join(t.responses, _r.id == _g.response_id)
        query = query.where(_g.is_current, COMPARED_SCORE.is_not(None)).order_by(_g.id)
        if round_number is not None:
            query = query.where(_r.round_number == round_number)
        if excluded_raters:
            query = query.where(_g.rater_id.not_in(sorted(excluded_raters)))
        with self.reading() as connection:
            rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=[c.name for c in columns])
        frame = frame.astype({"score": "float64", "other_id": "float64"})
        return frame.assign(paired=frame["other_id"].notna())


def _median_s(
    connection: sa.Connection, rater_id: int, ratings: int
) -> tuple[float, tuple[float, float] | None]:
    """The time in the middle, or the mean of the two, and the two between which the median lies, in seconds."""
    from rater_data.statistics.intervals import median_ranks

    def sorted_times(skip: int, take: int = 1) -> Sequence[float]:
        return connection.scalars(_SORTED_TIMES, {"rater": rater_id, "skip": skip, "take": take}).all()

    middle = sorted_times((ratings - 1) // 2, 2 - ratings % 2)
    median, ranks = sum(middle) / len(middle) / 1000, median_ranks(ratings)
    if ranks is None:
        return median, None
    (low,), (high,) = (sorted_times(rank - 1) for rank in ranks)
    return median, (low / 1000, high / 1000)


def _stats_of(
    user: User,
    work: sa.Row[Any],
    time_s: tuple[float, tuple[float, float] | None],
    shared: int,
    agreement: float | None,
) -> RaterStats:
    n, mean, sd = work.scores, None, None
    if n:
        mean = work.total / n
        # the sd of one score is not known
        sd = math.sqrt(max(0.0, work.squares - n * mean**2) / (n - 1)) if n > 1 else None
    return RaterStats(
        user=user,
        ratings=work.ratings,
        median_s=time_s[0],
        median_range=time_s[1],
        mean=mean,
        sd=sd,
        scores=n,
        last_seen=work.last_seen,
        shared=shared,
        agreement=agreement,
    )
