"""SQLite's write-ahead log, brought to the disk once for all who wait.

With `synchronous = FULL` every commit waits for the disk by itself, while it holds the database: a tenth of a
millisecond where the log is written over, several where it grows or the machine is busy, and all other writers wait
with it. With NORMAL the log is written at the commit and flushed before its pages go into the database's file. So a
commit is flushed here, after the database was let go: the next one is written meanwhile, and whoever waits for the same
flush shares it. Nobody is told that something is kept before it is.

SQLite locks the database's file and the `-shm` file, not the log: to open and close the log here takes no lock away.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

_flush = getattr(os, "fdatasync", os.fsync)  # macOS has the second alone


class WriteAheadLog:
    """What was committed to a database's log, and how much of it is on the disk. For all threads of a process."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-wal")
        self._written = 0  # commits
        self._flushed = 0  # of them
        self._is_doubtful = False
        self._flushing = threading.Lock()

    def wrote(self) -> None:
        """There is one commit more in the log. Called while the database is held."""
        self._written += 1

    def flush(self, checkpoint: Callable[[], None]) -> None:
        """Returns once all that was committed until now is on the disk; raises what `checkpoint` raises.

        A flush that failed is not asked for again: the system may have dropped what it could not write, and would say
        that all is well. `checkpoint` moves the log, as it is in memory, into the database's file.
        """
        wanted = self._written
        if self._flushed >= wanted:
            return
        with self._flushing:
            if self._flushed >= wanted:
                return  # by somebody who was waited for
            until = self._written
            self._is_doubtful = self._is_doubtful or not self._flush_file()
            if self._is_doubtful:
                checkpoint()
                self._is_doubtful = False
            self._flushed = until

    def _flush_file(self) -> bool:
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return True  # the last connection was closed: all of it is in the database's file
        try:
            _flush(handle)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True
