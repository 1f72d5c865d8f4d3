"""Take the port before anything slow is loaded, or say in a sentence why not."""

from __future__ import annotations

import errno
import socket

from app.settings import Settings
from rater_data.errors import Busy, RateloopError


def open_server_socket(settings: Settings) -> socket.socket:
    """A listening socket. Raises Busy, RateloopError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that name TCP; it costs each answer 40 ms.
    server = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((settings.host.strip("[]"), settings.port))
        server.listen(512)
    except OSError as error:
        server.close()
        if error.errno == errno.EADDRINUSE:
            other = settings.port + 1 if settings.port < 65535 else 7860
            raise Busy(
                f"Port {settings.port} is already in use, perhaps by another Rateloop. "
                f"Choose another one: --port {other}, or PORT={other} make serve."
            ) from None
        raise RateloopError(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from None
    return server
