"""Brings a database to the schema this program knows, in one transaction, with a backup before."""

import logging
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rater_data.errors import TooNew

SCRIPTS = Path(__file__).parent / "migrations"
log = logging.getLogger(__name__)


def migrate(connection: sa.Connection, where: Path | str, scripts: Path = SCRIPTS) -> str:
    """Runs what is missing on a connection that is inside a write transaction; returns the schema's name.

    Other processes that open the same home wait for the transaction and then find everything done. A file is
    copied first; of a server's database the log says how to keep one. Raises TooNew when the database has a
    schema that this program does not know. `where` is what a person is told: the home, or the address.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    directory = ScriptDirectory.from_config(config)
    known = {script.revision for script in directory.walk_revisions()}
    newest = directory.get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        raise TooNew(
            f"The {_kind(connection)} {where} was written by a newer version of Rateloop (schema {found}; this one "
            f"knows up to {newest}): update Rateloop, or use another {_kind(connection)}."
        )
    if found != newest:
        if found is not None:
            _keep_old(connection, where, found, newest)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest


def _kind(connection: sa.Connection) -> str:
    return "home folder" if connection.dialect.name == "sqlite" else "database"


def _keep_old(connection: sa.Connection, where: Path | str, found: str, newest: str | None) -> None:
    if connection.dialect.name == "sqlite":
        _back_up(Path(connection.engine.url.database or ""), found)
        return
    log.warning(
        "The database at %s goes from schema %s to %s, in one transaction: if that fails it stays as it is. "
        "No copy is made of it here; pg_dump makes one.",
        where,
        found,
        newest,
    )


def _back_up(database: Path, schema: str) -> Path:
    """Copies the database as it was before the migration.

    Written aside first, so that a copy is whole or absent.
    """
    copy = database.with_name(f"{database.name}.before-{schema}")
    aside = copy.with_name(copy.name + ".part")
    aside.unlink(missing_ok=True)
    source, target = sqlite3.connect(database), sqlite3.connect(aside)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    aside.replace(copy)
    return copy
