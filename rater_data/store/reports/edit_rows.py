"""What exports read of better answers: plain columns, as `export_rows` has those of ratings."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.reports.export_rows import RatingFilter
from rater_data.store.rounds.rounds import trusted_edits

_e, _p, _r = t.edits.c, t.prompts.c, t.responses.c


class EditRows(Database):
    """Better answers without their records."""

    def current_edits(self, rating_filter: RatingFilter) -> list[Any]:
        """The better answers of people who are trusted, by id: response_id, rater_id, prompt_id and text.

        The filter means them as it means ratings: those given or changed since a time, to responses of a round, …
        """
        query = sa.select(_e.response_id, _e.rater_id, _r.prompt_id, _e.text).select_from(t.edits)
        query = query.join(t.responses, _r.id == _e.response_id).join(t.prompts, _p.id == _r.prompt_id)
        query = query.where(_e.id.in_(trusted_edits()))
        if rating_filter.split is not None:
            query = query.where(_p.split == rating_filter.split)
        if rating_filter.round_number is not None:
            query = query.where(_r.round_number == rating_filter.round_number)
        if rating_filter.since is not None:
            query = query.where(_e.given_at >= rating_filter.since)
        with self.reading() as connection:
            return list(connection.execute(query.order_by(_e.id)))

    def edits_of(self, response_ids: Iterable[int]) -> dict[tuple[int, int], Any]:
        """By response and rater: text, given_at and active_ms of the better answers as they are now, anybody's."""
        query = sa.select(_e.response_id, _e.rater_id, _e.text, _e.given_at, _e.active_ms)
        query = query.where(_e.is_current, _e.text != "", _e.response_id.in_(list(response_ids)))
        with self.reading() as connection:
            return {(row.response_id, row.rater_id): row for row in connection.execute(query)}
