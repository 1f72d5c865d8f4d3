"""Many rows at once, past the records: for copies and for synthetic stores. JSON columns are given as their text."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.store.database.engine import driver_connection
from rater_data.store.database.schema import metadata


def write_rows(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Any]) -> None:
    """Adds rows, each with a value for every one of the columns named."""
    columns = ", ".join(f'"{name}"' for name in names)
    if connection.dialect.name == "postgresql":
        _copy_rows(connection, table, names, f'COPY "{table.name}" ({columns}) FROM STDIN', rows)
        return
    places = ", ".join("?" * len(names))
    connection.exec_driver_sql(
        f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})', [tuple(row) for row in rows]
    )


def _copy_rows(
    connection: sa.Connection, table: sa.Table, names: Sequence[str], command: str, rows: Sequence[Any]
) -> None:
    """By COPY, in a third of the time of INSERT. It goes past SQLAlchemy, so its errors are handed to SQLAlchemy."""
    import psycopg  # only who has a server needs it

    driver = driver_connection(connection)
    try:
        with driver.cursor() as cursor, cursor.copy(command) as lines:
            for row in rows:
                lines.write_row(row)
    except psycopg.DataError as error:
        for row in rows:
            _check_texts(table, dict(zip(names, row, strict=True)))
        raise _as_sqlalchemy_error(error, command, driver) from error
    except psycopg.Error as error:
        raise _as_sqlalchemy_error(error, command, driver) from error


def _as_sqlalchemy_error(error: Any, command: str, driver: Any) -> Exception:
    """A driver's error as SQLAlchemy raises it, which `explain_errors` understands."""
    import psycopg

    return sa.exc.DBAPIError.instance(
        command, None, error, psycopg.Error, connection_invalidated=bool(driver.closed or driver.broken)
    )


def _check_texts(table: sa.Table, row: dict[str, Any]) -> None:
    """Raises BadInput for a text that SQLite keeps and PostgreSQL does not, telling where it is."""
    key = ", ".join(f"{column.name} {row[column.name]}" for column in table.primary_key if column.name in row)
    for name, value in row.items():
        if isinstance(value, str):
            checks.text(f"In {table.name} ({key}), {name}", value)


def set_sequences(connection: sa.Connection) -> None:
    """The next id comes after the highest: ids were given by hand, of which a sequence knows nothing."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            last = connection.scalar(sa.select(sa.func.max(column)))
            where = sa.func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(sa.select(sa.func.setval(where, last or 1, last is not None)))


def analyze_tables(connection: sa.Connection) -> None:
    """Lets PostgreSQL's planner know what came: by itself it would a minute later, and plan badly until then."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE")
