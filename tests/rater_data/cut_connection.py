"""A way to PostgreSQL that can be cut: between a test's store and its server, on Unix sockets."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

SOCKET = ".s.PGSQL.5432"


class CutConnection:
    """Passes everything on, until it is told not to. `address`: what a store is given in place of its own."""

    def __init__(self, address: str, folder: Path) -> None:
        server = re.search(r"host=([^&]+)", address)[1]
        self.address = address.replace(server, str(folder))
        self._server, self._socket = f"{server}/{SOCKET}", folder / SOCKET
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.lose_commits = 0
        """So many answers to COMMIT are lost: the server has committed, and the connection is cut."""
        self.mend()

    def cut(self) -> None:
        """Ends every connection and takes no new one."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join()
        self._socket.unlink()
        for pair in self._pairs:
            self._end(pair)
        self._pairs.clear()

    def mend(self) -> None:
        """Takes connections again."""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self._socket))
        self._listening.listen(64)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        listening = self._listening
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            self._pairs.append((client, server))
            for one, other, to_server in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=(one, other, to_server), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, to_server: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not to_server and self.lose_commits and _is_commit(data):
                    self.lose_commits -= 1
                    break
                target.sendall(data)
        self._end((source, target))
        source.close()

    @staticmethod
    def _end(pair: tuple[socket.socket, socket.socket]) -> None:
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _is_commit(data: bytes) -> bool:
    """Whether this is the server's answer that it has committed: CommandComplete with the tag COMMIT."""
    return b"C" + struct.pack("!i", 11) + b"COMMIT\0" in data


@contextlib.contextmanager
def cuttable(address: str) -> Iterator[CutConnection]:
    """A way to the database of an address, for as long as the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="rl-cut-", dir="/tmp"))  # a socket's path is short
    way = CutConnection(address, folder)
    try:
        yield way
    finally:
        way.cut()
        shutil.rmtree(folder)
