"""Ratings: giving one, taking it back, changing it, looking back.

Nothing is ever deleted. What was taken back or changed stays as a revision that is not current.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from rater_data.errors import AlreadyRated, BadInput, LeaseExpired, Missing, NotYours
from rater_data.lifecycle import RATABLE_STATES
from rater_data.records import Card, RatedResponse, Rating, judged_ids
from rater_data.scales import COUNTING, REMOVED, SCALES
from rater_data.store.cards.card_order import card_of, choice_of, is_free, is_swapped
from rater_data.store.cards.leases import LEASE_S, active_rater, deal_card, drop_lease, put_lease
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import rating_columns, rating_of, rating_row
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.rounds import is_imported
from rater_data.store.rounds.snapshots import rated_response_of, rated_responses_query

TWICE = "You have rated this response already: change it in the list of your last ratings."

_g = t.ratings.c
_latest_first = (_g.given_at.desc(), _g.id.desc())
# Built once: these run at every submit
_RATINGS = sa.select(*rating_columns())
_BY_KEY = _RATINGS.where(_g.rater_id == sa.bindparam("rater"), _g.key == sa.bindparam("key"))
_REVISIONS = sa.select(_g.revision, _g.is_current).where(
    _g.low_id == sa.bindparam("low"), _g.high_id == sa.bindparam("high"), _g.rater_id == sa.bindparam("rater")
)
_INSERT = t.ratings.insert()


def _find_rating(connection: sa.Connection, query: sa.Select[Any], **values: Any) -> Rating | None:
    row = connection.execute(query, values).mappings().one_or_none()
    return None if row is None else rating_of(row)


def insert_rating(connection: sa.Connection, rating: Rating, given_at: float) -> Rating:
    """Stores a rating as the newest revision of what this rater said of the response, or of the two.

    Raises AlreadyRated when one of those is current.
    """
    low, high = judged_ids(rating.response_id, rating.other_id)
    where = {"low": low, "high": high, "rater": rating.rater_id}
    earlier = connection.execute(_REVISIONS, where).all()
    if any(row.is_current for row in earlier):
        raise AlreadyRated(TWICE)
    newest = max((row.revision for row in earlier), default=0)
    rating = replace(rating, revision=newest + 1, is_current=True)
    key = connection.execute(_INSERT, rating_row(rating, given_at)).inserted_primary_key
    assert key is not None, "one row was inserted"
    return replace(rating, id=key[0])


def _submit(connection: sa.Connection, rating: Rating, now: float) -> Rating:
    held = active_rater(connection, rating.rater_id)
    stored = _find_rating(connection, _BY_KEY, rater=rating.rater_id, key=rating.key)
    if stored is not None:
        if stored.response_id != rating.response_id:
            raise BadInput("This key was used for another card: give each decision a key of its own.")
        return stored
    if held.response_id != rating.response_id:
        _explain_not_held(connection, rating)
        raise NotYours("This card is not yours: take the next one and rate that.")
    if SCALES[rating.scale].paired != (held.other_id is not None):
        raise NotYours("This card was dealt on another scale: take it anew and rate that.")
    swapped = held.other_id is not None and is_swapped(rating.rater_id, rating.response_id)
    if held.until <= now and not is_free(connection, rating.response_id, rating.rater_id, now):
        raise LeaseExpired("You held this card too long and it went to another rater: take the next one.")
    drop_lease(connection, rating.rater_id)
    return insert_rating(connection, replace(rating, other_id=held.other_id, swapped=swapped), now)


def _explain_not_held(connection: sa.Connection, rating: Rating) -> None:
    """Raises what is more to the point than "not yours" about a card that the rater does not hold."""
    known = sa.select(t.responses.c.id).where(t.responses.c.id == rating.response_id)
    if connection.scalar(known) is None:
        raise Missing(f"There is no response {rating.response_id}.")
    current = (_g.rater_id == rating.rater_id) & (_g.response_id == rating.response_id) & _g.is_current
    if connection.scalar(sa.select(_g.id).where(current)) is not None:
        raise AlreadyRated(TWICE)


class Ratings(Database):
    """Ratings."""

    def submit(self, rating: Rating, now: float | None = None) -> Rating:
        """Stores a rating and returns it with its id. The same key again returns the stored one, unchanged.

        Raises NotYours when the rater does not hold the card, LeaseExpired when they held it too long and
        somebody else has it, AlreadyRated when they have a current rating on it, BadInput for a key that was
        used for another card, Missing for an unknown response or rater.
        """
        now = time.time() if now is None else now
        with self.writing() as connection:
            return _submit(connection, rating, now)

    def submit_and_deal(
        self, rating: Rating, now: float | None = None, lease_s: float = LEASE_S
    ) -> tuple[Rating, Card | None]:
        """`submit`, then `next_card`, in one transaction: the disk is waited for once and not twice."""
        now = time.time() if now is None else now
        with self.writing() as connection:
            stored = _submit(connection, rating, now)
            return stored, deal_card(connection, rating.rater_id, now, lease_s, self.recent_answers)

    def undo(self, rater_id: int, now: float | None = None, lease_s: float = LEASE_S) -> Card:
        """Takes back the rater's latest rating and gives them its card again.

        Raises BadInput when there is none, when it was sealed, when its round has no cards any more, or when it
        was a skip and somebody else has the card now.
        """
        now = time.time() if now is None else now
        with self.writing() as connection:
            name = active_rater(connection, rater_id).name
            query = _RATINGS.where(_g.rater_id == rater_id, _g.is_current)
            rating = _find_rating(connection, query.order_by(*_latest_first).limit(1))
            if rating is None:
                raise BadInput("There is nothing to undo: you have not rated anything yet.")
            round_ = self._check_open(connection, rating, "taken back")
            if round_.state not in RATABLE_STATES:
                raise BadInput(
                    f"Round {round_.number} is {round_.state} and deals no cards: change your answer in the list of "
                    "your last ratings."
                )
            self._retire(connection, rating)
            if not is_free(connection, rating.response_id, rater_id, now):
                raise BadInput("Another rater has this card now: your answer stays as it is.")
            choice = choice_of(connection, rater_id, rating.response_id, rating.other_id, now)
            put_lease(connection, rater_id, rating.response_id, rating.other_id, now, now + lease_s)
            record_event(connection, name, "took back a rating", now, rating=rating.id)
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
        somebody else, BadInput when the rating was sealed or was changed or taken back since, Missing.
        """
        now = time.time() if now is None else now
        with self.writing() as connection:
            name = active_rater(connection, rater_id).name
            old = _find_rating(connection, _RATINGS.where(_g.id == rating_id))
            if old is None:
                raise Missing(f"There is no rating {rating_id}.")
            if old.rater_id != rater_id:
                raise NotYours("This rating is somebody else's.")
            if old.verdict == REMOVED:
                raise BadInput("This rating was removed: it cannot be changed any more.")
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
                return self._find_same_change(connection, old, new)
            self._check_open(connection, old, "changed")
            given_at = connection.execute(sa.select(_g.given_at).where(_g.id == rating_id)).scalar_one()
            self._retire(connection, old)
            opens = verdict in COUNTING and old.verdict not in COUNTING
            if opens and not is_free(connection, old.response_id, rater_id, now):
                raise BadInput("Another rater has this card now: your answer stays as it is.")
            record_event(connection, name, "changed a rating", now, rating=rating_id)
            return insert_rating(connection, new, given_at)

    def _find_same_change(self, connection: sa.Connection, old: Rating, wanted: Rating) -> Rating:
        stored = _find_rating(connection, _BY_KEY.where(_g.is_current), rater=old.rater_id, key=wanted.key)
        fields = ("score", "verdict", "comment", "flags", "attributes")
        if stored is None or any(getattr(stored, name) != getattr(wanted, name) for name in fields):
            raise BadInput(
                "This rating was changed or taken back since: look at the list of your last ratings again."
            )
        return stored

    def _check_open(self, connection: sa.Connection, rating: Rating, what: str) -> sa.Row[Any]:
        """The rating's round. Raises BadInput for a rating that was sealed, or given elsewhere.

        What was given while a round trains is of no seal yet: it can be changed until the next one.
        """
        s = t.snapshot_ratings.c
        sealed = connection.scalar(sa.select(sa.func.min(s.round_number)).where(s.rating_id == rating.id))
        if sealed is not None:
            raise BadInput(f"This rating was sealed with round {sealed}: it cannot be {what} any more.")
        query = sa.select(t.rounds).join(t.responses, t.responses.c.round_number == t.rounds.c.number)
        round_ = connection.execute(query.where(t.responses.c.id == rating.response_id)).one()
        if is_imported(round_):
            raise BadInput(f"This rating came with an import: it cannot be {what} here.")
        return round_

    def _retire(self, connection: sa.Connection, rating: Rating) -> None:
        connection.execute(t.ratings.update().where(_g.id == rating.id).values(is_current=False))

    def rating(self, rating_id: int) -> Rating:
        """A revision of a rating. Raises Missing."""
        with self.reading() as connection:
            rating = _find_rating(connection, _RATINGS.where(_g.id == rating_id))
        if rating is None:
            raise Missing(f"There is no rating {rating_id}.")
        return rating

    def recent(self, rater_id: int, n: int = 10) -> list[RatedResponse]:
        """The rater's last current ratings, latest first; a changed one keeps its place."""
        query = (
            rated_responses_query()
            .where(_g.rater_id == rater_id, _g.is_current)
            .order_by(*_latest_first)
            .limit(n)
        )
        with self.reading() as connection:
            return [rated_response_of(row) for row in connection.execute(query).mappings()]

    def changeable(self, ratings: Iterable[Rating]) -> set[int]:
        """The ids of those that their rater may still change: not sealed, and not from elsewhere."""
        ids = [rating.id for rating in ratings]
        sealed = sa.select(t.snapshot_ratings.c.rating_id).where(t.snapshot_ratings.c.rating_id.in_(ids))
        query = (
            sa.select(_g.id.label("rating_id"), t.rounds)
            .join(t.responses, t.responses.c.id == _g.response_id)
            .join(t.rounds, t.rounds.c.number == t.responses.c.round_number)
            .where(_g.id.in_(ids), _g.id.not_in(sealed))
        )
        with self.reading() as connection:
            return {row.rating_id for row in connection.execute(query) if not is_imported(row)}

    def rated(self, round_number: int | None = None) -> list[RatedResponse]:
        """All current ratings, or those on one round's responses, by id; excluded raters' too."""
        query = rated_responses_query().where(_g.is_current).order_by(_g.id)
        if round_number is not None:
            query = query.where(t.responses.c.round_number == round_number)
        with self.reading() as connection:
            return [rated_response_of(row) for row in connection.execute(query).mappings()]

    def count_ratings(self, *, current: bool = True, split: str | None = None) -> int:
        """How many ratings there are: current ones that were not removed, or all revisions of any.

        On prompts of a split, or on all.
        """
        query = sa.select(sa.func.count()).select_from(t.ratings)
        if current:
            query = query.where(_g.is_current, _g.verdict != REMOVED)
        if split is not None:
            query = query.join(t.responses, t.responses.c.id == _g.response_id).join(t.prompts)
            query = query.where(t.prompts.c.split == split)
        with self.reading() as connection:
            return connection.scalar(query) or 0
