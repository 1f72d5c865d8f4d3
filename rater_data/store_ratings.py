"""Ratings: giving one, taking it back, changing it, looking back.

Nothing is ever deleted. What was taken back or changed stays as a revision that is not current.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from rater_data import schema as t
from rater_data.database import Database
from rater_data.errors import AlreadyRated, BadInput, LeaseExpired, Missing, NotYours
from rater_data.queue import card_of, choice_of, is_free
from rater_data.records import Card, RatedResponse, Rating
from rater_data.reports import OPEN_FOR_CHANGE
from rater_data.rows import rating_columns, rating_of, rating_row
from rater_data.scales import COUNTING
from rater_data.store_journal import note
from rater_data.store_queue import LEASE_S, active_rater, drop_lease, put_lease
from rater_data.store_sealing import rated_of, rated_query

_latest_first = (t.ratings.c.given_at.desc(), t.ratings.c.id.desc())


def _find(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Rating | None:
    row = connection.execute(sa.select(*rating_columns()).where(where)).mappings().one_or_none()
    return None if row is None else rating_of(row)


def insert_rating(connection: sa.Connection, rating: Rating, given_at: float) -> Rating:
    """Stores a rating as the newest revision of its response and rater."""
    g = t.ratings.c
    newest = connection.scalar(
        sa.select(sa.func.max(g.revision)).where(
            g.response_id == rating.response_id, g.rater_id == rating.rater_id
        )
    )
    rating = replace(rating, revision=(newest or 0) + 1, is_current=True)
    key = connection.execute(t.ratings.insert().values(rating_row(rating, given_at))).inserted_primary_key
    return replace(rating, id=key[0])


class Ratings(Database):
    """Ratings."""

    def submit(self, rating: Rating, now: float | None = None) -> Rating:
        """Stores a rating and returns it with its id. The same key again returns the stored one, unchanged.

        Raises NotYours when the rater does not hold the card, LeaseExpired when they held it too long and
        somebody else has it, AlreadyRated when they have a current rating on it, BadInput for a key that was
        used for another card, Missing for an unknown response or rater.
        """
        now = time.time() if now is None else now
        g = t.ratings.c
        with self._write() as connection:
            held = active_rater(connection, rating.rater_id)
            stored = _find(connection, (g.rater_id == rating.rater_id) & (g.key == rating.key))
            if stored is not None:
                if stored.response_id != rating.response_id:
                    raise BadInput("This key was used for another card: give each decision a key of its own.")
                return stored
            self._check_card(connection, rating, held, now)
            drop_lease(connection, rating.rater_id)
            return insert_rating(connection, rating, now)

    def _check_card(self, connection: sa.Connection, rating: Rating, held: sa.Row[Any], now: float) -> None:
        g = t.ratings.c
        rater, response = rating.rater_id, rating.response_id
        if connection.scalar(sa.select(t.responses.c.id).where(t.responses.c.id == response)) is None:
            raise Missing(f"There is no response {response}.")
        current = (g.rater_id == rater) & (g.response_id == response) & g.is_current
        if connection.scalar(sa.select(g.id).where(current)) is not None:
            raise AlreadyRated(
                "You have rated this response already: change it in the list of your last ratings."
            )
        if held.response_id != response:
            raise NotYours("This card is not yours: take the next one and rate that.")
        if held.until <= now and not is_free(connection, response, rater, now):
            raise LeaseExpired("You held this card too long and it went to another rater: take the next one.")

    def undo(self, rater_id: int, now: float | None = None, lease_s: float = LEASE_S) -> Card:
        """Takes back the rater's latest rating and gives them its card again.

        Raises BadInput when there is none, when its round is sealed, or when it was a skip and somebody else
        has the card now.
        """
        now = time.time() if now is None else now
        g = t.ratings.c
        with self._write() as connection:
            name = active_rater(connection, rater_id).name
            query = sa.select(*rating_columns()).where(g.rater_id == rater_id, g.is_current)
            row = connection.execute(query.order_by(*_latest_first).limit(1)).mappings().one_or_none()
            if row is None:
                raise BadInput("There is nothing to undo: you have not rated anything yet.")
            rating = rating_of(row)
            self._check_open(connection, rating, "taken back")
            self._retire(connection, rating)
            if not is_free(connection, rating.response_id, rater_id, now):
                raise BadInput("Another rater has this card now: your answer stays as it is.")
            choice = choice_of(connection, rater_id, rating.response_id, now)
            put_lease(connection, rater_id, rating.response_id, now, now + lease_s)
            note(connection, name, "took back a rating", now, rating=rating.id)
            return card_of(connection, rater_id, choice)

    def revise(
        self,
        rating_id: int,
        rater_id: int,
        *,
        score: float | None,
        verdict: str = "rated",
        comment: str | None = None,
        flags: Iterable[str] | None = None,
        attributes: dict[str, Any] | None = None,
        now: float | None = None,
    ) -> Rating:
        """Changes a rating: a new current revision, the old one kept. What is None stays as it was.

        Asking again for the same change gives the revision that is there. Raises NotYours for a rating of
        somebody else, BadInput when the round is sealed or the rating was changed or taken back since,
        Missing.
        """
        now = time.time() if now is None else now
        with self._write() as connection:
            name = active_rater(connection, rater_id).name
            old = _find(connection, t.ratings.c.id == rating_id)
            if old is None:
                raise Missing(f"There is no rating {rating_id}.")
            if old.rater_id != rater_id:
                raise NotYours("This rating is somebody else's.")
            new = replace(
                old,
                id=None,
                score=score,
                verdict=verdict,
                comment=old.comment if comment is None else comment,
                flags=old.flags if flags is None else tuple(flags),
                attributes=old.attributes if attributes is None else attributes,
                submitted_at=now,
                key=f"{old.key}/{old.id}",
            )
            if not old.is_current:
                return self._same_change(connection, old, new)
            self._check_open(connection, old, "changed")
            given_at = connection.scalar(sa.select(t.ratings.c.given_at).where(t.ratings.c.id == rating_id))
            self._retire(connection, old)
            opens = verdict in COUNTING and old.verdict not in COUNTING
            if opens and not is_free(connection, old.response_id, rater_id, now):
                raise BadInput("Another rater has this card now: your answer stays as it is.")
            note(connection, name, "changed a rating", now, rating=rating_id)
            return insert_rating(connection, new, given_at)

    def _same_change(self, connection: sa.Connection, old: Rating, wanted: Rating) -> Rating:
        g = t.ratings.c
        found = _find(connection, (g.rater_id == old.rater_id) & (g.key == wanted.key) & g.is_current)
        said = ("score", "verdict", "comment", "flags", "attributes")
        if found is None or any(getattr(found, name) != getattr(wanted, name) for name in said):
            raise BadInput(
                "This rating was changed or taken back since: look at the list of your last ratings again."
            )
        return found

    def _check_open(self, connection: sa.Connection, rating: Rating, what: str) -> None:
        r = t.responses.c
        query = sa.select(t.rounds).join(t.responses, r.round_number == t.rounds.c.number)
        found = connection.execute(query.where(r.id == rating.response_id)).one()
        if found.state not in OPEN_FOR_CHANGE:
            raise BadInput(f"Round {found.number} is {found.state}: its ratings cannot be {what} any more.")

    def _retire(self, connection: sa.Connection, rating: Rating) -> None:
        connection.execute(t.ratings.update().where(t.ratings.c.id == rating.id).values(is_current=False))

    def recent(self, rater_id: int, n: int = 10) -> list[RatedResponse]:
        """The rater's last current ratings, latest first; a changed one keeps its place."""
        g = t.ratings.c
        query = rated_query().where(g.rater_id == rater_id, g.is_current).order_by(*_latest_first).limit(n)
        with self._read() as connection:
            return [rated_of(row) for row in connection.execute(query).mappings()]

    def ratings_by(self, rater_id: int, since: float | None = None) -> int:
        """How many current ratings, of any verdict, the rater gave (since a time)."""
        g = t.ratings.c
        query = sa.select(sa.func.count()).select_from(t.ratings).where(g.rater_id == rater_id, g.is_current)
        if since is not None:
            query = query.where(g.given_at >= since)
        with self._read() as connection:
            return connection.scalar(query)

    def rated(self, round_number: int | None = None) -> list[RatedResponse]:
        """All current ratings, or those on one round's responses, by id; excluded raters' too."""
        query = rated_query().where(t.ratings.c.is_current).order_by(t.ratings.c.id)
        if round_number is not None:
            query = query.where(t.responses.c.round_number == round_number)
        with self._read() as connection:
            return [rated_of(row) for row in connection.execute(query).mappings()]

    def revisions(self, after: int = 0, limit: int = 500) -> list[RatedResponse]:
        """Ratings of every revision by id, from the one after `after`: for reading all of them bit by bit."""
        query = rated_query().where(t.ratings.c.id > after).order_by(t.ratings.c.id).limit(limit)
        with self._read() as connection:
            return [rated_of(row) for row in connection.execute(query).mappings()]

    def count_ratings(self, *, current: bool = True, split: str | None = None) -> int:
        """How many ratings there are: current ones or all revisions, on prompts of a split or on all."""
        query = sa.select(sa.func.count()).select_from(t.ratings)
        if current:
            query = query.where(t.ratings.c.is_current)
        if split is not None:
            query = query.join(t.responses).join(t.prompts).where(t.prompts.c.split == split)
        with self._read() as connection:
            return connection.scalar(query) or 0
