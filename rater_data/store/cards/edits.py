"""Better answers: writing one in place of a response, changing it, taking it back, looking at them.

Nothing is ever deleted. What was taken back or changed stays as a revision that is not current.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from rater_data.errors import BadInput, Missing, NotYours
from rater_data.lifecycle import RATABLE_STATES
from rater_data.records import Edit, EditedResponse
from rater_data.store.cards.leases import active_rater
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import edit_columns, edit_of, edit_row
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.rounds import is_imported
from rater_data.store.rounds.snapshots import edited_response_of, edited_responses_query

CHANGED_SINCE = "This better answer was changed or taken back since, in another window: look at it again."

_e, _g, _r, _s = t.edits.c, t.ratings.c, t.responses.c, t.snapshot_edits.c
_EDITS = sa.select(*edit_columns()).where(_e.text != "")
_CURRENT = _EDITS.where(
    _e.response_id == sa.bindparam("response"), _e.rater_id == sa.bindparam("rater"), _e.is_current
)
_BY_KEY = _EDITS.where(_e.rater_id == sa.bindparam("rater"), _e.key == sa.bindparam("key"))


@dataclass(frozen=True, slots=True)
class OwnEdit:
    """A rater's better answer as it is now, and whether they may still change it: it was not sealed."""

    edit: Edit
    is_open: bool


class Edits(Database):
    """Better answers."""

    def text_to_edit(self, rater_id: int, response_id: int) -> tuple[str, Edit | None]:
        """The response as it was written, and this rater's better answer to it, if there is one.

        Raises as `save_edit` does for who may not edit it.
        """
        with self.reading() as connection:
            active_rater(connection, rater_id)
            current = _find(connection, _CURRENT, response=response_id, rater=rater_id)
            _check_may_edit(connection, rater_id, response_id, current)
            return _original(connection, response_id), current

    def save_edit(self, edit: Edit, replaces: int | None = None) -> Edit:
        """Stores a better answer and returns it with its id. The same key again returns the stored one, unchanged.

        `replaces`: the id of the one that the rater has changed; None where they began with the response. Raises
        NotYours for who neither holds the card nor has rated the response, BadInput for the text of the response
        itself, for what was sealed, and where there is another one by now, Missing for an unknown response or rater.
        """
        with self.writing() as connection:
            name = active_rater(connection, edit.rater_id).name
            stored = _find(connection, _BY_KEY, rater=edit.rater_id, key=edit.key)
            if stored is not None:
                if (stored.response_id, stored.text) != (edit.response_id, edit.text):
                    raise BadInput("This key was used for another text: give each one a key of its own.")
                return stored
            current = _find(connection, _CURRENT, response=edit.response_id, rater=edit.rater_id)
            _check_may_edit(connection, edit.rater_id, edit.response_id, current)
            edit.check_differs(_original(connection, edit.response_id))
            if replaces != (None if current is None else current.id):
                raise BadInput(CHANGED_SINCE)
            if current is not None:
                _retire(connection, current)
                record_event(connection, name, "changed a better answer", edit.given_at, edit=current.id)
            return _insert(connection, edit)

    def take_back_edit(self, edit_id: int, rater_id: int, now: float | None = None) -> None:
        """The better answer counts no more. Asking again changes nothing.

        Raises NotYours for somebody else's, BadInput for what was sealed or changed since, Missing.
        """
        now = time.time() if now is None else now
        with self.writing() as connection:
            name = active_rater(connection, rater_id).name
            edit = _find(connection, _EDITS.where(_e.id == edit_id))
            if edit is None:
                raise Missing(f"There is no better answer {edit_id}.")
            if edit.rater_id != rater_id:
                raise NotYours("This better answer is somebody else's.")
            if not edit.is_current:
                if _newest_revision(connection, edit) != edit.revision:
                    raise BadInput(CHANGED_SINCE)
                return
            _check_not_sealed(connection, edit)
            _retire(connection, edit)
            record_event(connection, name, "took back a better answer", now, edit=edit_id)

    def own_edits(self, rater_id: int, response_ids: Iterable[int]) -> dict[int, OwnEdit]:
        """By response: this rater's better answers to these, as they are now."""
        sealed = sa.exists().where(_s.edit_id == _e.id).label("sealed")
        query = _EDITS.add_columns(sealed).where(
            _e.rater_id == rater_id, _e.is_current, _e.response_id.in_(list(response_ids))
        )
        with self.reading() as connection:
            rows = connection.execute(query).mappings()
            return {row["response_id"]: OwnEdit(edit_of(row), not row["sealed"]) for row in rows}

    def edited(self, round_number: int, limit: int | None = None) -> list[EditedResponse]:
        """The better answers to a round's responses as they are now, latest first; excluded raters' too."""
        query = edited_responses_query().where(_e.is_current, _r.round_number == round_number)
        query = query.order_by(_e.given_at.desc(), _e.id.desc()).limit(limit)
        with self.reading() as connection:
            return [edited_response_of(row) for row in connection.execute(query).mappings()]

    def count_edits(self, round_number: int | None = None) -> int:
        """How many better answers there are now, to a round's responses or to all."""
        query = sa.select(sa.func.count()).select_from(t.edits).where(_e.is_current, _e.text != "")
        if round_number is not None:
            query = query.join(t.responses, _r.id == _e.response_id).where(_r.round_number == round_number)
        with self.reading() as connection:
            return connection.scalar(query) or 0


