"""What a rater's screen shows beside the card, in one look at the database: this runs at every rating."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rater_data.lifecycle import RATABLE_STATES, Round
from rater_data.records import Rating
from rater_data.scales import COUNTING, Scale
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import rating_columns, rating_of
from rater_data.store.rounds.round_states import round_in
from rater_data.store.rounds.rounds import trusted_ratings
from rater_data.store.rounds.settings import FIRST_GUIDELINE, scale_in, setting_in

_g, _r = t.ratings.c, t.responses.c
_OF_ROUND = (
    trusted_ratings()
    .with_only_columns(sa.func.count())
    .join(t.responses, _r.id == _g.response_id)
    .where(_r.round_number == sa.bindparam("round"), _g.verdict.in_(COUNTING))
)
_MINE = (
    sa.select(
        sa.func.coalesce(sa.func.sum(sa.case((_g.given_at >= sa.bindparam("midnight"), 1), else_=0)), 0),
        sa.func.coalesce(sa.func.sum(sa.case((_g.given_at >= sa.bindparam("began"), 1), else_=0)), 0),
    )
    .where(_g.rater_id == sa.bindparam("rater"), _g.is_current)
    .where(_g.given_at >= sa.bindparam("earliest"))
)
_LAST = (
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
_GUIDELINE = sa.select(sa.func.max(t.guidelines.c.version))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What raters judge by now: the scale, the guidelines' version, and what a setting says is asked beside."""

    scale: Scale
    guideline_version: int
    asked: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The latest round and how many ratings fill it; this rater's ratings since midnight and since it began.

    `last`: their newest rating, and whether it can be taken back: not sealed yet, of a round that deals cards.
    """

    rules: Rules
    round: Round | None
    ratings: int
    today: int
    in_round: int
    last: Rating | None
    last_open: bool


class Desks(Database):
    """Rules and desks."""

    def rules(self, asked: str) -> Rules:
        """`asked`: the name of the setting that says what is asked beside the score."""
        with self.reading() as connection:
            return _rules(connection, asked)

    def desk(self, rater_id: int, midnight: float, asked: str) -> Desk:
        """What the screen of this rater shows now."""
        with self.reading() as connection:
            found = round_in(connection)
            began = found.created_at if found else midnight
            where = {
                "rater": rater_id,
                "midnight": midnight,
                "began": began,
                "earliest": min(midnight, began),
            }
            today, in_round = connection.execute(_MINE, where).one()
            last = connection.execute(_LAST, {"rater": rater_id}).mappings().one_or_none()
            return Desk(
                rules=_rules(connection, asked),
                round=found,
                ratings=connection.scalar(_OF_ROUND, {"round": found.number}) if found else 0,
                today=int(today),
                in_round=int(in_round) if found else 0,
                last=None if last is None else rating_of(last),
                last_open=last is not None and last["round_state"] in RATABLE_STATES and not last["sealed"],
            )


def _rules(connection: sa.Connection, asked: str) -> Rules:
    return Rules(
        scale=scale_in(connection),
        guideline_version=connection.scalar(_GUIDELINE) or FIRST_GUIDELINE,
        asked=setting_in(connection, asked, {}),
    )
