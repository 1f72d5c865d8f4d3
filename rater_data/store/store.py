"""The store: everything that is known, behind short methods. One method is one transaction.

`Store` is put together from its subjects, each in a module of its own: people, their access, prompts, versions,
rounds, the queue, ratings, jobs and the journal. Any thread may call any method.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Self

import sqlalchemy as sa
from alembic.migration import MigrationContext

from rater_data.errors import BadInput, Missing
from rater_data.store.cards.edits import Edits
from rater_data.store.cards.leases import CardLeases
from rater_data.store.cards.ratings import Ratings
from rater_data.store.cards.screen_context import ScreenContexts
from rater_data.store.database.addresses import (
    ADDRESS_NOTE,
    DATABASE,
    display_address,
    home_address,
    parse_address,
)
from rater_data.store.database.engine import explain_errors
from rater_data.store.database.migrate import check_newest, migrate
from rater_data.store.people.access import Access
from rater_data.store.people.people import People
from rater_data.store.people.purge import Purging
from rater_data.store.reports.coverage import Coverage
from rater_data.store.reports.edit_rows import EditRows
from rater_data.store.reports.export_rows import ExportRows
from rater_data.store.reports.guidelines_followed import GuidelinesFollowed
from rater_data.store.reports.rater_repeats import RaterRepeats
from rater_data.store.reports.rating_fingerprints import RatingFingerprints
from rater_data.store.reports.round_verdicts import RoundVerdicts
from rater_data.store.reports.vital_signs import VitalSigns
from rater_data.store.rounds.events import Events
from rater_data.store.rounds.jobs import Jobs
from rater_data.store.rounds.prompts import Prompts
from rater_data.store.rounds.rounds import Rounds
from rater_data.store.rounds.sealing import Sealing
from rater_data.store.rounds.settings import HomeSettings
from rater_data.store.rounds.training_log import TrainingLog
from rater_data.store.rounds.versions import Versions
from rater_data.store.rounds.workers import Workers
from rater_data.store.transfer.imports import Imports

__all__ = ["DATABASE", "Store", "default_home"]


def default_home() -> Path:
    """$RATELOOP_HOME, or ~/.rateloop."""
    named = os.environ.get("RATELOOP_HOME", "").strip()
    return Path(named).expanduser() if named else Path.home() / ".rateloop"


class Store(
    People,
    Access,
    Prompts,
    Versions,
    Rounds,
    Sealing,
    CardLeases,
    Ratings,
    Edits,
    ScreenContexts,
    Imports,
    ExportRows,
    EditRows,
    Purging,
    Coverage,
    GuidelinesFollowed,
    RoundVerdicts,
    RaterRepeats,
    RatingFingerprints,
    VitalSigns,
    Jobs,
    Events,
    HomeSettings,
    TrainingLog,
    Workers,
):
    """One home folder with its database. Made by `Store.open`."""

    @classmethod
    def open(
        cls,
        home: Path | str | None = None,
        url: str | None = None,
        *,
        make: bool = True,
        upgrade: bool = True,
    ) -> Self:
        """Opens a home, making it when it is new and migrating it when it is old.

        The database is `rateloop.db` in the home, or at `url`. Raises TooNew for a home of a newer version,
        DiskFull when there is no room, and BadInput for a home or an address that cannot be used. With `make` false
        raises Missing where there is no store, and makes nothing. With `upgrade` false, for one of several who use
        it, an older schema is not migrated: Refused is raised, or Missing where there are no tables.
        """
        home = (Path(home).expanduser() if home is not None else default_home()).absolute()
        address = parse_address(url) if url else home_address(home)
        if make:
            _make_home(home)
        if not url:
            _check_no_other_address(home)
        if not make:
            _check_exists(home, address)
        store = cls(home, address)
        try:
            with store.rebuilding() as connection:
                schema = MigrationContext.configure(connection).get_current_revision()
                if schema is None and not (make and upgrade):
                    raise _missing_store(address)
                if schema is not None and not upgrade:
                    check_newest(connection, store.location, schema)
                migrate(connection, store.location)
        except BaseException:
            store.close()
            raise
        if url and make:
            _note_address(home, display_address(address))
        return store


def _note_address(home: Path, address: str) -> None:
    note = home / ADDRESS_NOTE
    if not note.is_file() or note.read_text("utf-8") != address:
        with explain_errors(home):
            note.write_text(address, encoding="utf-8")


def _check_no_other_address(home: Path) -> None:
    """A command that was not told the address would begin a second, empty store, or go on with an old one."""
    note = home / ADDRESS_NOTE
    if note.is_file():
        raise BadInput(
            f"What belongs to the home folder {home} is kept in the database {note.read_text('utf-8')}: name it "
            f"with RATELOOP_DATABASE_URL or --database. To go on without it, remove {note} first."
        )


def _check_exists(home: Path, address: sa.URL) -> None:
    """Raises Missing where no file is that SQLite could open; it would make one."""
    if address.get_backend_name() != "sqlite":
        return
    file = Path(address.database or "")
    with explain_errors(file):
        if address == home_address(home) and not home.exists():
            raise Missing(f"There is no home folder at {home}: check the path, or make one with init.")
        if not file.is_file() or file.stat().st_size == 0:
            raise _missing_store(address)
        with file.open("rb") as opened:
            is_wal = opened.read(19)[18:] == b"\x02"
        if not is_wal:  # somebody else's, most likely: it stays as it is
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
                if not database.execute(
                    "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
                ).fetchone():
                    raise _missing_store(address)


def _missing_store(address: sa.URL) -> Missing:
    return Missing(
        f"There is no store at {display_address(address)}: check the path or address, or make one with init."
    )


def _make_home(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise BadInput(f"The home folder {home} is a file: choose a folder with --home or RATELOOP_HOME.")
    with explain_errors(home):
        if not home.exists():
            home.mkdir(parents=True, mode=0o700)
            home.chmod(0o700)  # whatever the umask says: ratings are private
    if not os.access(home, os.W_OK | os.X_OK):
        raise BadInput(
            f"The home folder {home} may not be written: choose another with --home or RATELOOP_HOME."
        )
