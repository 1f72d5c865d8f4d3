"""The ratings of an import, and the raters who gave them."""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.names import name_key
from rater_data.records import judged_ids
from rater_data.store.database import schema as t
from rater_data.store.people.people import new_users_in
from rater_data.store.rounds.prompts import AT_ONCE
from rater_data.store.transfer.import_responses import ResponseImport

_ratings = t.ratings.c


class RatingImport:
    """The ratings of one import, inside its transaction.

    `existing`: how many are of a rater who has said something of this response already, or of these two, whichever
    was named first; `differing`: how many of those say something else.
    """

    def __init__(self, connection: sa.Connection, responses: ResponseImport, now: float) -> None:
        self.connection, self.responses, self.now = connection, responses, now
        self.new = self.new_raters = self.existing = self.differing = 0
        self._ids_by_name = {row.name_key: row.id for row in connection.execute(_USERS)}
        self._ids_by_pseudonym = {row.pseudonym: row.id for row in connection.execute(_USERS)}
        self._newest_before = connection.scalar(sa.select(sa.func.max(_ratings.id))) or 0

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Stores what is new of some staged ratings."""
        self._add_raters(rows)
        ids = self.responses.response_ids
        placed = []
        for row in rows:
            response, other = ids[row["response"]], None if row["other"] is None else ids[row["other"]]
            placed.append((row, response, other, *judged_ids(response, other)))
        stored = self.responses.existing_ids
        existing = self._existing_answers({low for *_, low, _ in placed if low in stored}) if stored else {}
        new = []
        for row, response, other, low, high in placed:
            rater = self.rater_id(row)
            if existing and (low, high, rater) in existing:
                self.existing += 1
                answer = (row["verdict"], _seen_from(low, response, row["score"]))
                self.differing += row["is_current"] and answer != existing[low, high, rater]
                continue
            new.append(self._new_rating(row, response, other, low, high, rater))
        if new:
            self._check_keys(new)
            self.connection.execute(t.ratings.insert(), new)
        self.new += len(new)

    def _new_rating(
        self, row: dict[str, Any], response: int, other: int | None, low: int, high: int, rater: int
    ) -> dict[str, Any]:
        """The columns of a new rating, made of the staged row."""
        judged = f"{response}" if other is None else f"{low}-{high}"
        submitted = self.now if row["submitted_at"] is None else row["submitted_at"]
        own_key = row["key"] if self.responses.rounds.restores else ""
        return {
            "response_id": response,
            "rater_id": rater,
            "other_id": other,
            "low_id": low,
            "high_id": high,
            "shown_at": submitted if row["shown_at"] is None else row["shown_at"],
            "submitted_at": submitted,
            "given_at": submitted if row["given_at"] is None else row["given_at"],
            "key": own_key or f"{t.IMPORTED_KEY}{judged}:{row['revision']}",
            "sha256": None,
            **dict(zip(_AS_STAGED, _staged_values(row), strict=True)),
        }

    def _check_keys(self, new: list[dict[str, Any]]) -> None:
        """Raises BadInput where a rater has another rating with the key of a new one: it is of one decision only."""
        if not (self.responses.rounds.restores and self._newest_before):
            return
        keys: dict[int, list[str]] = {}
        for row in new:
            keys.setdefault(row["rater_id"], []).append(row["key"])
        for rater, own in keys.items():
            query = sa.select(_ratings.key, _ratings.response_id)
            query = query.where(_ratings.rater_id == rater, _ratings.key.in_(own)).limit(1)
            if (other := self.connection.execute(query).one_or_none()) is not None:
                name = self.connection.scalar(sa.select(t.users.c.name).where(t.users.c.id == rater))
                raise BadInput(
                    f"The key {checks.quoted(other.key)} of a rating by {name} is that of another rating which is "
                    f"here already, on response {other.response_id}: these two files are not of one home. "
                    f"{NOTHING_IMPORTED}"
                )

    def _existing_answers(self, lows: set[int]) -> dict[tuple[int, int, int], tuple[str, float | None]]:
        """Verdict and score of what was stored before, the newest revision.

        By what was judged (`judged_ids`, the lower of which is one of `lows`) and rater; a comparison's score is seen
        from the lower id.
        """
        g = _ratings
        columns = (g.low_id, g.high_id, g.rater_id, g.response_id, g.verdict, g.score)
        answers: dict[tuple[int, int, int], tuple[str, float | None]] = {}
        for ids in _chunks(sorted(lows), AT_ONCE):
            query = sa.select(*columns).where(g.low_id.in_(ids), g.id <= self._newest_before)
            for low, high, rater, response, verdict, score in self.connection.execute(
                query.order_by(g.revision)
            ):
                answers[low, high, rater] = (verdict, _seen_from(low, response, score))
        return answers

    def rater_id(self, row: dict[str, Any]) -> int:
        """Who gave what a staged row says, once ratings of theirs were added."""
        name = row["rater"]
        rater = self._ids_by_pseudonym.get(name) if row["pseudonym"] else None
        return self._ids_by_name[name_key(name)] if rater is None else rater

    def _add_raters(self, rows: list[dict[str, Any]]) -> None:
        """Makes the raters that are not known yet. They have no link, so nobody can sign in as them."""
        new: dict[str, dict[str, Any]] = {}
        for row in rows:
            name, is_pseudonym = row["rater"], row["pseudonym"]
            if is_pseudonym and name in self._ids_by_pseudonym:
                continue
            if name_key(name) not in self._ids_by_name:
                person = {
                    "excluded": row["excluded"],
                    "active": row["active"],
                    "name": name,
                    "pseudonym": name if is_pseudonym else None,
                }
                new.setdefault(name_key(name), person)
        if new:
            self._ids_by_name |= new_users_in(self.connection, list(new.values()), self.now)
            self._ids_by_pseudonym = {row.pseudonym: row.id for row in self.connection.execute(_USERS)}
            self.new_raters += len(new)


_USERS = sa.select(t.users.c.id, t.users.c.name_key, t.users.c.pseudonym)
_AS_STAGED = (
    "score", "scale", "comment", "verdict", "swapped", "active_ms", "position", "guideline_version",
    "revision", "is_current", "flags", "attributes",
)  # fmt: skip
_staged_values = itemgetter(*_AS_STAGED)


def _seen_from(low: int, response: int, score: float | None) -> float | None:
    """The score of a comparison from the side of the lower id; of one response it is what it is."""
    return score if low == response or not score else -score


def _chunks(values: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
