"""The state of a round: the only module that writes the table of rounds.

Which steps there are is a table in `lifecycle`; whoever moves a round on comes through here, so that no step is taken
that the table does not know.
"""

from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.checks import to_json_value
from rater_data.errors import Missing, Refused
from rater_data.lifecycle import ROUND_STATES, Round, next_states
from rater_data.records import IMPORTED_ROUND
from rater_data.store.database import schema as t
from rater_data.store.database.rows import round_of


def find_round(connection: sa.Connection, number: int | None = None) -> Round | None:
    """The round of a number, or the latest that began here; None when there is none."""
    query = sa.select(t.rounds)
    if number is None:
        query = query.where(t.rounds.c.number != IMPORTED_ROUND).order_by(t.rounds.c.number.desc()).limit(1)
    else:
        query = query.where(t.rounds.c.number == number)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else round_of(row)


def require_round(connection: sa.Connection, number: int) -> Round:
    """The round of a number. Raises Missing."""
    round_ = find_round(connection, number)
    if round_ is None:
        raise Missing(f"There is no round {number}.")
    return round_


def create_round(
    connection: sa.Connection,
    number: int,
    state: str,
    config: dict[str, Any],
    version_number: int | None,
    now: float,
) -> Round:
    """A new round: "generating" when it begins here, "published" when an import brings it along."""
    row = {
        "number": number,
        "state": state,
        "config": to_json_value(config),
        "version_number": version_number,
        "created_at": now,
        "updated_at": now,
    }
    connection.execute(t.rounds.insert().values(row))
    return require_round(connection, number)


def move_round(connection: sa.Connection, round_: Round, state: str, now: float, **values: Any) -> None:
    """Moves a round on. Raises Refused for a step that the states do not allow, BadInput for no state."""
    checks.one_of("The state of a round", state, ROUND_STATES)
    allowed = next_states(round_.state, imported=round_.number == IMPORTED_ROUND)
    if state not in allowed:
        raise Refused(
            f"Round {round_.number} is {round_.state}: from there it goes to {' or '.join(allowed) or 'nowhere'}, "
            f"not to {state}."
        )
    changes = {"state": state, "updated_at": now} | values
    connection.execute(t.rounds.update().where(t.rounds.c.number == round_.number).values(changes))


def move_rounds_that_may(
    connection: sa.Connection, where: sa.ColumnElement[bool], state: str, now: float, **values: Any
) -> None:
    """Moves those rounds (never round 0) that may take this step; the others stay where they are."""
    query = sa.select(t.rounds).where(where, t.rounds.c.number != IMPORTED_ROUND)
    for row in connection.execute(query).mappings().all():
        round_ = round_of(row)
        if state in next_states(round_.state):
            move_round(connection, round_, state, now, **values)


def set_round_version(connection: sa.Connection, number: int, version_number: int) -> None:
    """Which version a round counts as written by, where an import brought a newer one in it."""
    where = t.rounds.c.number == number
    connection.execute(t.rounds.update().where(where).values(version_number=version_number))
