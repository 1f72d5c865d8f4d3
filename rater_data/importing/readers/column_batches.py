"""Tables of columns (Parquet, Arrow, `datasets`), read by a process that may die of them."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rater_data.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

MODULE = "rater_data.importing.readers.column_process"
ROOT = Path(__file__).parents[3]  # the folder that the package is in
ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # others reserve a gigabyte, which its limit would count
    "OMP_NUM_THREADS": "1",  # stacks count, too
    "OPENBLAS_NUM_THREADS": "1",
}
IDLE_SECONDS = 10.0  # without a wish it ends
TAKEN_WITHIN = IDLE_SECONDS - 2  # seconds in which it is surely there
END_SECONDS = 10.0  # of a process that closed its output


class Unreadable(Exception):
    """A table that cannot be read, or no further. Its text is why."""


def read_batches(kind: str, name: str, **options: Any) -> Iterator[pa.RecordBatch]:
    """The rows of a table, some at a time, checked.

    `kind`: "parquet" or "saved", with an absolute path; or "hub", with a dataset's name, `split` and `config`. Raises
    Unreadable, and BadInput for a file made to do harm.
    """
    # one of its own for each dataset of the hub: its cache and settings may be others next time
    process = (_idle.take() if kind != "hub" else None) or _Process()
    try:
        yield from process.read({"kind": kind, "name": name, **options})
    finally:
        if kind != "hub" and process.is_ready:
            _idle.keep(process)
        else:
            process.end()


class _Process:
    """A process of MODULE. It ends with this one, however that ends: its input closes then."""

    def __init__(self) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        # its own session: Ctrl-C in the terminal is for this process, which then ends that one
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            start_new_session=True,
            env=os.environ | ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(paths)},
        )
        self.is_ready = True
        self.ready_since = time.monotonic()

    def read(self, wish: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa  # while the process starts

        assert self._child.stdin is not None and self._child.stdout is not None
        self.is_ready = False
        try:
            self._child.stdin.write(json.dumps(wish).encode() + b"\n")
            self._child.stdin.flush()
            with pa.ipc.open_stream(self._child.stdout) as stream:
                yield from stream
            fault = json.loads(self._child.stdout.readline())
        except (pa.ArrowException, OSError, EOFError, ValueError):
            raise Unreadable(self._explain_end()) from None
        self.is_ready, self.ready_since = True, time.monotonic()
        if "sentence" in fault:
            raise BadInput(fault["sentence"])
        if fault:
            raise Unreadable(fault["reason"])

    def _explain_end(self) -> str:
        """Why the process ended: what stopped it, and its last words."""
        try:
            code = self._child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return "its reader does not answer"
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").strip().splitlines() or [""]
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"its reader ended with {how}: {' '.join(lines[-1].split())[:200]}".removesuffix(": ")

    def end(self) -> None:
        self._child.kill()
        self._child.communicate()
        self._words.close()


class _Idle:
    """The process that is kept for the next table: starting one takes longer than reading a small file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def take(self) -> _Process | None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None and time.monotonic() - process.ready_since > TAKEN_WITHIN:
            process.end()
            return None
        return process

    def keep(self, process: _Process) -> None:
        with self._lock:
            before, self._process = self._process, process
        if before is not None:
            before.end()

    def end(self) -> None:
        process = self.take()
        if process is not None:
            process.end()


_idle = _Idle()
atexit.register(_idle.end)
