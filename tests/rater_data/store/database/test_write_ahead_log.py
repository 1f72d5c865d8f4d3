"""What a store says is kept is on the disk: power that is cut, flushes that are shared, disks that fail."""

import errno
import os
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rater_data.errors import DiskFull
from rater_data.store import DATABASE
from rater_data.store.database import write_ahead_log
from tests.rater_data.store_world import make_world


class Disk:
    """What a machine whose power is cut would find: the files as they were when the log was flushed last."""

    def __init__(self, home, remains):
        self.home, self.remains = home, remains
        self.flushes = self.failures = 0
        self.turns = threading.Event()
        self.turns.set()

    def flush(self, handle):
        assert self.turns.wait(30)
        self.flushes += 1
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EIO, "Input/output error")
        os.fsync(handle)
        shutil.rmtree(self.remains, ignore_errors=True)
        # -shm is memory, and gone with the power
        shutil.copytree(self.home, self.remains, ignore=shutil.ignore_patterns("*-shm"))

    def settings(self):
        return settings_in(self.remains / DATABASE)


def settings_in(database):
    connection = sqlite3.connect(database)
    try:
        return {name for (name,) in connection.execute("SELECT name FROM settings")}
    finally:
        connection.close()


@pytest.fixture
def store(tmp_path):
    store = make_world(tmp_path / "home").store
    yield store
    store.close()


@pytest.fixture
def disk(tmp_path, store, monkeypatch):
    disk = Disk(store.home, tmp_path / "remains")
    monkeypatch.setattr(write_ahead_log, "_flush", disk.flush)
    return disk


def test_what_was_said_to_be_kept_outlives_the_power(store, disk):
    for number in range(5):
        store.set_setting(f"setting {number}", number)
        assert f"setting {number}" in disk.settings()


def test_what_changes_nothing_waits_for_nothing(store, disk):
    with store.writing():
        pass
    assert disk.flushes == 0


def test_who_waits_for_the_disk_holds_nobody_up_and_shares_the_flush(store, disk):
    disk.turns.clear()
    names = [f"setting {number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as threads:
        writers = [threads.submit(store.set_setting, name, 1) for name in names]
        written = time.monotonic() + 30
        while not all(store.setting(name) for name in names) and time.monotonic() < written:
            time.sleep(0.01)
        assert all(store.setting(name) for name in names)  # written, all of them
        assert not any(writer.done() for writer in writers)  # and none said to be kept
        disk.turns.set()
        for writer in writers:
            writer.result(30)
    assert disk.settings() >= set(names)
    assert disk.flushes <= 2


def test_a_flush_that_failed_is_not_believed_the_next_time(store, disk):
    disk.failures = 1
    store.set_setting("kept", 1)
    # the database's own file has it, without the log
    shutil.copy(store.home / DATABASE, disk.remains.with_suffix(".db"))
    assert "kept" in settings_in(disk.remains.with_suffix(".db"))
    store.set_setting("kept, too", 1)
    assert (disk.flushes, disk.settings() >= {"kept", "kept, too"}) == (2, True)


def test_a_disk_that_fails_is_told_until_it_has_everything(store, disk):
    disk.failures = 1
    with store.reading() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM settings").scalar()  # an old state: the log has to stay
        for name in ("first", "second"):
            with pytest.raises(DiskFull, match="could not be read or written"):
                store.set_setting(name, 1)
    store.set_setting("third", 1)
    assert disk.flushes == 1
    shutil.copy(store.home / DATABASE, disk.remains.with_suffix(".db"))
    assert settings_in(disk.remains.with_suffix(".db")) >= {"first", "second", "third"}
