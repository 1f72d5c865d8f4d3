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
    from rater_data.exporting.rating_rows import Rows

KEPT_S = 600.0  # how long a file waits to be fetched
MOST = 4  # exports of one operator at a time, waiting ones and ready ones

Make = Callable[["Export"], BinaryIO]
"""Writes the file, telling the export how far it is."""


@dataclass(slots=True)
class Export:
    """One export: whose it is, how far it is, and its file once it is whole."""

    user_id: int
    name: str
    kind: str
    rows: int = 0
    total: int | None = None
    error: str = ""
    file: BinaryIO | None = None
    ended_at: float | None = None

    def counted(self, rows: Iterator[Rows], total: int | None) -> Iterator[Rows]:
        """The rows, counted while they pass."""
        self.total = total
        for some in rows:
            yield some
            self.rows += len(some.parts)

    def as_json(self) -> dict[str, Any]:
        state = "failed" if self.error else "writing" if self.file is None else "ready"
        return {"state": state, "rows": self.rows, "of": self.total, "error": self.error, "name": self.name}

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


@dataclass(slots=True)
class Shelf:
    """What was asked for and not fetched yet, by a secret that only the operator's page knows."""

    exports: dict[str, Export] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closed: bool = False

    def begin(self, export: Export, make: Make) -> str:
        """Starts writing beside everything else; the secret of the export."""
        secret = secrets.token_urlsafe(24)
        with self.lock:
            self._clear()
            mine = {s: one for s, one in self.exports.items() if one.user_id == export.user_id}
            if len(mine) >= MOST:
                oldest = next((s for s, one in mine.items() if one.ended_at is not None), None)
                if oldest is None:
                    raise Refused(f"{MOST} exports of yours are being made: wait for one of them.")
                self.exports.pop(oldest).close()
            self.exports[secret] = export
        threading.Thread(target=self._run, args=(export, make), name="export", daemon=True).start()
        return secret

    def _run(self, export: Export, make: Make) -> None:
        try:
            file = make(export)
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

    def of(self, secret: str, user_id: int) -> Export:
        """Raises Missing for what is not there any more, or is another's."""
        with self.lock:
            self._clear()
            found = self.exports.get(secret)
        if found is None or found.user_id != user_id:
            raise Missing("There is no such export, or it was fetched already: make it again.")
        return found

    def take(self, secret: str, user_id: int) -> Export:
        """An export whose file is whole, for its one fetching; whoever takes it closes it."""
        found = self.of(secret, user_id)
        with self.lock:
            if found.file is None:
                raise Refused(found.error or "The export is still being written: wait until it is ready.")
            if self.exports.pop(secret, None) is None:
                raise Missing("This export was fetched already: make it again.")
        return found

    def close(self) -> None:
        """Lets all go, those too that are still being written: the server ends."""
        with self.lock:
            self.closed = True
            for one in self.exports.values():
                one.close()
            self.exports.clear()

    def _clear(self) -> None:
        old = time.monotonic() - KEPT_S
        for secret, one in list(self.exports.items()):
            if one.ended_at is not None and one.ended_at < old:
                del self.exports[secret]
                one.close()
