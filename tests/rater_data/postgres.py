"""A throw-away PostgreSQL server for the tests of the store: the machine's own binaries, an ordinary user.

One server a test run, in a temporary folder, on a Unix socket alone; one fresh database a test, copied from a
template that has the tables already. Nothing is flushed to the disk: it is gone in a minute anyway.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from rater_data.store import Store

PATIENCE = 60.0
SUPERUSER = "rateloop"
TEMPLATE = "template_rateloop"
QUICK = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "listen_addresses=",
    "max_connections=150",
)
# The server ends when its standard input does: with the test run, however that ends
LIFELINE = '"$@" & pid=$!; cat; kill -INT $pid; wait $pid'


def binaries() -> Path | None:
    """The folder with initdb and postgres: on the PATH, or where Debian has them; the newest."""
    on_path = shutil.which("initdb")
    if on_path and Path(on_path).with_name("postgres").is_file():
        return Path(on_path).parent
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    found = [
        folder for folder in folders if (folder / "postgres").is_file() and (folder / "initdb").is_file()
    ]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


def ordinary_user() -> dict[str, object]:
    """How a child is started as somebody else than root, which the server refuses to run as."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": ()}
    pytest.skip("NO POSTGRESQL: it does not run as root, and there is neither postgres nor nobody")


class Server:
    """A running server. `new()` is the address of a fresh database with the tables in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        self._admin = psycopg.connect(self.address("postgres"), autocommit=True)
        self._admin.execute(f"CREATE DATABASE {TEMPLATE}")
        Store.open(folder / "home", self.address(TEMPLATE)).close()

    def address(self, database: str, user: str = SUPERUSER) -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def new(self, *, empty: bool = False) -> str:
        name = f"test_{next(self._numbers)}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else TEMPLATE}")
        return self.address(name)

    def drop(self, address: str) -> None:
        name = re.search(r"/(test_\d+)\?", address)[1]
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> list[tuple]:
        """As the superuser, outside of every test's database."""
        cursor = self._admin.execute(statement)
        return cursor.fetchall() if cursor.description else []

    def tables(self, address: str) -> int:
        """How many tables there are in a test's database."""
        with psycopg.connect(address) as connection:
            query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            return connection.execute(query).fetchone()[0]

    def close(self) -> None:
        self._admin.close()


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server for as long as the block runs. Skips, loudly, where there is none to run."""
    where = binaries()
    if where is None:
        warnings.warn(
            "NO POSTGRESQL: the store was NOT tested on it. Install it (apt install postgresql).",
            stacklevel=2,
        )
        pytest.skip("NO POSTGRESQL: install it to test the store on it too")
    someone = ordinary_user()
    # a socket's path is short: no folder of pytest's
    folder = Path(tempfile.mkdtemp(prefix="rl-pg-", dir="/tmp"))
    try:
        folder.chmod(0o711)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if someone:
            os.chown(folder, someone["user"], someone["group"])
            os.chown(data, someone["user"], someone["group"])
        make = [
            where / "initdb",
            "-D",
            data,
            "-U",
            SUPERUSER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        ]
        done = subprocess.run(make, capture_output=True, text=True, cwd="/", **someone)
        assert done.returncode == 0, done.stderr
        with _serving(where / "postgres", folder, data, someone):
            server = Server(folder)
            try:
                yield server
            finally:
                server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _serving(program: Path, folder: Path, data: Path, someone: dict[str, object]) -> Iterator[None]:
    settings = [word for setting in QUICK for word in ("-c", setting)]
    command = ["sh", "-c", LIFELINE, "sh", program, "-D", data, "-k", folder, *settings]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", **someone)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg.connect(f"postgresql://{SUPERUSER}@/postgres?host={folder}").close()
                break
            except psycopg.OperationalError:
                assert time.monotonic() < end, (folder / "log").read_text(errors="replace")
                time.sleep(0.05)
        yield
    finally:
        child.stdin.close()
        child.wait(PATIENCE)
