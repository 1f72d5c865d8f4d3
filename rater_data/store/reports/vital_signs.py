"""Numbers that are asked for every few seconds, for as long as a server runs: each a look-up or a small table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext

from rater_data.scales import COUNTING
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.migrate import newest_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class LastStep:
    """The newest step of training; `seconds` since the one before it, None for a round's first."""

    round_number: int
    step: int
    at: float
    seconds: float | None
    metrics: Mapping[str, Any]


@cache  # the migrations are files, which stay as they are while a server runs
def _expected_schema() -> str:
    return newest_schema()


class VitalSigns(Database):
    """Is the store there, and what is going on in it?"""

    def has_expected_schema(self) -> bool:
        """Whether the database is as this program writes it. Raises Unavailable where it does not answer."""
        with self.reading() as connection:
            return MigrationContext.configure(connection).get_current_revision() == _expected_schema()

    def count_ratings_after(self, after_id: int) -> tuple[int, int]:
        """How many ratings, revisions included, have a higher id than this, and the highest id that there is.

        No rating is ever deleted: whoever adds up what came since the last call has all of them.
        """
        query = sa.select(sa.func.count(), sa.func.max(t.ratings.c.id)).where(t.ratings.c.id > after_id)
        with self.reading() as connection:
            count, highest = connection.execute(query).one()
        return int(count), int(highest or after_id)

    def recent_times(self, most: int = 200) -> list[int]:
        """Milliseconds in view of the newest cards that somebody rated here; of imported ones nobody knows."""
        g = t.ratings.c
        query = sa.select(g.active_ms).where(g.is_current, g.verdict.in_(COUNTING), g.active_ms > 0)
        with self.reading() as connection:
            return list(connection.scalars(query.order_by(g.id.desc()).limit(most)))

    def count_prompts(self, split: str) -> int:
        """How many prompts of a split are in use."""
        p = t.prompts.c
        query = sa.select(sa.func.count()).where(p.split == split, p.retired_at.is_(None))
        with self.reading() as connection:
            return connection.scalar(query) or 0

    def job_counts(self) -> dict[tuple[str, str], int]:
        """How many jobs there are of each kind and state."""
        query = sa.select(t.jobs.c.kind, t.jobs.c.state, sa.func.count()).group_by(
            t.jobs.c.kind, t.jobs.c.state
        )
        with self.reading() as connection:
            return {(kind, state): int(count) for kind, state, count in connection.execute(query)}

    def last_step(self) -> LastStep | None:
        """The newest step of training, of any round."""
        columns = (t.steps.c.round_number, t.steps.c.step, t.steps.c.at, t.steps.c.metrics)
        query = sa.select(*columns).order_by(t.steps.c.round_number.desc(), t.steps.c.step.desc()).limit(2)
        with self.reading() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return None
        newest, *before = rows
        is_next = bool(before) and before[0].round_number == newest.round_number
        return LastStep(
            round_number=newest.round_number,
            step=newest.step,
            at=newest.at,
            seconds=newest.at - before[0].at if is_next else None,
            metrics=newest.metrics,
        )
