"""What holds for a whole home: named settings, the scale that raters judge by, and the guidelines."""

import time
from typing import Any

import sqlalchemy as sa

from rater_data import checks, guidelines
from rater_data.checks import to_json_value
from rater_data.errors import BadInput, Refused
from rater_data.round_settings import CHOSEN_SCALE, ROUND_CONFIG, is_continuation
from rater_data.scales import DEFAULT_SCALE, SCALES, Scale
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.round_states import find_round

FIRST_GUIDELINE = 1


def read_setting(connection: sa.Connection, name: str, default: Any = None) -> Any:
    """The value kept under a name, or the default."""
    row = connection.execute(_SETTING, {"name": name}).one_or_none()
    return default if row is None else row.value


def write_setting(connection: sa.Connection, name: str, value: Any) -> None:
    """Keeps a value (anything that JSON can hold) under a name."""
    connection.execute(t.settings.delete().where(t.settings.c.name == name))
    connection.execute(t.settings.insert().values(name=name, value=to_json_value(value)))


def read_scale(connection: sa.Connection) -> Scale:
    """What raters of this home judge by."""
    return SCALES[read_setting(connection, CHOSEN_SCALE, DEFAULT_SCALE)]


_SETTING = sa.select(t.settings.c.value).where(t.settings.c.name == sa.bindparam("name"))


class HomeSettings(Database):
    """Settings, scale and guidelines."""

    def setting(self, name: str, default: Any = None) -> Any:
        """The value kept under a name, or the default."""
        with self.reading() as connection:
            return read_setting(connection, name, default)

    def set_setting(self, name: str, value: Any) -> None:
        """Keeps a value (anything that JSON can hold) under a name."""
        with self.writing() as connection:
            write_setting(connection, name, value)

    def scale(self) -> Scale:
        """What raters of this home judge by."""
        return SCALES[self.setting(CHOSEN_SCALE, DEFAULT_SCALE)]

    def chosen_scale(self) -> str | None:
        """The scale that was chosen here, or that ratings were given on; None while any may be."""
        with self.reading() as connection:
            used = connection.scalar(sa.select(t.ratings.c.scale).limit(1))
            return used or read_setting(connection, CHOSEN_SCALE)

    def choose_scale(self, name: str) -> Scale:
        """Raters judge by this scale from now on.

        Raises BadInput for one that is not known, Refused when ratings were given on another: scores of two
        scales cannot be learned from together.
        """
        if name not in SCALES:
            raise BadInput(f"The scale {name!r} is not known: use one of {', '.join(SCALES)}.")
        other = sa.select(t.ratings.c.scale).where(t.ratings.c.scale != name).limit(1)
        with self.reading() as connection:
            used = connection.scalar(other)
        if used is not None:
            raise Refused(f"This home has ratings on the scale {used}; begin a new home to rate on {name}.")
        if self.scale().name != name:
            self.set_setting(CHOSEN_SCALE, name)
        return SCALES[name]

    def guideline(self) -> tuple[int, str]:
        """Version and text of what raters are asked to go by; the first one is bundled, and fits the open round."""
        query = sa.select(t.guidelines).order_by(t.guidelines.c.version.desc()).limit(1)
        with self.reading() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                latest = find_round(connection)
                config = read_setting(connection, ROUND_CONFIG, {}) if latest is None else latest.config
                text = guidelines.bundled_guideline(read_scale(connection), is_continuation(config))
                return FIRST_GUIDELINE, text
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
            record_event(connection, actor, "changed the guideline", now, version=version)
        return version
