"""How each rater works, for the operator."""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from rater_data import schema as t
from rater_data.database import Database
from rater_data.records import RaterStats, User
from rater_data.rows import user_columns, user_of
from rater_data.scales import REMOVED, SCALES, VERDICTS

if TYPE_CHECKING:
    import pandas as pd


class Stats(Database):
    """What is known of raters."""

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
