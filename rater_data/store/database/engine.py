"""The engine under the store: connections, transactions, and database errors explained in sentences.

Reads run in a deferred transaction, so that several queries see one state. Writes run in BEGIN IMMEDIATE
under one lock per process: two threads never meet in SQLite's busy back-off, which costs a tenfold tail
latency. The disk is waited for after the lock was let go (`write_ahead_log`). On PostgreSQL an advisory lock
keeps the writers of several processes apart in the same way; the lock of the process comes before it, so that
writers who wait hold no connection.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from rater_data.errors import Away, BadInput, DiskFull, Unavailable
from rater_data.files import NO_ROOM, explain_os_error
from rater_data.store.database.addresses import display_address
from rater_data.store.database.patience import Patience
from rater_data.store.database.postgres_errors import explain_postgres_error
from rater_data.store.database.recent_answers import RecentAnswers
from rater_data.store.database.write_ahead_log import WriteAheadLog

NOT_WRITTEN = "The disk of {where} could not be read or written: check it. Nothing was half-written."
BUSY_TIMEOUT_MS = 30_000  # how long a writer waits for a writer of another process
CONNECTING = {
    "connect_timeout": 10,  # seconds, for a server that does not answer at all
    # A machine that vanishes, or a network that is cut, is noticed after a minute and not after a quarter of an hour
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
TRANSACTION = "transaction"  # in a connection's `info`: PostgreSQL's number of the transaction that writes
ADVISORY_LOCK = 7_160_316  # any number that no other program of the same PostgreSQL database uses

# allow_nan: NaN is no JSON, and PostgreSQL would refuse it. Made once: `json.dumps` makes one for each value
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_EMPTY: dict[type, str] = {list: "[]", tuple: "[]", dict: "{}"}  # most columns of most rows

_locks: dict[str, threading.Lock] = {}
_logs: dict[str, WriteAheadLog] = {}
_guard = threading.Lock()  # of both


def write_lock(url: sa.URL) -> threading.Lock:
    """The process-wide lock of a database, the same for every store that has it open."""
    with _guard:
        return _locks.setdefault(url.render_as_string(hide_password=False), threading.Lock())


def write_ahead_log(url: sa.URL) -> WriteAheadLog | None:
    """The process-wide log of SQLite's database, the same for every store that has it open; None for a server's."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    with _guard:
        return _logs.setdefault(url.database, WriteAheadLog(Path(url.database)))


def make_engine(url: sa.URL) -> sa.Engine:
    """An engine whose SQLite connections check foreign keys and leave BEGIN, and the wait for the disk, to us."""
    options: dict[str, Any] = {"json_serializer": _to_json}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000}
        engine = sa.create_engine(url, pool_size=16, max_overflow=48, **options)
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine
    options["connect_args"] = {k: v for k, v in CONNECTING.items() if k not in url.query}
    # A server has a hundred connections by default, for all processes together. The ping finds those that a
    # restart of the server has cut, before a rater's click does.
    engine = sa.create_engine(url, pool_size=8, max_overflow=24, pool_pre_ping=True, **options)
    sa.event.listen(engine, "connect", _set_up_postgres)
    sa.event.listen(engine, "begin", _begin_postgres)
    return engine


