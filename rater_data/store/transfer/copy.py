"""A whole store from one database into another, SQLite or PostgreSQL: every row of every table, or nothing.

Rows are read from one state of the source and written in one transaction, so a copy that is stopped leaves an
empty target. Ids stay; JSON is moved as the text it is. What lies in a home folder beside the database (adapters
and checkpoints) is copied from home to home only.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.migration import MigrationContext

from rater_data.errors import BadInput, Missing, Refused
from rater_data.store.database.addresses import ADDRESS_NOTE, DATABASE, home_address, parse_address
from rater_data.store.database.bulk import analyze_tables, set_sequences, write_rows
from rater_data.store.database.engine import Database, explain_errors
from rater_data.store.database.migrate import check_known, migrate, newest_schema
from rater_data.store.database.schema import metadata

FILES = ("versions", "rounds")
"""What a home holds beside its database and cannot be made again: adapters, and checkpoints of a training."""
BATCH = 2_000  # rows in memory

Wrap = Callable[[str, Iterable[Any], int], Iterable[Any]]
"""Goes around the rows of a table, told their number: a progress bar, or nothing."""


class Place(Database):
    """A database that is copied from or to; `home` where it is the one of a home folder."""

    def __init__(self, name: str) -> None:
        self.folder = None if "://" in name else Path(name).expanduser().absolute()
        if self.folder is not None and self.folder.suffix == ".db":
            raise BadInput(f"{name} is a file: name its home folder, or write sqlite:///{self.folder}.")
        address = parse_address(name) if self.folder is None else home_address(self.folder)
        self.file = Path(address.database or "") if address.get_backend_name() == "sqlite" else None
        super().__init__(self.folder or Path(), address)
        if self.file is not None:
            self.location = self.folder or self.file


def copy_store(source: str, target: str, wrap: Wrap = lambda _name, rows, _total: rows) -> dict[str, int]:
    """Copies a store into an empty one; returns the number of rows by table.

    Each is a home folder or the address of a database. Raises Missing when there is no store at the source,
    Refused when the target is not empty or the source is of an older schema, TooNew, BadInput, DiskFull.
    """
    with closing(Place(source)) as old, closing(Place(target)) as new:
        if old.engine.url == new.engine.url:
            raise BadInput("A store cannot be copied onto itself: name another target.")
        if old.folder is not None and (note := old.folder / ADDRESS_NOTE).is_file():
            raise Refused(
                f"The store of {old.folder} is in the database {note.read_text('utf-8')}: copy from there."
            )
        if old.file is not None and not old.file.is_file():
            raise Missing(f"There is no store at {old.location}: check --from.")
        with explain_errors(new.location), _files(old, new), old.reading() as reading:
            _check_source(reading, old)
            with new.rebuilding() as writing:
                _check_target(writing, new)
                return _copy_tables(reading, writing, wrap)


def _check_source(connection: sa.Connection, old: Place) -> None:
    schema = MigrationContext.configure(connection).get_current_revision()
    if schema is None:
        raise Missing(f"There is no store at {old.location}: check --from.")
    check_known(connection, old.location, schema)
    if schema != newest_schema():
        raise Refused(
            f"The store at {old.location} is of an older release (schema {schema}): open it once with this one, "
            "as with status, which brings it up to date, and copy it then."
        )


def _check_target(connection: sa.Connection, new: Place) -> None:
    migrate(connection, new.location)
    for table in metadata.sorted_tables:
        if connection.execute(sa.select(table).limit(1)).first() is not None:
            raise Refused(f"The store at {new.location} is not empty: a copy needs one that is.")


def _copy_tables(reading: sa.Connection, writing: sa.Connection, wrap: Wrap) -> dict[str, int]:
    counts = {}
    for table in metadata.sorted_tables:
        total = _count(reading, table)
        names = [column.name for column in table.c]
        rows = iter(wrap(table.name, _rows(reading, table), total))
        while batch := list(islice(rows, BATCH)):
            try:
                write_rows(writing, table, names, batch)
            except (sa.exc.IntegrityError, sa.exc.DataError) as error:
                why = str(error.orig).splitlines()[0]
                raise BadInput(
                    f"A row of {table.name} does not fit ({why}): nothing was copied. verify says what is wrong with "
                    "the store that is copied."
                ) from error
        counts[table.name] = _count(writing, table)
        if counts[table.name] != total:
            raise Refused(
                f"Of {total} rows of {table.name} {counts[table.name]} arrived: nothing was copied. Try again."
            )
    set_sequences(writing)
    analyze_tables(writing)
    return counts


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[sa.Row[Any]]:
    columns = [sa.cast(c, sa.Text).label(c.name) if isinstance(c.type, sa.JSON) else c for c in table.c]
    query = sa.select(*columns).order_by(*table.primary_key)  # a version comes after its parent
    yield from connection.execute(query, execution_options={"yield_per": BATCH})


@contextmanager
def _files(old: Place, new: Place) -> Iterator[None]:
    """From home to home: adapters and checkpoints too, removed again when the rows do not arrive."""
    if new.folder is None:
        yield
        return
    created: list[Path] = [] if new.folder.exists() else [new.folder]
    try:
        new.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if old.folder is not None:
            for name in FILES:
                source, target = old.folder / name, new.folder / name
                if target.exists():
                    raise Refused(f"There is {target} already: copy into a new home folder.")
                if source.is_dir():
                    created.append(target)
                    shutil.copytree(source, target)
        if not (new.folder / DATABASE).exists():
            created += [new.folder / (DATABASE + ending) for ending in ("", "-wal", "-shm")]
        yield
    except BaseException:
        new.close()
        for path in created:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        raise
