"""What a training leaves behind: the metrics of its steps, and samples of what versions say."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.checks import to_json_value
from rater_data.errors import BadInput
from rater_data.lifecycle import Sample
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import sample_of


def insert_samples(connection: sa.Connection, samples: list[Sample]) -> None:
    """Adds the samples that are not there yet."""
    columns = (t.samples.c.version_number, t.samples.c.prompt_id, t.samples.c.seed)
    versions = {s.version_number for s in samples}
    stored = {tuple(row) for row in connection.execute(sa.select(*columns).where(columns[0].in_(versions)))}
    rows = {
        (s.version_number, s.prompt_id, s.seed): {
            "version_number": s.version_number,
            "prompt_id": s.prompt_id,
            "seed": s.seed,
            "text": checks.storable_text(s.text),
        }
        for s in samples
    }
    new = [row for key, row in rows.items() if key not in stored]
    if new:
        connection.execute(t.samples.insert(), new)


class TrainingLog(Database):
    """Training steps and samples."""

    def add_step(self, round_number: int, step: int, metrics: dict[str, Any]) -> None:
        """Keeps the metrics of a training step.

        The same step again replaces them. Non-finite numbers become null.
        """
        checks.whole("The step", step)
        where = (t.steps.c.round_number == round_number) & (t.steps.c.step == step)
        row = {
            "round_number": round_number,
            "step": step,
            "metrics": to_json_value({"step": step} | metrics),
            "at": time.time(),
        }
        with self.writing() as connection:
            connection.execute(t.steps.delete().where(where))
            connection.execute(t.steps.insert().values(row))

    def steps(self, round_number: int) -> list[dict[str, Any]]:
        """The metrics of a round's training steps, in order; each has its "step"."""
        query = (
            sa.select(t.steps.c.metrics)
            .where(t.steps.c.round_number == round_number)
            .order_by(t.steps.c.step)
        )
        with self.reading() as connection:
            return list(connection.scalars(query))

    def clear_steps(self, round_number: int) -> None:
        """Forgets a round's steps, before its training begins anew."""
        with self.writing() as connection:
            connection.execute(t.steps.delete().where(t.steps.c.round_number == round_number))

    def add_samples(self, samples: list[Sample]) -> None:
        """Keeps what a version says; the same prompt and seed again changes nothing."""
        with self.writing() as connection:
            try:
                insert_samples(connection, samples)
            except sa.exc.IntegrityError as error:
                raise BadInput("A sample names a version or a prompt that does not exist.") from error

    def samples(self, version_number: int) -> list[Sample]:
        """The samples of a version, by prompt and seed."""
        query = (
            sa.select(t.samples)
            .where(t.samples.c.version_number == version_number)
            .order_by(t.samples.c.prompt_id, t.samples.c.seed)
        )
        with self.reading() as connection:
            return [sample_of(row) for row in connection.execute(query).mappings()]
