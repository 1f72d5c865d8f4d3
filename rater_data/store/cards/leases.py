"""Cards: what a rater holds. A rater holds one card at a time, until its lease runs out."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data.errors import BadInput, Missing, NotYours
from rater_data.lifecycle import RATABLE_STATES
from rater_data.records import Card
from rater_data.store.cards.card_order import (
    card_of,
    choice_of,
    has_compared,
    is_free,
    next_choice,
    open_rounds,
)
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.recent_answers import RecentAnswers
from rater_data.store.rounds.settings import read_scale

LEASE_S = 600.0

_l = t.leases.c
_DROP = t.leases.delete().where(_l.rater_id == sa.bindparam("rater"))
_RATER = (
    sa.select(
        t.users.c.name,
        t.users.c.active,
        _l.response_id,
        _l.other_id,
        _l.shown_at,
        _l.until,
        t.rounds.c.state.label("round_state"),
    )
    .select_from(t.users)
    .outerjoin(t.leases, _l.rater_id == t.users.c.id)
    .outerjoin(t.responses, t.responses.c.id == _l.response_id)
    .outerjoin(t.rounds, t.rounds.c.number == t.responses.c.round_number)
    .where(t.users.c.id == sa.bindparam("rater"))
)


def active_rater(connection: sa.Connection, rater_id: int) -> sa.Row[*tuple[Any, ...]]:
    """A rater and what they hold: name, response_id (or None), other_id, shown_at, until, round_state.

    Raises Missing for nobody, NotYours for somebody who was kept out.
    """
    row = connection.execute(_RATER, {"rater": rater_id}).one_or_none()
    if row is None:
        raise Missing(f"There is no user {rater_id}.")
    if not row.active:
        raise NotYours(f"{row.name} has no access any more: ask the operator.")
    return row


def put_lease(
    connection: sa.Connection,
    rater_id: int,
    response_id: int,
    other_id: int | None,
    shown_at: float,
    until: float,
) -> None:
    """Gives a card to a rater; what they held before goes back."""
    drop_lease(connection, rater_id)
    card = {"rater_id": rater_id, "response_id": response_id, "other_id": other_id}
    connection.execute(t.leases.insert(), card | {"shown_at": shown_at, "until": until})


def deal_card(
    connection: sa.Connection, rater_id: int, now: float, lease_s: float, recent: RecentAnswers
) -> Card | None:
    """The card this rater holds, else the next one that is free for them, leased. See CardLeases.next_card."""
    held = active_rater(connection, rater_id)
    paired = read_scale(connection).paired
    if _can_keep(connection, held, rater_id, now) and paired == (held.other_id is not None):
        # a look at the card is a sign of life; a card that had run out is shown anew
        shown_at = held.shown_at if held.until > now else now
        choice = choice_of(connection, rater_id, held.response_id, held.other_id, now)
        until = max(held.until, now + lease_s)
        put_lease(connection, rater_id, held.response_id, held.other_id, shown_at, until)
        return card_of(connection, rater_id, choice)
    choices = (next_choice(connection, rater_id, n, now, recent, paired) for n in open_rounds(connection))
    free = next((choice for choice in choices if choice is not None), None)
    if free is None:
        if held.response_id is not None:
            drop_lease(connection, rater_id)
        return None
    put_lease(connection, rater_id, free.response_id, free.other_id, now, now + lease_s)
    return card_of(connection, rater_id, free)


def drop_lease(connection: sa.Connection, rater_id: int) -> None:
    connection.execute(_DROP, {"rater": rater_id})


class CardLeases(Database):
    """The next card, its lease, and giving it back."""

    def next_card(self, rater_id: int, now: float | None = None, lease_s: float = LEASE_S) -> Card | None:
        """The card this rater holds, else the next one that is free for them, leased for `lease_s` seconds.

        None when there is nothing. See `card_order` for the order. Raises Missing or NotYours for a rater who is
        not let in.
        """
        now = time.time() if now is None else now
        if lease_s <= 0:
            raise BadInput(f"A lease has to last some seconds, not {lease_s:g}.")
        with self.writing() as connection:
            return deal_card(connection, rater_id, now, lease_s, self.recent_answers)

    def heartbeat(
        self, rater_id: int, response_id: int, lease_s: float = LEASE_S, now: float | None = None
    ) -> None:
        """The rater is still reading: the lease lasts another `lease_s` seconds.

        Raises Missing when it is gone, NotYours for a rater who was kept out.
        """
        now = time.time() if now is None else now
        with self.writing() as connection:
            held = active_rater(connection, rater_id)
            if held.response_id != response_id or not _can_keep(connection, held, rater_id, now):
                raise Missing(
                    "This card is not yours any more: it went back to the others. Take the next one."
                )
            until = max(held.until, now + lease_s)
            connection.execute(t.leases.update().where(_l.rater_id == rater_id).values(until=until))

    def raters_at_work(self, left_s: float, now: float | None = None) -> int:
        """How many raters hold a card for at least another `left_s` seconds: the later, the fresher their last sign."""
        now = time.time() if now is None else now
        query = sa.select(sa.func.count()).select_from(t.leases).where(_l.until >= now + left_s)
        with self.reading() as connection:
            return connection.scalar(query) or 0

    def release(self, rater_id: int) -> None:
        """The rater gives back what they hold."""
        with self.writing() as connection:
            drop_lease(connection, rater_id)


def _can_keep(connection: sa.Connection, held: sa.Row[*tuple[Any, ...]], rater_id: int, now: float) -> bool:
    """A live lease holds; one that ran out only if nobody else took the card. Closed rounds have no cards."""
    if held.round_state not in RATABLE_STATES:
        return False
    if held.other_id is not None and has_compared(connection, rater_id, held.response_id, held.other_id):
        return False  # an import may have brought their answer meanwhile
    return held.until > now or is_free(connection, held.response_id, rater_id, now)
