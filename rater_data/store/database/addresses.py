"""Where a store is kept: `rateloop.db` in a home folder, or a PostgreSQL database by its address."""

from pathlib import Path

import sqlalchemy as sa

from rater_data.errors import BadInput

DATABASE = "rateloop.db"
ADDRESS_NOTE = "database.txt"
"""In a home whose database is elsewhere: its address, without the password."""
DRIVER = "psycopg"
EXPECTED_FORM = "write it as postgresql://user@host/name"


def home_address(home: Path) -> sa.URL:
    """The database of a home that has its own."""
    return sa.URL.create("sqlite", database=str(home / DATABASE))


def parse_address(url: str) -> sa.URL:
    """The address as SQLAlchemy needs it, with the driver that we have.

    `postgresql://` and `postgres://` are taken, and `sqlite:///` with a file. Raises BadInput for what is no
    address of a database that can be used.
    """
    text = url.strip()
    if text.startswith("postgres://"):  # as some hosts hand it out
        text = "postgresql" + text.removeprefix("postgres")
    try:
        address = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise BadInput(f"The address of the database is not understood: {EXPECTED_FORM}.") from None
    kind, _, driver = address.drivername.partition("+")
    if kind == "sqlite" and driver in ("", "pysqlite") and address.database:
        return address.set(drivername="sqlite", database=str(Path(address.database).expanduser().absolute()))
    if kind != "postgresql":
        raise BadInput(
            f"The address of the database is not understood: {EXPECTED_FORM}, or leave it out for the home's own."
        )
    if driver not in ("", DRIVER):
        raise BadInput(f"The driver {driver} is not used here: {EXPECTED_FORM}.")
    return address.set(drivername=f"postgresql+{DRIVER}")


def display_address(address: sa.URL) -> str:
    """What a person may read of an address: a file, or the address without password and driver."""
    if address.get_backend_name() == "sqlite":
        return address.database or ""
    query = {key: value for key, value in address.query.items() if key != "password"}
    without_secrets = address.set(drivername="postgresql", query=query)
    return without_secrets.render_as_string(hide_password=True)
