"""How far rounds were rated, and what counts, in numbers alone."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rater_data.scales import COUNTING
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.rounds.rounds import trusted_ratings

_g, _r = t.ratings.c, t.responses.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumCoverage:
    """How far a stratum of a round was rated.

    `rated`: responses that a rating which counts is about, either one of two that were compared; `done`: those with as
    many as are wanted; `ratings` of `wanted`, a comparison being that of its first response.
    """

    round_number: int
    stratum: str
    responses: int
    rated: int
    done: int
    ratings: int
    wanted: int


class Coverage(Database):
    """What raters who count have said, without the texts."""

    def coverage(self) -> list[StratumCoverage]:
        """Of every round and stratum, imported responses too."""
        given = (
            trusted_ratings()
            .with_only_columns(_g.response_id, sa.func.count().label("n"))
            .where(_g.verdict.in_(COUNTING))
            .group_by(_g.response_id)
            .subquery()
        )
        counting = trusted_ratings().where(_g.verdict.in_(COUNTING))
        second = counting.with_only_columns(_g.other_id).where(_g.other_id.is_not(None))
        is_rated = given.c.n.is_not(None) | _r.id.in_(second)
        n = sa.func.coalesce(given.c.n, 0)
        query = (
            sa.select(
                _r.round_number,
                _r.stratum,
                sa.func.count().label("responses"),
                sa.func.sum(sa.case((is_rated, 1), else_=0)).label("rated"),
                sa.func.sum(sa.case((n >= _r.overlap, 1), else_=0)).label("done"),
                sa.func.sum(n).label("ratings"),
                sa.func.sum(_r.overlap).label("wanted"),
            )
            .outerjoin(given, given.c.response_id == _r.id)
            .group_by(_r.round_number, _r.stratum)
            .order_by(_r.round_number, _r.stratum)
        )
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return [
            StratumCoverage(
                round_number=row.round_number,
                stratum=row.stratum,
                responses=row.responses,
                rated=int(row.rated),
                done=int(row.done),
                ratings=int(row.ratings),
                wanted=int(row.wanted),
            )
            for row in rows
        ]

    def counted_ratings(self) -> list[Any]:
        """What they say now, by id: response_id, other_id, rater_id, verdict, scale and score."""
        columns = (_g.response_id, _g.other_id, _g.rater_id, _g.verdict, _g.scale, _g.score)
        with self.reading() as connection:
            return list(connection.execute(trusted_ratings().with_only_columns(*columns).order_by(_g.id)))
