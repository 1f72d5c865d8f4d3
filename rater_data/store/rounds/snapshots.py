"""Snapshots: the ratings and better answers that a round was sealed with, and what a seal would freeze now."""

import hashlib
from typing import Any

import sqlalchemy as sa

from rater_data.records import EditedResponse, RatedResponse
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import (
    edit_columns,
    edit_of,
    prompt_columns,
    prompt_of,
    rating_columns,
    rating_of,
    response_columns,
    response_of,
)
from rater_data.store.rounds.rating_hashes import UNHASHED, keep_hashes
from rater_data.store.rounds.round_states import require_round
from rater_data.store.rounds.rounds import trusted_edits, trusted_ratings

HASHED_AT_ONCE = 500


def rated_responses_query() -> sa.Select:
    """Ratings with their response and prompt; rows for `rated_response_of`."""
    return (
        sa.select(*rating_columns("rating_"), *response_columns("response_"), *prompt_columns("prompt_"))
        .select_from(t.ratings)
        .join(t.responses, t.responses.c.id == t.ratings.c.response_id)
        .join(t.prompts, t.prompts.c.id == t.responses.c.prompt_id)
    )


def rated_response_of(row: Any) -> RatedResponse:
    return RatedResponse(
        rating=rating_of(row, "rating_"),
        response=response_of(row, "response_"),
        prompt=prompt_of(row, "prompt_"),
    )


def edited_responses_query() -> sa.Select:
    """Better answers that were not removed, with their response and prompt; rows for `edited_response_of`."""
    return (
        sa.select(*edit_columns("edit_"), *response_columns("response_"), *prompt_columns("prompt_"))
        .select_from(t.edits)
        .join(t.responses, t.responses.c.id == t.edits.c.response_id)
        .join(t.prompts, t.prompts.c.id == t.responses.c.prompt_id)
        .where(t.edits.c.text != "")
    )


def edited_response_of(row: Any) -> EditedResponse:
    return EditedResponse(
        edit=edit_of(row, "edit_"), response=response_of(row, "response_"), prompt=prompt_of(row, "prompt_")
    )


def snapshot_digest(connection: sa.Connection, number: int) -> str:
    """sha256 over the hashes of a round's frozen ratings by id, then of its better answers: the same give the same.

    A rating that was removed with its rater keeps the hash that it had, so the digest stays what it was.
    """
    s = t.snapshot_ratings.c
    query = sa.select(t.ratings.c.sha256).join(t.snapshot_ratings, s.rating_id == t.ratings.c.id)
    digest = hashlib.sha256()
    for kept in connection.scalars(query.where(s.round_number == number).order_by(t.ratings.c.id)):
        digest.update(f"{kept}\n".encode())
    e = t.snapshot_edits.c
    edits = sa.select(t.edits.c.sha256).join(t.snapshot_edits, e.edit_id == t.edits.c.id)
    for kept in connection.scalars(edits.where(e.round_number == number).order_by(t.edits.c.id)):
        digest.update(f"edit {kept}\n".encode())
    return digest.hexdigest()


def read_snapshot(connection: sa.Connection, number: int) -> list[RatedResponse]:
    s = t.snapshot_ratings.c
    query = (
        rated_responses_query()
        .join(t.snapshot_ratings, s.rating_id == t.ratings.c.id)
        .where(s.round_number == number)
    )
    rows = connection.execute(query.order_by(t.ratings.c.id)).mappings()
    return [rated_response_of(row) for row in rows]


class Snapshots(Database):
    """Frozen ratings."""

    def hash_ahead(self) -> None:
        """Hashes the ratings that have no hash yet, a handful at a time: raters wait for a handful at the most.

        What a rating says never changes (a change is a revision), so it makes no difference when it is hashed.
        """
        while True:
            # read under the lock: what a purge has taken away meanwhile shall not be hashed
            with self.writing() as connection:
                rows = connection.execute(UNHASHED.limit(HASHED_AT_ONCE)).all()
                if not rows:
                    return
                keep_hashes(connection, rows)

    def snapshot(self, number: int) -> list[RatedResponse]:
        """The frozen ratings of a round, by rating id; empty before its seal. Raises Missing."""
        with self.reading() as connection:
            require_round(connection, number)
            return read_snapshot(connection, number)

    def ratings_to_seal(self) -> list[RatedResponse]:
        """What a seal would freeze now: current ratings of raters who are not excluded, by id."""
        ids = trusted_ratings()
        with self.reading() as connection:
            rows = connection.execute(
                rated_responses_query().where(t.ratings.c.id.in_(ids)).order_by(t.ratings.c.id)
            ).mappings()
            return [rated_response_of(row) for row in rows]

    def newest_ratings(self, most: int, round_number: int) -> tuple[list[RatedResponse], int]:
        """Of what a seal would freeze now no more than `most`, by id; and how many there are in all.

        Of whole prompts: those that are rated in this round first, then the others, each time those rated last. A
        prompt with more ratings than are left to take is left out.
        """
        g, r = t.ratings.c, t.responses.c
        in_round, last = sa.func.max(r.round_number) == round_number, sa.func.max(g.id)
        by_prompt = (
            sa.select(r.prompt_id, sa.func.count().label("ratings"))
            .select_from(t.ratings)
            .join(t.responses, r.id == g.response_id)
            .where(g.id.in_(trusted_ratings()))
            .group_by(r.prompt_id)
            .order_by(sa.case((in_round, 0), else_=1), last.desc())
        )
        with self.reading() as connection:
            counts = connection.execute(by_prompt).all()
            chosen, left = [], most
            for prompt_id, ratings in counts:
                if ratings <= left:
                    chosen.append(prompt_id)
                    left -= ratings
            query = rated_responses_query().where(g.id.in_(trusted_ratings()), r.prompt_id.in_(chosen))
            rows = connection.execute(query.order_by(g.id)).mappings()
            return [rated_response_of(row) for row in rows], sum(row.ratings for row in counts)

    def sealed_edits(self, number: int) -> list[EditedResponse]:
        """The frozen better answers of a round, by id; empty before its seal. Raises Missing."""
        e = t.snapshot_edits.c
        query = edited_responses_query().join(t.snapshot_edits, e.edit_id == t.edits.c.id)
        with self.reading() as connection:
            require_round(connection, number)
            rows = connection.execute(query.where(e.round_number == number).order_by(t.edits.c.id)).mappings()
            return [edited_response_of(row) for row in rows]

    def edits_to_seal(self) -> list[EditedResponse]:
        """The better answers that a seal would freeze now, by id."""
        query = edited_responses_query().where(t.edits.c.id.in_(trusted_edits())).order_by(t.edits.c.id)
        with self.reading() as connection:
            return [edited_response_of(row) for row in connection.execute(query).mappings()]

    def snapshot_counts(self, number: int, rater_id: int) -> tuple[int, int]:
        """How many ratings a round's snapshot holds, and how many of them are this rater's."""
        s = t.snapshot_ratings.c
        every = sa.select(sa.func.count()).select_from(t.snapshot_ratings).where(s.round_number == number)
        own = every.join(t.ratings, t.ratings.c.id == s.rating_id).where(t.ratings.c.rater_id == rater_id)
        with self.reading() as connection:
            return connection.scalar(every) or 0, connection.scalar(own) or 0
