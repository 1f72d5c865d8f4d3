"""The seal, the snapshot and what comes of it: a round's ratings are frozen, trained on and published."""

import hashlib
import json
import time
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from rater_data.checksums import new_salt
from rater_data.errors import BadInput, Refused
from rater_data.json_values import to_json_value
from rater_data.lifecycle import Job, Round, Sample, Version
from rater_data.records import RatedResponse
from rater_data.scales import REMOVED
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import (
    prompt_columns,
    prompt_of,
    rating_columns,
    rating_of,
    response_columns,
    response_of,
)
from rater_data.store.rounds.jobs import active_in, busy_with, enqueue_in
from rater_data.store.rounds.journal import note, put_samples
from rater_data.store.rounds.rounds import known_round, move, round_in, trusted_ratings
from rater_data.store.rounds.versions import add_version_in

HASHED_AT_ONCE = 500
SALTED = "2:"
"""Begins hashes that are made with the rater's salt. Those without it are of before there were any."""
OF_OLD = 12  # columns that those were made of, and then what the response was compared with


def rated_query() -> sa.Select:
    """Ratings with their response and prompt; rows for `rated_of`."""
    return (
        sa.select(*rating_columns("rating_"), *response_columns("response_"), *prompt_columns("prompt_"))
        .select_from(t.ratings)
        .join(t.responses, t.responses.c.id == t.ratings.c.response_id)
        .join(t.prompts, t.prompts.c.id == t.responses.c.prompt_id)
    )


def rated_of(row: Any) -> RatedResponse:
    return RatedResponse(
        rating=rating_of(row, "rating_"),
        response=response_of(row, "response_"),
        prompt=prompt_of(row, "prompt_"),
    )


def snapshot_digest(connection: sa.Connection, number: int) -> str:
    """sha256 over the hashes of a round's frozen ratings by rating id: in one store, the same ratings give the same.

    A rating that was removed with its rater keeps the hash that it had, so the digest stays what it was.
    """
    s = t.snapshot_ratings.c
    query = sa.select(t.ratings.c.sha256).join(t.snapshot_ratings, s.rating_id == t.ratings.c.id)
    digest = hashlib.sha256()
    for kept in connection.scalars(query.where(s.round_number == number).order_by(t.ratings.c.id)):
        digest.update(f"{kept}\n".encode())
    return digest.hexdigest()


def sealed_rows() -> sa.Select:
    """Ratings as snapshots are sealed with them, and last the hash that is kept of them; rows for `row_digest`.

    Token ids are not in: a response never changes, and its id is.
    """
    g, r, p = t.ratings.c, t.responses.c, t.prompts.c
    first = (g.id, g.rater_id, g.score, g.verdict, g.scale, g.revision, r.id, r.version_number, r.stratum)
    json_texts = (sa.cast(column, sa.Text).label(column.name) for column in (g.flags, g.attributes))
    since = (g.comment, *json_texts, g.shown_at, g.submitted_at, g.active_ms, g.position, g.swapped)
    return (
        sa.select(*first, r.text, p.sha256, p.split, g.other_id, *since, g.sha256)
        .select_from(t.ratings)
        .join(t.responses, r.id == g.response_id)
        .join(t.prompts, p.id == r.prompt_id)
    )


def row_digest(row: Any, salt: str) -> str:
    """The hash of a rating with what it is about: of the rater's salt and all that the row says.

    Nearly all of it stays in the database when the rating is removed; without the salt, which goes then, trying the
    ten scores would find the one that fits.
    """
    return SALTED + _sha256_of([salt, *row[:-1]])


def is_as_hashed(row: Any, salts: dict[int, str | None]) -> bool:
    """Whether a row says what the hash was made of that is kept of it. `salts`: of every rater, by id."""
    kept, salt = str(row[-1]), salts.get(row.rater_id)
    if kept.startswith(SALTED):
        return salt is not None and row_digest(row, salt) == kept
    # an older release hashed neither a salt nor the comment and what follows it
    said, other = row[:OF_OLD], row[OF_OLD]
    return _sha256_of([*said] if other is None else [*said, other]) == kept


def _sha256_of(values: list[Any]) -> str:
    line = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()


