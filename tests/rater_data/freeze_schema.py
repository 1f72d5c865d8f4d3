"""A small home of today's schema as SQL, to be kept before a migration changes it.

`python -m tests.rater_data.freeze_schema > tests/golden/schema_0006.sql`: opened by every later release in the tests.
"""

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from rater_data.store import DATABASE
from tests.rater_data.store_world import make_world, rate_next


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), prompts=3, k=2, quota=4)
        for score in (3, 8, 5, 9):
            rate_next(world.store, world.rater, score)
        world.store.seal(1, "operator")
        world.store.close()
        with closing(sqlite3.connect(Path(folder) / DATABASE)) as database:
            sys.stdout.writelines(f"{line}\n" for line in database.iterdump())


if __name__ == "__main__":
    main()
