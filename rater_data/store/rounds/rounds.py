"""Rounds and the responses in them; how full a round is.

Round 0 holds imported responses. It exists once something was imported, is never the latest, and is published or,
when its responses are offered to raters, in rating.
"""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.checks import to_json_value
from rater_data.errors import BadInput, Busy, Missing, Refused
from rater_data.lifecycle import FINISHED_STATES, RATABLE_STATES, Round, RoundProgress
from rater_data.records import IMPORTED_ROUND, RESTORED, STRATA, Response
from rater_data.round_settings import CHAT, FORMAT_PATH, PLAIN, SYSTEM_PATH, Told
from rater_data.scales import COUNTING, REMOVED
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import response_columns, response_of, response_row, round_of
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.round_states import create_round, find_round, move_round, require_round
from rater_data.store.rounds.versions import require_version

HOUR = 3600.0
LEAST_PACE_S = 300.0  # a pace of less time would be of the first cards, which are read while the page is new
STEPS_WITH_METHODS = {
    ("rating", "sealed"): "seal or start_training",
    ("training", "published"): "publish",
}
"""Steps that keep more than the state: each is a method of its own."""


def is_imported(round_: sa.Row[Any]) -> bool:
    """Whether a round (a row) came with an import and deals no cards here."""
    return bool(round_.config.get(RESTORED)) or (
        round_.number == IMPORTED_ROUND and round_.state not in RATABLE_STATES
    )


def trusted_ratings() -> sa.Select[tuple[int]]:
    """The ids of current ratings of raters who are not excluded: what counts and is sealed.

    Somebody who was kept out since has said what they said. What was removed with its rater says nothing any more.
    """
    return (
        sa.select(t.ratings.c.id)
        .select_from(t.ratings)
        .join(t.users, t.users.c.id == t.ratings.c.rater_id)
        .where(t.ratings.c.is_current, ~t.users.c.excluded, t.ratings.c.verdict != REMOVED)
    )


def trusted_edits() -> sa.Select[tuple[int]]:
    """The same of better answers: the ids of those that count."""
    e, u = t.edits.c, t.users.c
    query = sa.select(e.id).select_from(t.edits).join(t.users, u.id == e.rater_id)
    return query.where(e.is_current, ~u.excluded, e.text != "")


class Rounds(Database):
    """Rounds and responses."""

    def start_round(self, config: dict[str, Any], version_number: int) -> Round:
        """The next round, generating, with responses by a version.

        `config["quota"]` is how many ratings complete it; `config["expected_responses"]`, if there, how many
        responses it will have. Raises Busy while the last round is not over.
        """
        now = time.time()
        with self.writing() as connection:
            require_version(connection, version_number)
            last = find_round(connection)
            if last is not None and last.state not in FINISHED_STATES:
                raise Busy(f"Round {last.number} is not over yet: it is {last.state}.")
            number = 1 if last is None else last.number + 1
            created = create_round(connection, number, "generating", config, version_number, now)
            changed = _changes_of_what_is_told({} if last is None else last.config, config)
            record_event(
                connection, "trainer", f"started round {number}", now, version=version_number, **changed
            )
            return created

    def round(self, number: int | None = None) -> Round | None:
        """The round of a number, or the latest; None when there is none."""
        with self.reading() as connection:
            return find_round(connection, number)

    def rounds(self) -> list[Round]:
        """All rounds of ours, oldest first."""
        query = sa.select(t.rounds).where(t.rounds.c.number != IMPORTED_ROUND).order_by(t.rounds.c.number)
        with self.reading() as connection:
            return [round_of(row) for row in connection.execute(query).mappings()]

    def set_round_state(
        self, number: int, state: str, *, gate: dict[str, Any] | None = None, decision: str | None = None
    ) -> None:
        """Moves a round on, with the gate's report and what was decided.

        Raises Refused for a wrong step, and for sealing and publishing: those have methods of their own,
        which also keep what goes with them. Raises Missing.
        """
        now = time.time()
        values: dict[str, Any] = {} if gate is None else {"gate": to_json_value(gate)}
        if decision is not None:
            values["decision"] = decision = checks.storable_text(decision)
        with self.writing() as connection:
            round_ = require_round(connection, number)
            if (round_.state, state) in STEPS_WITH_METHODS:
                raise Refused(
                    f"Round {number} cannot just be {state}: use {STEPS_WITH_METHODS[round_.state, state]}."
                )
            move_round(connection, round_, state, now, **values)
            record_event(connection, "trainer", f"round {number} is {state}", now, decision=decision)

    def add_responses(self, responses: list[Response]) -> int:
        """Adds responses, all or none; returns how many were added.

        Those whose round and slot are taken are left out, so writing can go on where it stopped. Raises
        Missing for an unknown round, Refused for one that no longer takes responses, and BadInput for an
        unknown prompt or version.
        """
        now = time.time()
        with self.writing() as connection:
            return insert_responses(connection, responses, now)

    def responses(self, round_number: int, stratum: str | None = None) -> list[Response]:
        """The responses of a round, by slot."""
        r = t.responses.c
        query = sa.select(*response_columns()).where(r.round_number == round_number).order_by(r.slot)
        if stratum is not None:
            checks.one_of("The stratum", stratum, STRATA)
            query = query.where(r.stratum == stratum)
        with self.reading() as connection:
            return [response_of(row) for row in connection.execute(query).mappings()]

    def response(self, response_id: int) -> Response:
        """Raises Missing."""
        query = sa.select(*response_columns()).where(t.responses.c.id == response_id)
        with self.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise Missing(f"There is no response {response_id}.")
        return response_of(row)

    def set_head_scores(self, round_number: int, scores: dict[int, float]) -> None:
        """Keeps what the reward head said of a round's responses, by response id, in standard deviations.

        A later fit of the same round replaces them. Raises Missing for an unknown round, BadInput for a
        response of another one or a score that is no number.
        """
        for score in scores.values():
            checks.number("The head's score of a response", score)
        r = t.responses.c
        with self.writing() as connection:
            require_round(connection, round_number)
            own = set(connection.scalars(sa.select(r.id).where(r.round_number == round_number)))
            if strange := scores.keys() - own:
                raise BadInput(f"Response {min(strange)} is none of round {round_number}.")
            if scores:
                change = t.responses.update().where(r.id == sa.bindparam("response"))
                rows = [{"response": i, "new_score": score} for i, score in scores.items()]
                connection.execute(change.values(head_score=sa.bindparam("new_score")), rows)

    def slots(self, round_number: int) -> set[int]:
        """The slots of a round that have their response."""
        query = sa.select(t.responses.c.slot).where(t.responses.c.round_number == round_number)
        with self.reading() as connection:
            return set(connection.scalars(query))

    def round_progress(self, number: int | None = None) -> RoundProgress | None:
        """How full a round (the latest) is; None when there is none."""
        with self.reading() as connection:
            round_ = find_round(connection, number)
            return None if round_ is None else _progress(connection, round_, time.time())