def keep_hashes(connection: sa.Connection, rows: Iterable[Any]) -> None:
    """Writes down the hashes of ratings that have none."""
    rows = list(rows)
    if rows:
        salts = _salts(connection, {row.rater_id for row in rows})
        wanted = [{"rating": row.id, "hash": row_digest(row, salts[row.rater_id])} for row in rows]
        connection.execute(_KEEP, wanted)


def _salts(connection: sa.Connection, raters: set[int]) -> dict[int, str]:
    """The salts of raters; those who joined before there were any get theirs."""
    u = t.users.c
    found = {
        i: salt for i, salt in connection.execute(sa.select(u.id, u.salt).where(u.id.in_(raters))) if salt
    }
    fresh = {i: new_salt() for i in sorted(raters - found.keys())}
    if fresh:
        change = t.users.update().where(u.id == sa.bindparam("rater")).values(salt=sa.bindparam("made"))
        connection.execute(change, [{"rater": i, "made": salt} for i, salt in fresh.items()])
    return found | fresh


_UNHASHED = (
    sealed_rows().where(t.ratings.c.sha256.is_(None), t.ratings.c.verdict != REMOVED).order_by(t.ratings.c.id)
)
_KEEP = t.ratings.update().where(t.ratings.c.id == sa.bindparam("rating")).values(sha256=sa.bindparam("hash"))


def check_latest(connection: sa.Connection, found: Round) -> None:
    """Raises Refused for a round after which another has begun: two lines of versions would cross."""
    latest = round_in(connection)
    if latest is not None and latest.number != found.number:
        raise Refused(
            f"Round {found.number} is over: round {latest.number} has begun. Its ratings count there."
        )


def seal_in(connection: sa.Connection, found: Round, actor: str, now: float) -> None:
    """Freezes all current ratings so far, of all rounds, by raters who are not excluded."""
    s = t.snapshot_ratings
    # a round that the gate refused may have been sealed before: its new seal replaces the old one
    connection.execute(s.delete().where(s.c.round_number == found.number))
    picked = trusted_ratings().with_only_columns(sa.literal(found.number), t.ratings.c.id)
    connection.execute(s.insert().from_select(["round_number", "rating_id"], picked))
    keep_hashes(connection, connection.execute(_UNHASHED).all())
    frozen = connection.scalar(sa.select(sa.func.count()).where(s.c.round_number == found.number))
    if frozen == 0:
        raise Refused(f"Round {found.number} cannot be sealed: there are no ratings yet.")
    digest = snapshot_digest(connection, found.number)
    move(connection, found, "sealed", now, snapshot_sha256=digest, gate=None, decision=None)
    note(connection, actor, f"sealed round {found.number}", now, ratings=frozen, sha256=digest)


def _of_excluded(connection: sa.Connection, number: int) -> bool:
    """Whether a snapshot has ratings of people who do not count any more."""
    s = t.snapshot_ratings.c
    query = (
        sa.select(s.rating_id)
        .join(t.ratings, t.ratings.c.id == s.rating_id)
        .join(t.users, t.users.c.id == t.ratings.c.rater_id)
        .where(s.round_number == number, t.users.c.excluded)
    )
    return connection.scalar(query.limit(1)) is not None


def snapshot_in(connection: sa.Connection, number: int) -> list[RatedResponse]:
    s = t.snapshot_ratings.c
    query = (
        rated_query().join(t.snapshot_ratings, s.rating_id == t.ratings.c.id).where(s.round_number == number)
    )
    rows = connection.execute(query.order_by(t.ratings.c.id)).mappings()
    return [rated_of(row) for row in rows]


