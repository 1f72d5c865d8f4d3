"""Events: who did what when. Appended, never changed and never deleted."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data.checks import to_json_value
from rater_data.lifecycle import Event
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import event_of


def record_event(
    connection: sa.Connection, actor: str, what: str, now: float | None = None, /, **data: Any
) -> None:
    """An event, inside the transaction of what it tells about."""
    at = time.time() if now is None else now
    connection.execute(t.events.insert().values(at=at, actor=actor, what=what, data=to_json_value(data)))


class Events(Database):
    """The log of events."""

    def log(self, actor: str, what: str, **data: Any) -> None:
        """Who did what; `data` is anything that JSON can hold. Events are never changed."""
        with self.writing() as connection:
            record_event(connection, actor, what, **data)

    def events(self, limit: int = 100) -> list[Event]:
        """The newest events, newest first."""
        query = sa.select(t.events).order_by(t.events.c.id.desc()).limit(limit)
        with self.reading() as connection:
            return [event_of(row) for row in connection.execute(query).mappings()]
