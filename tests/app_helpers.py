"""A real server in a thread, people who are signed in to it, and a browser: for the tests of the app."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app import operating
from app.listening import listen
from app.server import build, make_server
from app.settings import Settings
from app.supervisor import Supervisor
from rater_data.records import User
from rater_data.store import Store

PATIENCE = 20.0

# Gradio makes event loops while it builds a page and leaves them to the garbage collector.
gradio_leaves_loops = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(found: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not found():
        assert time.monotonic() < end, f"waited {patience} s in vain for {what}"
        time.sleep(0.02)


@dataclass
class Live:
    """A running server. `url` is its address; people sign in through real links."""

    store: Store
    settings: Settings
    supervisor: Supervisor
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.settings.url

    def link(self, user: User) -> str:
        return f"{self.url}/join/{self.store.make_link(user.id, once=False, ttl_s=600)}"

    def client(self, user: User | None = None) -> httpx.Client:
        """Speaks like one of our own pages; signed in as `user` if there is one."""
        client = httpx.Client(
            base_url=self.url, headers={"Origin": self.url}, trust_env=False, timeout=PATIENCE
        )
        if user is not None:
            answer = client.post(self.link(user).removeprefix(self.url))
            assert answer.status_code == 303, answer.text
        return client


@contextlib.contextmanager
def serving(home: Path, *, worker: bool = False, **fake: object) -> Iterator[Live]:
    """A server on a free port; with `worker`, supervising the fake trainer that behaves as `fake` says."""
    settings = Settings(home=home, port=free_port(), worker=worker, worker_module="tests.fake_worker")
    store = Store.open(home)
    store.set_setting("fake", fake)
    said: list[str] = []
    supervisor = Supervisor(settings, said.append)
    if worker:
        operating.first_run(store)
        supervisor.start()
    server = make_server(build(settings, store, supervisor))
    taken = listen(settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    until(lambda: server.started, "the server")
    try:
        yield Live(store, settings, supervisor, said)
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        supervisor.stop()
        taken.close()
        store.close()
        assert not thread.is_alive()
