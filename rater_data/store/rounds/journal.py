"""What is written down along the way: events, settings, guidelines, training steps and samples."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data import checks, guidelines
from rater_data.errors import BadInput, Refused
from rater_data.json_values import to_json_value
from rater_data.lifecycle import Event, Sample
from rater_data.scales import DEFAULT_SCALE, SCALES, Scale
from rater_data.setting_names import CHOSEN_SCALE
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import event_of, sample_of

FIRST_GUIDELINE = 1


def note(connection: sa.Connection, actor: str, what: str, now: float | None = None, /, **data: Any) -> None:
    """An event, inside the transaction of what it tells about."""
    at = time.time() if now is None else now
    connection.execute(t.events.insert().values(at=at, actor=actor, what=what, data=to_json_value(data)))


def put_samples(connection: sa.Connection, samples: list[Sample]) -> None:
    """Adds the samples that are not there yet."""
    key = (t.samples.c.version_number, t.samples.c.prompt_id, t.samples.c.seed)
    versions = {s.version_number for s in samples}
    there = {tuple(row) for row in connection.execute(sa.select(*key).where(key[0].in_(versions)))}
    rows = {
        (s.version_number, s.prompt_id, s.seed): {
            "version_number": s.version_number,
            "prompt_id": s.prompt_id,
            "seed": s.seed,
            "text": checks.kept(s.text),
        }
        for s in samples
    }
    new = [row for where, row in rows.items() if where not in there]
    if new:
        connection.execute(t.samples.insert(), new)


def setting_in(connection: sa.Connection, name: str, default: Any = None) -> Any:
    """The value kept under a name, or the default."""
    row = connection.execute(_SETTING, {"name": name}).one_or_none()
    return default if row is None else row.value


def scale_in(connection: sa.Connection) -> Scale:
    """What raters of this home judge by."""
    return SCALES[setting_in(connection, CHOSEN_SCALE, DEFAULT_SCALE)]


_SETTING = sa.select(t.settings.c.value).where(t.settings.c.name == sa.bindparam("name"))


class Journal(Database):
    """Events, settings, guidelines, steps, samples."""

    def log(self, actor: str, what: str, **data: Any) -> None:
        """Who did what; `data` is anything that JSON can hold. Events are never changed."""
        with self.writing() as connection:
            note(connection, actor, what, **data)

    def events(self, limit: int = 100) -> list[Event]:
        """The newest events, newest first."""
        query = sa.select(t.events).order_by(t.events.c.id.desc()).limit(limit)
        with self.reading() as connection:
            return [event_of(row) for row in connection.execute(query).mappings()]

    def setting(self, name: str, default: Any = None) -> Any:
        """The value kept under a name, or the default."""
        with self.reading() as connection:
            return setting_in(connection, name, default)

    def set_setting(self, name: str, value: Any) -> None:
        """Keeps a value (anything that JSON can hold) under a name."""
        with self.writing() as connection:
            connection.execute(t.settings.delete().where(t.settings.c.name == name))
            connection.execute(t.settings.insert().values(name=name, value=to_json_value(value)))

    def scale(self) -> Scale:
        """What raters of this home judge by."""
        return SCALES[self.setting(CHOSEN_SCALE, DEFAULT_SCALE)]

    def chosen_scale(self) -> str | None:
        """The scale that was chosen here, or that ratings were given on; None while any may be."""
        with self.reading() as connection:
            found = connection.scalar(sa.select(t.ratings.c.scale).limit(1))
            return found or setting_in(connection, CHOSEN_SCALE)

    def choose_scale(self, name: str) -> Scale:
        """Raters judge by this scale from now on.

        Raises BadInput for one that is not known, Refused when ratings were given on another: scores of two
        scales cannot be learned from together.
        """
        if name not in SCALES:
            raise BadInput(f"The scale {name!r} is not known: use one of {', '.join(SCALES)}.")
        other = sa.select(t.ratings.c.scale).where(t.ratings.c.scale != name).limit(1)
        with self.reading() as connection:
            found = connection.scalar(other)
        if found is not None:
            raise Refused(f"This home has ratings on the scale {found}; begin a new home to rate on {name}.")
        if self.scale().name != name:
            self.set_setting(CHOSEN_SCALE, name)
        return SCALES[name]

    def guideline(self) -> tuple[int, str]:
        """Version and text of what raters are asked to go by; the first one is bundled."""
        query = sa.select(t.guidelines).order_by(t.guidelines.c.version.desc()).limit(1)
        with self.reading() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return FIRST_GUIDELINE, guidelines.bundled(scale_in(connection))
        return row.version, row.text

    def set_guideline(self, text: str, actor: str) -> int:
        """Puts a new text in force and returns its version.

        Older ratings keep the version they were given under.
        """
        checks.text("The guideline", text, empty=False)
        now = time.time()
        with self.writing() as connection:
            newest = connection.scalar(sa.select(sa.func.max(t.guidelines.c.version)))
            version = (FIRST_GUIDELINE if newest is None else newest) + 1
            connection.execute(
                t.guidelines.insert().values(version=version, text=text.strip(), actor=actor, at=now)
            )
            note(connection, actor, "changed the guideline", now, version=version)
        return version

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
                put_samples(connection, samples)
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
