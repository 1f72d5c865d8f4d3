"""Cards: what a rater holds. A rater holds one card at a time, until its lease runs out."""

import time

import sqlalchemy as sa

from rater_data import schema as t
from rater_data.database import Database
from rater_data.errors import BadInput, Missing, NotYours
from rater_data.queue import card_of, is_free, next_response, open_round
from rater_data.records import Card
from rater_data.reports import RATABLE
from rater_data.store_people import user_in

LEASE_S = 600.0


def put_lease(
    connection: sa.Connection, rater_id: int, response_id: int, shown_at: float, until: float
) -> None:
    """Gives a card to a rater; what they held before goes back."""
    drop_lease(connection, rater_id)
    connection.execute(
        t.leases.insert().values(rater_id=rater_id, response_id=response_id, shown_at=shown_at, until=until)
    )


def drop_lease(connection: sa.Connection, rater_id: int) -> None:
    connection.execute(t.leases.delete().where(t.leases.c.rater_id == rater_id))


def active_rater(connection: sa.Connection, rater_id: int) -> None:
    """Raises Missing for nobody, NotYours for somebody who was kept out."""
    user = user_in(connection, rater_id)
    if not user.active:
        raise NotYours(f"{user.name} has no access any more: ask the operator.")


class Queue(Database):
    """The next card, and keeping it."""

    def next_card(self, rater_id: int, now: float | None = None, lease_s: float = LEASE_S) -> Card | None:
        """The card this rater holds, else the next one that is free for them, leased for `lease_s` seconds.

        None when there is nothing. See `queue` for the order. Raises Missing or NotYours for a rater who is
        not let in.
        """
        now = time.time() if now is None else now
        if lease_s <= 0:
            raise BadInput(f"A lease has to last some seconds, not {lease_s:g}.")
        with self._write() as connection:
            active_rater(connection, rater_id)
            held = connection.execute(_held(rater_id)).one_or_none()
            if held is not None and _still_good(connection, held, rater_id, now):
                # a look at the card is a sign of life; a card that had run out is shown anew
                shown_at = held.shown_at if held.until > now else now
                put_lease(connection, rater_id, held.response_id, shown_at, max(held.until, now + lease_s))
                return card_of(connection, rater_id, held.response_id, now)
            number = open_round(connection)
            response_id = None if number is None else next_response(connection, rater_id, number, now)
            if response_id is None:
                drop_lease(connection, rater_id)
                return None
            put_lease(connection, rater_id, response_id, now, now + lease_s)
            return card_of(connection, rater_id, response_id, now)

    def heartbeat(
        self, rater_id: int, response_id: int, lease_s: float = LEASE_S, now: float | None = None
    ) -> None:
        """The rater is still reading.

        The lease lasts another `lease_s` seconds. Raises Missing when it is gone.
        """
        now = time.time() if now is None else now
        with self._write() as connection:
            held = connection.execute(_held(rater_id)).one_or_none()
            lost = held is None or held.response_id != response_id
            if lost or (held.until <= now and not is_free(connection, response_id, rater_id, now)):
                raise Missing(
                    "This card is not yours any more: it went back to the others. Take the next one."
                )
            until = max(held.until, now + lease_s)
            connection.execute(t.leases.update().where(t.leases.c.rater_id == rater_id).values(until=until))

    def release(self, rater_id: int) -> None:
        """The rater gives back what they hold."""
        with self._write() as connection:
            drop_lease(connection, rater_id)


def _held(rater_id: int) -> sa.Select:
    lease = t.leases.c
    return (
        sa.select(lease.response_id, lease.shown_at, lease.until, t.rounds.c.state)
        .join(t.responses, t.responses.c.id == lease.response_id)
        .join(t.rounds, t.rounds.c.number == t.responses.c.round_number)
        .where(lease.rater_id == rater_id)
    )


def _still_good(connection: sa.Connection, held: sa.Row, rater_id: int, now: float) -> bool:
    """A live lease holds; one that ran out only if nobody else took the card. Closed rounds have no cards."""
    if held.state not in RATABLE:
        return False
    return held.until > now or is_free(connection, held.response_id, rater_id, now)
