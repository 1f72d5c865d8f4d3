"""A round from rating to a published version: sealed, queued for training, published."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data.checks import to_json_value
from rater_data.errors import BadInput, Refused
from rater_data.lifecycle import Job, Round, Sample, Version
from rater_data.store.database import schema as t
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.jobs import busy_error, find_active_job, insert_job
from rater_data.store.rounds.rating_hashes import UNHASHED, UNHASHED_EDITS, keep_hashes
from rater_data.store.rounds.round_states import find_round, move_round, require_round
from rater_data.store.rounds.rounds import trusted_edits, trusted_ratings
from rater_data.store.rounds.snapshots import Snapshots, snapshot_digest
from rater_data.store.rounds.training_log import insert_samples
from rater_data.store.rounds.versions import insert_version


def check_latest(connection: sa.Connection, round_: Round) -> None:
    """Raises Refused for a round after which another has begun: two lines of versions would cross."""
    latest = find_round(connection)
    if latest is not None and latest.number != round_.number:
        raise Refused(
            f"Round {round_.number} is over: round {latest.number} has begun. Its ratings count there."
        )


def seal_round(connection: sa.Connection, round_: Round, actor: str, now: float) -> None:
    """Freezes all current ratings and better answers so far, of all rounds, by raters who are not excluded."""
    s, e = t.snapshot_ratings, t.snapshot_edits
    # a round that the gate refused may have been sealed before: its new seal replaces the old one
    connection.execute(s.delete().where(s.c.round_number == round_.number))
    picked = trusted_ratings().with_only_columns(sa.literal(round_.number), t.ratings.c.id)
    connection.execute(s.insert().from_select(["round_number", "rating_id"], picked))
    keep_hashes(connection, connection.execute(UNHASHED).all())
    connection.execute(e.delete().where(e.c.round_number == round_.number))
    written = trusted_edits().with_only_columns(sa.literal(round_.number), t.edits.c.id)
    edits = connection.execute(e.insert().from_select(["round_number", "edit_id"], written)).rowcount
    keep_hashes(connection, connection.execute(UNHASHED_EDITS).all(), t.edits)
    frozen = connection.scalar(sa.select(sa.func.count()).where(s.c.round_number == round_.number))
    if frozen == 0:
        raise Refused(f"Round {round_.number} cannot be sealed: there are no ratings yet.")
    digest = snapshot_digest(connection, round_.number)
    move_round(connection, round_, "sealed", now, snapshot_sha256=digest, gate=None, decision=None)
    counts = {"ratings": frozen} | ({"edits": edits} if edits else {})
    record_event(connection, actor, f"sealed round {round_.number}", now, **counts, sha256=digest)


def _of_excluded(connection: sa.Connection, number: int) -> bool:
    """Whether a snapshot has what people said who do not count any more."""
    excluded = sa.select(t.users.c.id).where(t.users.c.excluded)
    for frozen, one, table in (
        (t.snapshot_ratings, t.snapshot_ratings.c.rating_id, t.ratings),
        (t.snapshot_edits, t.snapshot_edits.c.edit_id, t.edits),
    ):
        query = sa.select(one).join(table, table.c.id == one)
        query = query.where(frozen.c.round_number == number, table.c.rater_id.in_(excluded))
        if connection.scalar(query.limit(1)) is not None:
            return True
    return False


class Sealing(Snapshots):
    """From rating to a published version."""

    def seal(self, number: int, actor: str) -> Round:
        """rating → sealed: freezes the snapshot that training reads. Later ratings count for the next one.

        Raises Refused when the round is not open for rating or nothing was rated, Missing.
        """
        self.hash_ahead()
        now = time.time()
        with self.writing() as connection:
            round_ = require_round(connection, number)
            check_latest(connection, round_)
            if round_.state != "rating":
                raise Refused(
                    f"Round {number} is {round_.state}: only a round that is open for rating can be sealed."
                )
            seal_round(connection, round_, actor, now)
            return require_round(connection, number)

    def start_training(self, round_number: int, actor: str, override: bool = False) -> Job:
        """Seals the round and queues its training, in one step.

        Also for a round that failed (with the snapshot it has: training goes on where it stopped; anew, when somebody
        in it does not count any more) and, with `override`, for one that the gate refused. Raises Busy while a
        training is queued or running, Refused when the round is in no state to be trained, Missing.
        """
        self.hash_ahead()
        now = time.time()
        with self.writing() as connection:
            round_ = require_round(connection, round_number)
            check_latest(connection, round_)
            running = find_active_job(connection, "train")
            if running is not None:
                raise busy_error(running)
            match round_.state:
                case "rating":
                    seal_round(connection, round_, actor, now)
                case "failed" if _of_excluded(connection, round_number):
                    seal_round(connection, round_, actor, now)
                case "failed":
                    move_round(connection, round_, "sealed", now, decision=None)
                case "refused" if not override:
                    why = round_.decision or "the reward model cannot be told from chance."
                    whose = "" if round_.kept_nothing else f"The gate refused round {round_number}: "
                    raise Refused(f"{whose}{why} Rate more, or train all the same.")
                case "refused" if (writing := find_active_job(connection, "generate")) is not None:
                    raise busy_error(writing)  # the next round has begun, or is about to
                # sealed, training: a job that ended without telling the round; the worker goes on from there
                case "refused" | "sealed" | "training":
                    pass
                case _:
                    raise Refused(f"Round {round_number} is {round_.state}: it cannot be trained now.")
            payload = {"round": round_number, "override": override, "actor": actor}
            record_event(
                connection, actor, f"started the training of round {round_number}", now, override=override
            )
            return insert_job(connection, "train", payload, now)

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
            round_ = require_round(connection, round_number)
            values = {"gate": to_json_value(gate), "decision": decision, "published_version": version.number}
            fields = {name: getattr(version, name) for name in Version.__slots__}
            insert_version(connection, Version(**fields | {"status": "current"}))
            move_round(connection, round_, "published", now, **values)
            try:
                insert_samples(connection, samples)
            except sa.exc.IntegrityError as error:
                raise BadInput("A sample names a version or a prompt that does not exist.") from error
            record_event(
                connection, "trainer", f"published version {version.number}", now, round=round_number
            )
