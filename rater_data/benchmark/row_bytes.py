"""What a row costs on the disk, its share of the indexes included: counted in the database's own pages."""

import sqlalchemy as sa

from rater_data.store import Store
from rater_data.store.database import schema as t

COUNTED = (t.ratings, t.responses, t.snapshot_ratings)
"""Tables that grow with use; the others stay small."""
_SQLITE = (
    "SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name = :table)"
)
_POSTGRES = "SELECT pg_total_relation_size(CAST(:table AS regclass))"


def bytes_per_row(store: Store) -> dict[str, float]:
    """By table: bytes of its pages and of its indexes' for each row. Nothing where SQLite was built without dbstat.

    A table without rows is left out. Pages are as full as inserting in order leaves them.
    """
    with store.reading() as connection:
        if connection.dialect.name == "sqlite":
            options = {row[0] for row in connection.exec_driver_sql("PRAGMA compile_options")}
            if "ENABLE_DBSTAT_VTAB" not in options:
                return {}
        size = sa.text(_SQLITE if connection.dialect.name == "sqlite" else _POSTGRES)
        found = {}
        for table in COUNTED:
            rows = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            if rows:
                found[table.name] = float(connection.scalar(size, {"table": table.name}) or 0) / rows
        return found
