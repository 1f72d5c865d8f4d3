"""Ratings that were given elsewhere, and the round that holds their responses.

Round 0 has state published, an empty config and no version. It is never the latest round and its responses
are never shown; but its ratings are in every snapshot, so they teach the reward head. They cannot move the
policy: their text was not sampled from any version, so there are no log-probabilities. In records such a
response says version 0 and round 0; in the database its version is null.
"""

import hashlib
import time
from dataclasses import dataclass

import sqlalchemy as sa

from rater_data import checks
from rater_data import schema as t
from rater_data.database import Database
from rater_data.records import IMPORTED_ROUND, Prompt, Rating, Response
from rater_data.rows import prompt_sha256, response_row
from rater_data.store_journal import FIRST_GUIDELINE, note
from rater_data.store_people import add_user_in
from rater_data.store_prompts import add_prompts_in, prompt_ids_in
from rater_data.store_ratings import insert_rating
from rater_data.store_rounds import round_in

DEFAULT_RATER = "imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRating:
    """A rating as a file tells it: who gave which score, in points of the scale, to which text."""

    prompt: Prompt
    response: str
    score: float
    scale: str
    rater: str = DEFAULT_RATER
    comment: str = ""

    def __post_init__(self) -> None:
        checks.text("The response", self.response, empty=False)
        checks.text("The name of a rater", self.rater, empty=False)
        checks.text("The comment", self.comment)


class Imports(Database):
    """Round 0."""

    def add_imported(self, ratings: list[ImportedRating]) -> tuple[int, int]:
        """Adds ratings, all or none; returns how many were new and how many were there already.

        A rating is there already when this rater has one on this response; it is left as it is.
        """
        now = time.time()
        with self._write() as connection:
            _make_round(connection, now)
            add_prompts_in(connection, [r.prompt for r in ratings], now)
            prompt_ids = prompt_ids_in(connection, list({prompt_sha256(r.prompt) for r in ratings}))
            responses = _responses(connection, ratings, prompt_ids, now)
            raters = _raters(connection, {r.rater for r in ratings}, now)
            g = t.ratings.c
            in_round = sa.select(g.response_id, g.rater_id).join(
                t.responses, t.responses.c.id == g.response_id
            )
            rows = connection.execute(
                in_round.where(t.responses.c.round_number == IMPORTED_ROUND, g.is_current)
            )
            there = {(row.response_id, row.rater_id) for row in rows}
            added = 0
            for one in ratings:
                where = (prompt_ids[prompt_sha256(one.prompt)], one.response)
                response, rater = responses[where], raters[_key(one.rater)]
                if (response, rater) in there:
                    continue
                there.add((response, rater))
                insert_rating(connection, _rating(one, response, rater, now), now)
                added += 1
            note(connection, "import", f"imported {added} ratings", now, there_already=len(ratings) - added)
        return added, len(ratings) - added


def _make_round(connection: sa.Connection, now: float) -> None:
    if round_in(connection, IMPORTED_ROUND) is None:
        row = {
            "number": IMPORTED_ROUND,
            "state": "published",
            "config": {},
            "created_at": now,
            "updated_at": now,
        }
        connection.execute(t.rounds.insert().values(row))


def _responses(
    connection: sa.Connection, ratings: list[ImportedRating], prompt_ids: dict[str, int], now: float
) -> dict[tuple[int, str], int]:
    """Makes the responses that are missing; the ids of all by prompt and text."""
    r = t.responses.c
    query = sa.select(r.prompt_id, r.text, r.id, r.slot).where(r.round_number == IMPORTED_ROUND)
    rows = connection.execute(query).all()
    known = {(row.prompt_id, row.text) for row in rows}
    slot = max((row.slot for row in rows), default=-1) + 1
    wanted = dict.fromkeys((prompt_ids[prompt_sha256(one.prompt)], one.response) for one in ratings)
    new = [where for where in wanted if where not in known]
    if new:
        made = (_response(prompt_id, text, slot + i) for i, (prompt_id, text) in enumerate(new))
        connection.execute(t.responses.insert(), [response_row(response, now) for response in made])
    return {(row.prompt_id, row.text): row.id for row in connection.execute(query)}


def _response(prompt_id: int, text: str, slot: int) -> Response:
    return Response(
        prompt_id=prompt_id,
        round_number=IMPORTED_ROUND,
        version_number=0,
        slot=slot,
        text=text,
        prompt_ids=(),
        token_ids=(),
        logprobs=(),
        seed=0,
        temperature=1.0,
        finish_reason="eos",
        stratum="imported",
    )


def _raters(connection: sa.Connection, names: set[str], now: float) -> dict[str, int]:
    """The ids of raters by key.

    Who is not known yet is made. They have no link, so nobody can come in as them.
    """
    known = {row.name_key: row.id for row in connection.execute(sa.select(t.users.c.name_key, t.users.c.id))}
    for name in sorted(names):
        if _key(name) not in known:
            known[_key(name)] = add_user_in(connection, name, "rater", now).id
    return known


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _rating(one: ImportedRating, response_id: int, rater_id: int, now: float) -> Rating:
    said = f"{prompt_sha256(one.prompt)}\n{one.response}"
    return Rating(
        response_id=response_id,
        rater_id=rater_id,
        score=one.score,
        scale=one.scale,
        comment=one.comment,
        shown_at=now,
        submitted_at=now,
        active_ms=0,
        position=1,
        guideline_version=FIRST_GUIDELINE,
        key=f"import:{hashlib.sha256(said.encode()).hexdigest()}",
    )
