"""A stand-in for a reverse proxy: it passes requests on, as well or as badly as it is told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.app.helpers import free_port, wait_until

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "host"}


class Relay:
    """`strips`: takes the path away; `host`: what it says for Host, None for what the browser sent; `adds`: headers."""

    def __init__(
        self,
        target: str,
        root: str = "",
        *,
        strips: bool = False,
        host: str | None = None,
        adds: dict[str, str],
    ) -> None:
        self.target, self.root, self.strips, self.host, self.adds = target, root, strips, host, adds
        self.port = free_port()
        self.client = httpx.AsyncClient(trust_env=False, timeout=90)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.root}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        request = Request(scope, receive)
        path = scope["raw_path"].decode()
        path = path.removeprefix(self.root) if self.strips else path
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
        headers |= {"host": self.host or request.headers["host"], **self.adds}
        async with self.client.stream(
            request.method, f"{self.target}{path}{query}", headers=headers, content=await request.body()
        ) as answer:
            passed = [(k, v) for k, v in answer.headers.multi_items() if k not in HOP_BY_HOP]
            response = StreamingResponse(answer.aiter_raw(), answer.status_code)
            response.raw_headers = [(k.encode(), v.encode()) for k, v in passed]
            await response(scope, receive, send)

    async def live(self, receive: Receive, send: Send) -> None:
        for event in ("startup", "shutdown"):
            await receive()
            if event == "shutdown":
                await self.client.aclose()
            await send({"type": f"lifespan.{event}.complete"})


@contextlib.contextmanager
def relaying(
    target: str,
    root: str = "",
    *,
    strips: bool = False,
    host: str | None = None,
    adds: dict[str, str] | None = None,
) -> Iterator[Relay]:
    """A relay that runs, before the server at `target`."""
    relay = Relay(target, root, strips=strips, host=host, adds=adds or {})
    config = uvicorn.Config(
        relay, port=relay.port, log_level="warning", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the relay")
    try:
        yield relay
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
