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

from app.port import open_server_socket
from app.server import build_app, make_server
from app.settings import Settings
from app.startup import prepare_home
from app.trainer.supervisor import Supervisor
from rater_data.artifacts.opening import open_artifacts
from rater_data.records import User
from rater_data.round_settings import ROUND_CONFIG
from rater_data.scales import DEFAULT_SCALE
from rater_data.store import Store
from tests.rater_data.store_world import open_store

PATIENCE = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], object], what: str, timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain for {what}"
        time.sleep(0.02)


def send_rating(client: httpx.Client, card: dict, score: float | None, **more: object) -> httpx.Response:
    """Rates the card as the page does, with a key of its own."""
    key = f"a key of its own {card['response_id']}"
    return client.post(
        "/api/rate", json={"response_id": card["response_id"], "score": score, "key": key} | more
    )


@dataclass
class Live:
    """A running server. `url` is its address; people sign in through real links."""

    store: Store
    settings: Settings
    supervisor: Supervisor
    messages: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.settings.url

    def link(self, user: User) -> str:
        return f"{self.url}/join/{self.store.make_link(user.id, once=False, ttl_s=600)}"

    @contextlib.contextmanager
    def client(self, user: User | None = None, **headers: str) -> Iterator[httpx.Client]:
        """Speaks like one of our own pages; signed in as `user` if there is one."""
        headers = {"Origin": self.url} | headers
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=PATIENCE) as client:
            if user is not None:
                answer = client.post(self.link(user).removeprefix(self.url))
                assert answer.status_code == 303, answer.text
            yield client


@contextlib.contextmanager
def serving(
    home: Path,
    *,
    worker: bool = False,
    scale: str = DEFAULT_SCALE,
    rounds: dict[str, object] | None = None,
    proxy: str = "",
    root_path: str = "",
    public_url: str = "",
    frame_parent: str = "",
    artifacts: str | None = None,
    **fake: object,
) -> Iterator[Live]:
    """A server on a free port; with `worker`, supervising the fake trainer, configured by `fake`.

    With `rounds`, settings of the rounds, it is the real trainer on the tiny model.
    """
    real = {"worker_module": "tests.fake_worker"} if rounds is None else {"model": "tiny", "device": "cpu"}
    addresses = {"proxy": proxy, "root_path": root_path, "public_url": public_url}
    addresses |= {"frame_parent": frame_parent, "artifacts": artifacts}
    settings = Settings(home=home, port=free_port(), worker=worker, **addresses, **real)
    store = open_store(home)
    kept = open_artifacts(store, artifacts, begin=True)
    store.set_setting("fake", fake)
    store.set_setting(ROUND_CONFIG, rounds or {})
    store.choose_scale(scale)
    messages: list[str] = []
    supervisor = Supervisor(settings, messages.append)
    if worker:
        prepare_home(store)
        supervisor.start()
    listening, servers = open_server_socket(settings), []

    def run() -> None:
        servers.append(make_server(build_app(settings, store, supervisor, kept)))
        servers[0].run(sockets=[listening])

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_until(lambda: servers and servers[0].started, "the server")
    try:
        yield Live(store, settings, supervisor, messages)
    finally:
        servers[0].should_exit = True
        thread.join(PATIENCE)
        supervisor.stop()
        listening.close()
        store.close()
        assert not thread.is_alive()