class Sealing(Database):
    """From rating to a published version."""

    def seal(self, number: int, actor: str) -> Round:
        """rating → sealed: freezes the snapshot that training reads. Later ratings count for the next one.

        Raises Refused when the round is not open for rating or nothing was rated, Missing.
        """
        self.hash_ahead()
        now = time.time()
        with self.writing() as connection:
            found = known_round(connection, number)
            check_latest(connection, found)
            if found.state != "rating":
                raise Refused(
                    f"Round {number} is {found.state}: only a round that is open for rating can be sealed."
                )
            seal_in(connection, found, actor, now)
            return known_round(connection, number)

    def hash_ahead(self) -> None:
        """Hashes the ratings that have no hash yet, a handful at a time: raters wait for a handful at the most.

        What a rating says never changes (a change is a revision), so it makes no difference when it is hashed.
        """
        while True:
            # read under the lock: what a purge has taken away meanwhile shall not be hashed
            with self.writing() as connection:
                rows = connection.execute(_UNHASHED.limit(HASHED_AT_ONCE)).all()
                if not rows:
                    return
                keep_hashes(connection, rows)

    def snapshot(self, number: int) -> list[RatedResponse]:
        """The frozen ratings of a round, by rating id; empty before its seal. Raises Missing."""
        with self.reading() as connection:
            known_round(connection, number)
            return snapshot_in(connection, number)

    def trusted(self) -> list[RatedResponse]:
        """What a seal would freeze now: current ratings of raters who are not excluded, by id."""
        ids = trusted_ratings()
        with self.reading() as connection:
            rows = connection.execute(
                rated_query().where(t.ratings.c.id.in_(ids)).order_by(t.ratings.c.id)
            ).mappings()
            return [rated_of(row) for row in rows]

    def learned_from(self, number: int, rater_id: int) -> tuple[int, int]:
        """How many ratings a round's snapshot holds, and how many of them are this rater's."""
        s = t.snapshot_ratings.c
        every = sa.select(sa.func.count()).select_from(t.snapshot_ratings).where(s.round_number == number)
        own = every.join(t.ratings, t.ratings.c.id == s.rating_id).where(t.ratings.c.rater_id == rater_id)
        with self.reading() as connection:
            return connection.scalar(every) or 0, connection.scalar(own) or 0

    def start_training(self, round_number: int, actor: str, override: bool = False) -> Job:
        """Seals the round and queues its training, in one step.

        Also for a round that failed (with the snapshot it has: training goes on where it stopped; anew, when somebody
        in it does not count any more) and, with `override`, for one that the gate refused. Raises Busy while a
        training is queued or running, Refused when the round is in no state to be trained, Missing.
        """
        self.hash_ahead()
        now = time.time()
        with self.writing() as connection:
            found = known_round(connection, round_number)
            check_latest(connection, found)
            running = active_in(connection, "train")
            if running is not None:
                raise busy_with(running)
            match found.state:
                case "rating":
                    seal_in(connection, found, actor, now)
                case "failed" if _of_excluded(connection, round_number):
                    seal_in(connection, found, actor, now)
                case "failed":
                    move(connection, found, "sealed", now, decision=None)
                case "refused" if not override:
                    why = found.decision or "the reward model cannot be told from chance."
                    raise Refused(
                        f"The gate refused round {round_number}: {why} Rate more, or train all the same."
                    )
                case "refused" if (writing := active_in(connection, "generate")) is not None:
                    raise busy_with(writing)  # the next round has begun, or is about to
                # sealed, training: a job that ended without telling the round; the worker goes on from there
                case "refused" | "sealed" | "training":
                    pass
                case _:
                    raise Refused(f"Round {round_number} is {found.state}: it cannot be trained now.")
            payload = {"round": round_number, "override": override, "actor": actor}
            note(connection, actor, f"started the training of round {round_number}", now, override=override)
            return enqueue_in(connection, "train", payload, now)

    def publish(
        self,
        round_number: int,
        version: Version,
        *,
        gate: dict[str, Any],
        decision: str,
        samples: list[Sample],
    ) -> None:
        """training → published: the version is current, the one before is kept, all in one transaction.

        Raises Refused when the round is not in training, BadInput for a version that exists or samples that
        name something unknown.
        """
        now = time.time()
        with self.writing() as connection:
            found = known_round(connection, round_number)
            values = {"gate": to_json_value(gate), "decision": decision, "published_version": version.number}
            fields = {name: getattr(version, name) for name in Version.__slots__}
            add_version_in(connection, Version(**fields | {"status": "current"}))
            move(connection, found, "published", now, **values)
            try:
                put_samples(connection, samples)
            except sa.exc.IntegrityError as error:
                raise BadInput("A sample names a version or a prompt that does not exist.") from error
            note(connection, "trainer", f"published version {version.number}", now, round=round_number)
