"""Exports that are made ready while the console shows how far they are, each then fetched once by who asked for it.

The file has no name any more once it is whole: it is open here, and gone with the process, after a while, or when it
was fetched.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from rater_data.errors import Missing, RateloopError, Refused

if TYPE_CHECKING:
    from rater_data.exporting.formats.base import RowBatch

FILE_TTL = 600.0  # seconds that a file waits to be fetched
MAX_PER_OPERATOR = 4  # exports at a time, those being written and those ready

WriteFile = Callable[["Export"], BinaryIO]
"""Writes the file, telling the export how far it is."""


@dataclass(slots=True)
class Export:
    """One export: whose it is, how far it is, and its file once it is whole."""

    user_id: int
    name: str
    media_type: str
    rows: int = 0
    total: int | None = None
    error: str = ""
    file: BinaryIO | None = None
    ended_at: float | None = None

    def count_rows(self, batches: Iterator[RowBatch], total: int | None) -> Iterator[RowBatch]:
        """The same batches of rows, counted while they pass."""
        self.total = total
        for batch in batches:
            yield batch
            self.rows += len(batch.parts)

    def to_json(self) -> dict[str, Any]:
        state = "failed" if self.error else "writing" if self.file is None else "ready"
        return {"state": state, "rows": self.rows, "of": self.total, "error": self.error, "name": self.name}

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


@dataclass(slots=True)
class PendingExports:
    """What was asked for and not fetched yet, by a secret that only the operator's page knows."""

    exports: dict[str, Export] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closed: bool = False

    def start(self, export: Export, write_file: WriteFile) -> str:
        """Starts writing in a thread of its own; returns the secret of the export."""
        secret = secrets.token_urlsafe(24)
        with self.lock:
            self._drop_expired()
            own = {s: other for s, other in self.exports.items() if other.user_id == export.user_id}
            if len(own) >= MAX_PER_OPERATOR:
                oldest = next((s for s, other in own.items() if other.ended_at is not None), None)
                if oldest is None:
                    raise Refused(
                        f"{MAX_PER_OPERATOR} exports of yours are being made: wait for one of them."
                    )
                self.exports.pop(oldest).close()
            self.exports[secret] = export
        threading.Thread(target=self._run, args=(export, write_file), name="export", daemon=True).start()
        return secret

    def _run(self, export: Export, write_file: WriteFile) -> None:
        try:
            file = write_file(export)
            with self.lock:
                if self.closed:
                    file.close()
                else:
                    export.file = file
        except RateloopError as error:
            export.error = str(error)
        except BaseException:
            export.error = "The server met an error of its own; it is in the server's log."
            raise
        finally:
            export.ended_at = time.monotonic()

    def get(self, secret: str, user_id: int) -> Export:
        """Raises Missing for an export that is gone, or is another operator's."""
        with self.lock:
            self._drop_expired()
            export = self.exports.get(secret)
        if export is None or export.user_id != user_id:
            raise Missing("There is no such export, or it was fetched already: make it again.")
        return export

    def pop(self, secret: str, user_id: int) -> Export:
        """A finished export, for its one download; the caller closes it. Raises Refused, Missing."""
        export = self.get(secret, user_id)
        with self.lock:
            if export.file is None:
                raise Refused(export.error or "The export is still being written: wait until it is ready.")
            if self.exports.pop(secret, None) is None:
                raise Missing("This export was fetched already: make it again.")
        return export

    def close(self) -> None:
        """Drops every export, those too that are still being written: the server ends."""
        with self.lock:
            self.closed = True
            for export in self.exports.values():
                export.close()
            self.exports.clear()

    def _drop_expired(self) -> None:
        oldest_kept = time.monotonic() - FILE_TTL
        for secret, export in list(self.exports.items()):
            if export.ended_at is not None and export.ended_at < oldest_kept:
                del self.exports[secret]
                export.close()