def insert_responses(connection: sa.Connection, responses: list[Response], now: float) -> int:
    """See Store.add_responses; also for round 0."""
    added = 0
    for number in sorted({r.round_number for r in responses}):
        round_ = require_round(connection, number)
        if number != IMPORTED_ROUND and round_.state not in ("generating", "rating"):
            raise Refused(f"Round {number} takes no more responses: it is {round_.state}.")
        taken = set(
            connection.scalars(sa.select(t.responses.c.slot).where(t.responses.c.round_number == number))
        )
        fresh = {r.slot: r for r in responses if r.round_number == number and r.slot not in taken}
        if fresh:
            try:
                connection.execute(t.responses.insert(), [response_row(r, now) for r in fresh.values()])
            except sa.exc.IntegrityError as error:
                raise BadInput("A response names a prompt or a version that does not exist.") from error
        added += len(fresh)
    return added


def _changes_of_what_is_told(before: dict[str, Any], config: dict[str, Any]) -> dict[str, str]:
    """The system prompt and the prompt format of a new round, where they are not those of the round before."""
    old, new = Told.of(before), Told.of(config)
    changed = {} if old.system == new.system else {SYSTEM_PATH: new.system}
    if old.continuation != new.continuation:
        changed[FORMAT_PATH] = PLAIN if new.continuation else CHAT
    return changed


def _progress(connection: sa.Connection, round_: Round, now: float) -> RoundProgress:
    wanted = {row.stratum: row for row in connection.execute(_WANTED, {"round": round_.number})}
    groups = connection.execute(_GIVEN, {"round": round_.number, "since": now - HOUR}).all()
    counting = [row for row in groups if row.verdict in COUNTING]
    scores, strata = Counter[float](), Counter[str]()
    for row in counting:
        strata[row.stratum] += row.ratings
        if row.score is not None:
            scores[row.score] += row.ratings
    ratings, responses = strata.total(), sum(row.responses for row in wanted.values())
    quota = int(round_.config.get("quota", 0))
    return RoundProgress(
        round=round_,
        responses=responses,
        expected_responses=_expected(round_, responses, quota),
        ratings=ratings,
        set_aside=sum(row.ratings for row in groups) - ratings,
        quota=quota,
        by_stratum={name: (strata[name], int(row.wanted)) for name, row in sorted(wanted.items())},
        raters=len({row.rater_id for row in groups}),
        ratings_last_hour=_pace(counting, now),
        mean_score=sum(score * n for score, n in scores.items()) / scores.total() if scores else None,
        scores={f"{score:g}": scores[score] for score in sorted(scores)},
        complete=ratings >= quota,
    )


def _pace(rows: Sequence[Any], now: float) -> float:
    """Ratings an hour, by those of the last hour; since the first of them, where people began within it."""
    began = [row.first_recent for row in rows if row.first_recent is not None]
    if not began:
        return 0.0
    hours = max(LEAST_PACE_S, now - min(began)) / HOUR
    return float(round(sum(row.recent for row in rows) / min(1.0, hours)))


_r, _g = t.responses.c, t.ratings.c
_WANTED = (
    sa.select(_r.stratum, sa.func.count().label("responses"), sa.func.sum(_r.overlap).label("wanted"))
    .where(_r.round_number == sa.bindparam("round"))
    .group_by(_r.stratum)
)
# One pass over the round for everything: this runs whenever a rater sees a card
_GIVEN = (
    trusted_ratings()
    .with_only_columns(
        _r.stratum,
        _g.rater_id,
        _g.verdict,
        _g.score,
        sa.func.count().label("ratings"),
        sa.func.sum(sa.case((_g.submitted_at > sa.bindparam("since"), 1), else_=0)).label("recent"),
        sa.func.min(sa.case((_g.submitted_at > sa.bindparam("since"), _g.submitted_at))).label(
            "first_recent"
        ),
    )
    .join(t.responses, _r.id == _g.response_id)
    .where(_r.round_number == sa.bindparam("round"))
    .group_by(_r.stratum, _g.rater_id, _g.verdict, _g.score)
)


def _expected(round_: Round, responses: int, quota: int) -> int:
    """While they are being written: as many as the config says, else one for every rating wanted."""
    if round_.state != "generating":
        return responses
    return max(responses, int(round_.config.get("expected_responses", quota)))
