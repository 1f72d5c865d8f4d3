"""A round from rating to a published version: sealed, queued for training, published."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data.checks import to_json_value
from rater_data.errors import BadInput, Refused
from rater_data.lifecycle import Job, Round, Sample, Version
from rater_data.store.database import schema as t
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.jobs import active_in, busy_with, enqueue_in
from rater_data.store.rounds.rating_hashes import UNHASHED, keep_hashes
from rater_data.store.rounds.round_states import known_round, move_round, round_in
from rater_data.store.rounds.rounds import trusted_ratings
from rater_data.store.rounds.snapshots import Snapshots, snapshot_digest
from rater_data.store.rounds.training_log import add_samples_in
from rater_data.store.rounds.versions import add_version_in


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
    keep_hashes(connection, connection.execute(UNHASHED).all())
    frozen = connection.scalar(sa.select(sa.func.count()).where(s.c.round_number == found.number))
    if frozen == 0:
        raise Refused(f"Round {found.number} cannot be sealed: there are no ratings yet.")
    digest = snapshot_digest(connection, found.number)
    move_round(connection, found, "sealed", now, snapshot_sha256=digest, gate=None, decision=None)
    record_event(connection, actor, f"sealed round {found.number}", now, ratings=frozen, sha256=digest)


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


class Sealing(Snapshots):
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
                    move_round(connection, found, "sealed", now, decision=None)
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
            record_event(
                connection, actor, f"started the training of round {round_number}", now, override=override
            )
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
            move_round(connection, found, "published", now, **values)
            try:
                add_samples_in(connection, samples)
            except sa.exc.IntegrityError as error:
                raise BadInput("A sample names a version or a prompt that does not exist.") from error
            record_event(
                connection, "trainer", f"published version {version.number}", now, round=round_number
            )
