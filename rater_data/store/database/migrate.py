"""Brings a database to the schema this program knows, in one transaction, with a backup before."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rater_data.errors import BadInput, Refused, TooNew
from rater_data.files import new_file
from rater_data.store.database.engine import driver_connection

SCRIPTS = Path(__file__).parent / "migrations"
log = logging.getLogger(__name__)


def migrate(connection: sa.Connection, location: Path | str, scripts: Path = SCRIPTS) -> str:
    """Runs what is missing on a connection that is inside a write transaction; returns the schema's name.

    Other processes that open the same home wait for the transaction and then find everything done. A file is
    copied first; of a server's database the log says how to keep one. Raises TooNew when the database has a
    schema that this program does not know. `location`: the home or the address, for messages.
    """
    _check_encoding(connection, location)
    newest = newest_schema(scripts)
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None:
        check_known(connection, location, current, scripts)
    if current != newest:
        if current is not None:
            _keep_copy(connection, location, current, newest)
        config = _config(scripts)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest


def newest_schema(scripts: Path = SCRIPTS) -> str:
    """The name of the schema that this program writes."""
    return ScriptDirectory.from_config(_config(scripts)).get_current_head() or ""


def check_known(
    connection: sa.Connection, location: Path | str, schema: str, scripts: Path = SCRIPTS
) -> None:
    """Raises TooNew for the schema of a later release."""
    directory = ScriptDirectory.from_config(_config(scripts))
    if schema not in {script.revision for script in directory.walk_revisions()}:
        kind = "home folder" if connection.dialect.name == "sqlite" else "database"
        raise TooNew(
            f"The {kind} {location} was written by a newer version of Rateloop (schema {schema}; this one "
            f"knows up to {newest_schema(scripts)}): update Rateloop, or use another {kind}."
        )


def check_newest(connection: sa.Connection, location: Path | str, schema: str) -> None:
    """Raises TooNew for the schema of a later release, Refused for that of an earlier one."""
    check_known(connection, location, schema)
    if schema != newest_schema():
        raise Refused(
            f"The database {location} is of an older release of Rateloop (schema {schema}; this one needs "
            f"{newest_schema()}): update the server's side and start it once, which brings the database up to date. "
            "Then start this one again."
        )


def _config(scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _check_encoding(connection: sa.Connection, location: Path | str) -> None:
    """Raises BadInput for a server's database that cannot keep every text."""
    if connection.dialect.name == "sqlite":
        return
    encoding = driver_connection(connection).info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise BadInput(
            f"The database at {location} keeps text as {encoding}, which has no place for every character: "
            "make it with ENCODING 'UTF8' TEMPLATE template0."
        )


def _keep_copy(connection: sa.Connection, location: Path | str, current: str, newest: str | None) -> None:
    if connection.dialect.name == "sqlite":
        _back_up(Path(connection.engine.url.database or ""), current)
        return
    log.warning(
        "The database at %s goes from schema %s to %s, in one transaction: if that fails it stays as it is. "
        "No copy is made of it here; pg_dump makes one.",
        location,
        current,
        newest,
    )


def _back_up(database: Path, schema: str) -> Path:
    """Copies the database as it was before the migration."""
    copy = database.with_name(f"{database.name}.before-{schema}")
    with (
        new_file(copy) as part,
        closing(sqlite3.connect(database)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        source.backup(target)
    return copy
