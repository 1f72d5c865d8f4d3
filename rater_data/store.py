"""The store: everything that is known, behind short methods. One method is one transaction.

`Store` is put together from its subjects, each in a module of its own: people, prompts, versions, rounds, the
queue, ratings, jobs and the journal. Any thread may call any method.
"""

import os
from pathlib import Path
from typing import Self

import sqlalchemy as sa

from rater_data.database import told_plainly
from rater_data.errors import BadInput
from rater_data.migrate import migrate
from rater_data.store_coverage import Coverage
from rater_data.store_imports import Imports
from rater_data.store_jobs import Jobs
from rater_data.store_journal import Journal
from rater_data.store_people import People
from rater_data.store_prompts import Prompts
from rater_data.store_purging import Purging
from rater_data.store_queue import Queue
from rater_data.store_ratings import Ratings
from rater_data.store_rounds import Rounds
from rater_data.store_sealing import Sealing
from rater_data.store_stats import Stats
from rater_data.store_versions import Versions

DATABASE = "rateloop.db"


def default_home() -> Path:
    """$RATELOOP_HOME, or ~/.rateloop."""
    named = os.environ.get("RATELOOP_HOME", "").strip()
    return Path(named).expanduser() if named else Path.home() / ".rateloop"


class Store(
    People,
    Prompts,
    Versions,
    Rounds,
    Sealing,
    Queue,
    Ratings,
    Imports,
    Purging,
    Coverage,
    Stats,
    Jobs,
    Journal,
):
    """One home folder with its database. Made by `Store.open`."""

    @classmethod
    def open(cls, home: Path | str | None = None, url: str | None = None) -> Self:
        """Opens a home, making it when it is new and migrating it when it is old.

        The database is `rateloop.db` in the home, or at `url`. Raises TooNew for a home of a newer version,
        DiskFull when there is no room, and BadInput for a home that cannot be used.
        """
        home = (Path(home).expanduser() if home is not None else default_home()).absolute()
        _make_home(home)
        store = cls(home, _address(home, url))
        try:
            with store._rebuilding() as connection:
                migrate(connection, home)
        except BaseException as error:
            store.close()
            if url and isinstance(error, sa.exc.OperationalError):
                raise BadInput(
                    f"The database at {_shown(url)} cannot be reached: {_first_line(error)}"
                ) from error
            raise
        return store


def _address(home: Path, url: str | None) -> sa.URL:
    if not url:
        return sa.URL.create("sqlite", database=str(home / DATABASE))
    try:
        address = sa.make_url(url)
        address.get_dialect().import_dbapi()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError):
        raise BadInput(
            "The address of the database is not understood: write it as postgresql://user@host/name."
        ) from None
    except ImportError as error:
        raise BadInput(
            f"The database at {_shown(url)} needs the package {error.name}: install it first."
        ) from None
    return address


def _shown(url: str) -> str:
    """The address without its password."""
    return sa.make_url(url).render_as_string(hide_password=True)


def _first_line(error: sa.exc.OperationalError) -> str:
    return str(error.orig).strip().split("\n")[0]


def _make_home(home: Path) -> None:
    if home.exists() and not home.is_dir():
        raise BadInput(f"The home folder {home} is a file: choose a folder with --home or RATELOOP_HOME.")
    with told_plainly(home):
        if not home.exists():
            home.mkdir(parents=True, mode=0o700)
            home.chmod(0o700)  # whatever the umask says: ratings are private
    if not os.access(home, os.W_OK | os.X_OK):
        raise BadInput(
            f"The home folder {home} may not be written: choose another with --home or RATELOOP_HOME."
        )
