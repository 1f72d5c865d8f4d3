"""How each rater works, and how far rounds were rated, for the operator."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from rater_data import schema as t
from rater_data.database import Database
from rater_data.records import RaterStats, User
from rater_data.rows import user_columns, user_of
from rater_data.scales import COUNTING, REMOVED, SCALES, VERDICTS
from rater_data.store_rounds import trusted_ratings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How far a stratum of a round was rated.

    `rated`: responses with a rating that counts; `done`: those with as many as are wanted; `ratings` of `wanted`.
    """

    round_number: int
    stratum: str
    responses: int
    rated: int
    done: int
    ratings: int
    wanted: int


class Stats(Database):
    """What is known of raters, and how far rounds were rated."""

    def coverage(self) -> list[Coverage]:
        """Of every round and stratum, imported responses too; by raters who count."""
        r, g = t.responses.c, t.ratings.c
        given = (
            trusted_ratings()
            .with_only_columns(g.response_id, sa.func.count().label("n"))
            .where(g.verdict.in_(COUNTING))
            .group_by(g.response_id)
            .subquery()
        )
        n = sa.func.coalesce(given.c.n, 0)
        query = (
            sa.select(
                r.round_number,
                r.stratum,
                sa.func.count().label("responses"),
                sa.func.sum(sa.case((n > 0, 1), else_=0)).label("rated"),
                sa.func.sum(sa.case((n >= r.overlap, 1), else_=0)).label("done"),
                sa.func.sum(n).label("ratings"),
                sa.func.sum(r.overlap).label("wanted"),
            )
            .outerjoin(given, given.c.response_id == r.id)
            .group_by(r.round_number, r.stratum)
            .order_by(r.round_number, r.stratum)
        )
        with self._read() as connection:
            rows = connection.execute(query).all()
        return [
            Coverage(**{k: v if k == "stratum" else int(v) for k, v in row._mapping.items()}) for row in rows
        ]

    def counting(self) -> list[Any]:
        """What raters who count say now, by id: response_id, rater_id, verdict, scale and score, no texts."""
        g = t.ratings.c
        query = trusted_ratings().with_only_columns(g.response_id, g.rater_id, g.verdict, g.scale, g.score)
        with self._read() as connection:
            return list(connection.execute(query.order_by(g.id)))

    def rater_stats(self) -> list[RaterStats]:
        """One row for everybody who has rated, in the order they joined; excluded raters too."""
        g = t.ratings.c
        columns = (g.response_id, g.rater_id, g.verdict, g.scale, g.score, g.active_ms, g.submitted_at)
        with self._read() as connection:
            users = [user_of(r) for r in connection.execute(sa.select(*user_columns())).mappings()]
            rows = connection.execute(sa.select(*columns).where(g.is_current, g.verdict != REMOVED)).all()
        # pandas takes half a second to import: only the operator's page pays for it
        import pandas as pd

        from rater_data.agreement import agreement_by_rater

        frame = pd.DataFrame(rows, columns=[c.name for c in columns])
        lowest = {v.name: v.lowest for v in VERDICTS.values()}
        low = frame["scale"].map({s.name: float(s.low) for s in SCALES.values()})
        taught = frame.assign(score=frame["score"].where(~frame["verdict"].map(lowest).astype(bool), low))
        taught = taught.astype({"score": "float64"}).dropna(subset=["score"])
        agreement = agreement_by_rater(taught)
        by_rater = dict(iter(frame.groupby("rater_id")))
        scores = taught.groupby("rater_id")["score"].agg(["mean", "std"])
        return [
            _stats_of(user, by_rater[user.id], scores, agreement.get(user.id))
            for user in sorted(users, key=lambda user: user.id)
            if user.id in by_rater
        ]


def _stats_of(user: User, own: "pd.DataFrame", scores: "pd.DataFrame", agreement: float | None) -> RaterStats:
    mean, sd = scores.loc[user.id] if user.id in scores.index else (None, None)
    return RaterStats(
        user=user,
        ratings=len(own),
        median_s=float(own["active_ms"].median()) / 1000,
        mean=None if mean is None else float(mean),
        # the sd of one score is not known
        sd=None if sd is None or sd != sd else float(sd),
        last_seen=float(own["submitted_at"].max()),
        agreement=agreement,
    )