def _find(connection: sa.Connection, query: sa.Select[Any], **values: Any) -> Edit | None:
    row = connection.execute(query, values).mappings().one_or_none()
    return None if row is None else edit_of(row)


def _original(connection: sa.Connection, response_id: int) -> str:
    text: str = connection.execute(sa.select(_r.text).where(_r.id == response_id)).scalar_one()
    return text


def _insert(connection: sa.Connection, edit: Edit) -> Edit:
    new = replace(edit, revision=_newest_revision(connection, edit) + 1, is_current=True)
    key = connection.execute(t.edits.insert(), edit_row(new)).inserted_primary_key
    assert key is not None, "one row was inserted"
    return replace(new, id=key[0])


def _newest_revision(connection: sa.Connection, edit: Edit) -> int:
    """0 where this rater has written nothing in place of this response."""
    query = sa.select(sa.func.max(_e.revision)).where(_e.response_id == edit.response_id)
    return connection.scalar(query.where(_e.rater_id == edit.rater_id)) or 0


def _retire(connection: sa.Connection, edit: Edit) -> None:
    connection.execute(t.edits.update().where(_e.id == edit.id).values(is_current=False))


def _check_not_sealed(connection: sa.Connection, edit: Edit) -> None:
    sealed = connection.scalar(sa.select(sa.func.min(_s.round_number)).where(_s.edit_id == edit.id))
    if sealed is not None:
        raise BadInput(f"This better answer was sealed with round {sealed}: it cannot be changed any more.")


def _check_may_edit(connection: sa.Connection, rater_id: int, response_id: int, current: Edit | None) -> None:
    """What is there can be changed until it is sealed; a new one is of who holds the card or has rated it."""
    if current is not None:
        _check_not_sealed(connection, current)
        return
    query = sa.select(t.rounds).join(t.responses, _r.round_number == t.rounds.c.number)
    round_ = connection.execute(query.where(_r.id == response_id)).one_or_none()
    if round_ is None:
        raise Missing(f"There is no response {response_id}.")
    held = sa.exists().where(t.leases.c.rater_id == rater_id, _is_about(t.leases, response_id))
    if round_.state in RATABLE_STATES and connection.scalar(sa.select(held)):
        return
    own = sa.select(_g.id).where(_g.rater_id == rater_id, _g.is_current, _is_about(t.ratings, response_id))
    rated = set(connection.scalars(own))
    if not rated:
        raise NotYours(
            "This response is not on your card, and you have not rated it: it is not yours to edit."
        )
    frozen = sa.select(t.snapshot_ratings.c.rating_id).where(t.snapshot_ratings.c.rating_id.in_(rated))
    if is_imported(round_) or rated <= set(connection.scalars(frozen)):
        raise BadInput("What you said of this response was sealed: nothing can be added to it any more.")


def _is_about(table: sa.Table, response_id: int) -> sa.ColumnElement[bool]:
    return (table.c.response_id == response_id) | (table.c.other_id == response_id)
