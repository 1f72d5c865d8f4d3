"""The better answers of an import: those of our own export come back."""

from typing import Any

import sqlalchemy as sa

from rater_data.store.database import schema as t
from rater_data.store.transfer.import_ratings import RatingImport
from rater_data.store.transfer.import_responses import ResponseImport

_edits = t.edits.c


class EditImport:
    """The better answers of one import, inside its transaction and after its ratings, which bring the raters.

    Where a rater has written one to this response before, or taken one back, it stays as it is.
    """

    def __init__(
        self, connection: sa.Connection, responses: ResponseImport, ratings: RatingImport, now: float
    ) -> None:
        self.connection, self.responses, self.ratings, self.now = connection, responses, ratings, now
        self.new = 0

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Stores what is new of some staged better answers."""
        ids = [(self.responses.response_ids[row["response"]], self.ratings.rater_id(row)) for row in rows]
        query = sa.select(_edits.response_id, _edits.rater_id)
        query = query.where(_edits.response_id.in_({response for response, _ in ids}))
        existing = {(response, rater) for response, rater in self.connection.execute(query)}
        new = [
            {
                "response_id": response,
                "rater_id": rater,
                "given_at": self.now if row["given_at"] is None else row["given_at"],
                "active_ms": row["active_ms"],
                "revision": 1,
                "is_current": True,
                "key": f"{t.IMPORTED_KEY}{response}",
                "sha256": None,
                "text": row["text"],
            }
            for row, (response, rater) in zip(rows, ids, strict=True)
            if (response, rater) not in existing
        ]
        if new:
            self.connection.execute(t.edits.insert(), new)
        self.new += len(new)
