"""Brings a database to the schema this program knows, in one transaction, with a backup before."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rater_data.errors import TooNew

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(connection: sa.Connection, home: Path, scripts: Path = SCRIPTS) -> str:
    """Runs what is missing on a connection that is inside a write transaction; returns the schema's name.

    Other processes that open the same home wait for the transaction and then find everything done. Raises
    TooNew when the database has a schema that this program does not know.
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
            f"The home folder {home} was written by a newer version of Rateloop (schema {found}; this one "
            f"knows up to {newest}): update Rateloop, or use another home folder."
        )
    if found != newest:
        if found is not None and connection.dialect.name == "sqlite":
            _back_up(home / Path(connection.engine.url.database or "").name, found)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return newest


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
