"""What the rating screen shows beside the card, in one read transaction: this runs at every rating."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rater_data.lifecycle import RATABLE_STATES, Round
from rater_data.records import Rating
from rater_data.round_settings import QUESTIONS
from rater_data.scales import COUNTING, Scale
from rater_data.store.cards.large_rounds import is_large
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import rating_columns, rating_of
from rater_data.store.rounds.round_states import find_round
from rater_data.store.rounds.rounds import trusted_ratings
from rater_data.store.rounds.settings import FIRST_GUIDELINE, read_scale, read_setting

_g, _r = t.ratings.c, t.responses.c
_RATINGS_OF_ROUND = (
    trusted_ratings()
    .with_only_columns(sa.func.count())
    .join(t.responses, _r.id == _g.response_id)
    .where(_r.round_number == sa.bindparam("round"), _g.verdict.in_(COUNTING))
)
_RATINGS_OF_RATER = (
    sa.select(
        sa.func.coalesce(sa.func.sum(sa.case((_g.given_at >= sa.bindparam("midnight"), 1), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.case((_g.given_at >= sa.bindparam("began"), 1), else_=0)), 0),
    )
    .where(_g.rater_id == sa.bindparam("rater"), _g.is_current, _g.verdict.in_(COUNTING))
    .where(_g.given_at >= sa.bindparam("earliest"))
)
_LAST_RATING = (
    sa.select(
        *rating_columns(),
        t.rounds.c.state.label("round_state"),
        sa.exists().where(t.snapshot_ratings.c.rating_id == _g.id).label("sealed"),
    )
    .join(t.responses, _r.id == _g.response_id)
    .join(t.rounds, t.rounds.c.number == _r.round_number)
    .where(_g.rater_id == sa.bindparam("rater"), _g.is_current)
    .order_by(_g.given_at.desc(), _g.id.desc())
    .limit(1)
)
_NEWEST_GUIDELINE = sa.select(sa.func.max(t.guidelines.c.version))


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRules:
    """What a rating has to go by now: the scale, the guidelines' version, and the setting of further questions."""

    scale: Scale
    guideline_version: int
    questions: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenContext:
    """The latest round and how many ratings fill it; this rater's since midnight and since it began, skips not counted.

    `last`: their newest rating, and whether it can be taken back: not sealed yet, of a round that deals cards.
    """

    rules: RatingRules
    round: Round | None
    ratings: int
    today: int
    in_round: int
    last: Rating | None
    last_open: bool


class ScreenContexts(Database):
    """What the rating screen needs besides its card."""

    def rating_rules(self) -> RatingRules:
        """What a rating has to go by now."""
        with self.reading() as connection:
            return _rating_rules(connection)

    def screen_context(self, rater_id: int, midnight: float) -> ScreenContext:
        """What the screen of this rater shows now. `midnight`: when the rater's day began."""
        with self.reading() as connection:
            round_ = find_round(connection)
            began = round_.created_at if round_ else midnight
            where = {
                "rater": rater_id,
                "midnight": midnight,
                "began": began,
                "earliest": min(midnight, began),
            }
            today, in_round = connection.execute(_RATINGS_OF_RATER, where).one()
            last = connection.execute(_LAST_RATING, {"rater": rater_id}).mappings().one_or_none()
            ratings = self._count_ratings(connection, round_.number) if round_ else 0
            return ScreenContext(
                rules=_rating_rules(connection),
                round=round_,
                ratings=ratings,
                today=int(today),
                in_round=int(in_round) if round_ else 0,
                last=None if last is None else rating_of(last),
                last_open=last is not None and last["round_state"] in RATABLE_STATES and not last["sealed"],
            )

    def lately(self, round_number: int, question: Hashable, ask: Callable[[], Any]) -> Any:
        """What `ask` says of a round; of a large one what it said a moment ago, to whoever asked `question`."""
        with self.reading() as connection:
            large = is_large(connection, round_number)
        return self.recent_answers.get((question, round_number), ask) if large else ask()

    def _count_ratings(self, connection: sa.Connection, round_number: int) -> int:
        """How many ratings fill a round; of a large one as it was a moment ago."""

        def ask() -> int:
            return connection.scalar(_RATINGS_OF_ROUND, {"round": round_number}) or 0

        if not is_large(connection, round_number):
            return ask()
        count: int = self.recent_answers.get(("ratings of round", round_number), ask)
        return count


def _rating_rules(connection: sa.Connection) -> RatingRules:
    return RatingRules(
        scale=read_scale(connection),
        guideline_version=connection.scalar(_NEWEST_GUIDELINE) or FIRST_GUIDELINE,
        questions=read_setting(connection, QUESTIONS, {}),
    )