def _to_json(value: Any) -> str:
    empty = None if value else _EMPTY.get(type(value))
    return _encode(value) if empty is None else empty


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Python's sqlite3 would begin transactions only at the first write, and not for DDL: it is told to
    # begin none
    connection.isolation_level = None
    try:
        for pragma in (f"busy_timeout = {BUSY_TIMEOUT_MS}", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
    except UnicodeDecodeError as error:  # SQLite quotes what it found in place of a table's definition
        damaged = sqlite3.DatabaseError("malformed database schema")
        damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damaged from error
    # Turning a new file to WAL does not wait for other processes that open it, so it is tried again
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_up_postgres(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        # The planner takes every read for one of a turning disk and would rather go through all ratings than
        # look up a round's: fifty milliseconds instead of ten at 100,000 ratings
        cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}; SET random_page_cost = 1.1")
        # The server notices one that vanished as soon, and lets go of the writers' lock that it held
        cursor.execute(
            "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
        )
    connection.commit()


def _begin_postgres(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        asked = sa.select(
            sa.func.pg_advisory_xact_lock(ADVISORY_LOCK), sa.cast(sa.func.pg_current_xact_id(), sa.Text)
        )
        connection.info[TRANSACTION] = connection.execute(asked).one()[1]


@contextmanager
def explain_errors(location: Path | str) -> Iterator[None]:
    """Turns what a person can mend (a full disk, a locked file) into an error with a sentence; lets bugs through."""
    try:
        yield
    except (sa.exc.DBAPIError, sqlite3.Error, OSError) as error:
        explained = _explain(error, location)
        if explained is None:
            raise
        raise explained from error


def _explain(error: Exception, location: Path | str) -> Exception | None:
    if isinstance(error, OSError):
        return explain_os_error(error, location)
    if isinstance(error, sa.exc.DBAPIError) and hasattr(error.orig, "sqlstate"):
        return explain_postgres_error(error, str(location))
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF  # the low byte; the rest says where it happened
    match primary:
        case sqlite3.SQLITE_FULL:
            return DiskFull(NO_ROOM.format(where=location))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(f"Another program holds the database in {location}: try again in a moment.")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return Unavailable(
                f"The database in {location} cannot be opened for writing: check who may write there."
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return Unavailable(
                f"The database in {location} is damaged or no database at all: restore it from a backup."
            )
        case sqlite3.SQLITE_IOERR:
            return DiskFull(NOT_WRITTEN.format(where=location))
    return None


def driver_connection(connection: sa.Connection) -> Any:
    """The driver's own connection, for what SQLAlchemy has no words for."""
    return connection.connection.driver_connection


class Database:
    """One open database in a home folder. The subjects of the store build on `reading` and `writing`."""

    def __init__(self, home: Path, url: sa.URL) -> None:
        self.home = home
        self.engine = make_engine(url)
        self._consistent: sa.Connection | None = None
        self._writer = self.engine.execution_options(writes=True)
        sqlite = url.get_backend_name() == "sqlite"
        # SQLite's readers see one state by themselves
        isolation = {} if sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = self.engine.execution_options(**isolation)
        self._lock = write_lock(url)
        self._log = write_ahead_log(url)
        self.recent_answers = RecentAnswers()
        self.patience = Patience(0)
        """How long a database that is away is waited for, before and after a transaction."""
        self.location: Path | str = home if sqlite else display_address(url)
        """Where the database is, for error messages: a folder, or an address without its password."""

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite's; else it is a server's."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database."""
        if self._consistent is not None:
            with explain_errors(self.location):
                yield self._consistent
            return
        with (
            explain_errors(self.location),
            self._begun(self._reader) as (connection, transaction),
            transaction,
        ):
            yield connection

    @contextmanager
    def consistent_reads(self) -> Iterator[Self]:
        """The same store, for one thread and for reading: all that is asked of it comes from one state of the database.

        Whatever others write in the meantime is not seen. Within such a store it is that store itself.
        """
        if self._consistent is not None:
            yield self
            return
        with self.reading() as connection:
            view = copy(self)
            view._consistent = connection
            yield view

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is committed at the end of the block and leaves nothing behind if it raises.

        A connection that is lost while it commits leaves open whether it did: then the database is asked. So whoever
        gets Away may do the same again, and nothing is done twice.
        """
        assert self._consistent is None, "one state of the database is only read"
        with (
            explain_errors(self.location),
            self._flushing(),
            self._lock,
            self._begun(self._writer) as (connection, transaction),
            self._noting_writes(connection),
        ):
            number, to_commit = connection.info.get(TRANSACTION, ""), False
            try:
                with transaction:
                    yield connection
                    to_commit = True
            except sa.exc.DBAPIError as error:
                lost = to_commit and number and error.connection_invalidated
                if not (lost and self._was_committed(number, error)):
                    raise

    @contextmanager
    def _noting_writes(self, connection: sa.Connection, tables: bool = False) -> Iterator[None]:
        """What the block commits has to be flushed, unless it changed no row, and no `tables` either."""
        if self._log is None:
            yield
            return
        driver = driver_connection(connection)
        before = driver.total_changes
        yield
        if tables or driver.total_changes != before:
            self._log.wrote()

    @contextmanager
    def _flushing(self) -> Iterator[None]:
        """All that was committed is on the disk at the end of the block."""
        yield
        if self._log is not None:
            self._log.flush(self._checkpoint)

    def _checkpoint(self) -> None:
        """Moves the whole log into the database's file, which is flushed. Raises DiskFull."""
        with self.engine.connect() as connection:
            row = driver_connection(connection).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        _busy, pages, moved = row
        if moved < pages:
            raise DiskFull(NOT_WRITTEN.format(where=self.location))

    @contextmanager
    def _begun(self, engine: sa.Engine) -> Iterator[tuple[sa.Connection, sa.RootTransaction]]:
        """A connection with a transaction begun on it. A database that is away is waited for."""

        def begin() -> tuple[sa.Connection, sa.RootTransaction]:
            with explain_errors(self.location), ExitStack() as undo:
                connection = undo.enter_context(engine.connect())
                transaction = connection.begin()
                undo.pop_all()
            return connection, transaction

        connection, transaction = self.patience.wait_for(f"the database at {self.location}", begin)
        with connection:
            yield connection, transaction

    def _was_committed(self, number: str, lost: sa.exc.DBAPIError) -> bool:
        """Whether PostgreSQL committed a transaction of which no answer came."""
        status = sa.text("SELECT pg_xact_status(CAST(:number AS xid8))")

        def ask() -> bool:
            with self.reading() as connection:
                found = connection.scalar(status, {"number": number})
            if found == "in progress":  # the server has not noticed yet that nobody is there
                raise Away(f"The database at {self.location} still holds what was cut off.")
            return bool(found == "committed")

        try:
            return self.patience.wait_for(f"the database at {self.location}", ask)
        except Unavailable:
            raise lost from None

    @contextmanager
    def rebuilding(self) -> Iterator[sa.Connection]:
        """A write transaction in which tables may be built anew: then foreign keys are checked at its end.

        SQLite builds a table anew by dropping it, and a dropped table that others point to would be refused. Where
        nothing was built there is nothing to check: a large home opens at once, and `verify` tells of a damaged one.
        """
        sqlite = self.is_file
        with (
            explain_errors(self.location),
            self._flushing(),
            self._lock,
            self._writer.connect() as connection,
            self._noting_writes(connection, tables=True),
        ):
            driver = driver_connection(connection)
            if sqlite:
                driver.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    before = connection.exec_driver_sql("PRAGMA schema_version").scalar() if sqlite else None
                    yield connection
                    built = sqlite and connection.exec_driver_sql("PRAGMA schema_version").scalar() != before
                    if built and (dangling := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
                        raise BadInput(f"The database points to {len(dangling)} rows that do not exist.")
            finally:
                if sqlite:
                    driver.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        """Closes every connection; the store cannot be used afterwards."""
        self.engine.dispose()
