"""docs/access.md, row by row: as nobody, as a rater, as an operator; with cookies and with tokens."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from app.server import build_app
from app.settings import Settings
from app.trainer.supervisor import Supervisor
from rater_data.store import Store
from tests import fake_worker
from tests.app.helpers import Live, serving
from tests.paths import DOCS

PAGE = DOCS / "access.md"
TABLE = [
    tuple(cell.strip().strip("`") for cell in line.strip("|\n").split("|"))
    for line in PAGE.read_text().splitlines()
    if re.match(r"\| (GET|POST)", line)
]
WHO = ("nobody", "rater", "operator")
BODIES = {
    "/api/rate": {"response_id": 1, "score": 99, "key": "a key of its own"},
    "/api/revise": {"rating_id": 1, "score": 5},
    "/api/heartbeat": {"response_id": 1},
    "/api/train": {},
    "/api/rollback": {"to": 9},
    "/api/invite": {"name": "zoe"},
    "/api/token": {"name": "zoe"},
}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("doors")) as server:
        fake_worker.generate(server.store, {"overlap": 100})
        for role in WHO[1:]:
            server.store.add_user(role, role)
        yield server


def ask(client: httpx.Client, method: str, path: str) -> str:
    """What the table would say of an answer."""
    handlers = "/gradio_api/run/" in path
    body = {"data": ["{}", None, None], "session_hash": "x"} if handlers else BODIES.get(path, {})
    url = f"{client.base_url}".rstrip("/") + path.replace("{secret}", "guess")
    request = client.build_request(method, url, json=None if method == "GET" else body)
    # httpx tidies a path up; what is asked here goes over the wire as it stands
    request.url = request.url.copy_with(raw_path=path.replace("{secret}", "guess").encode())
    answer = client.send(request)
    if answer.status_code == 303 and answer.headers["location"] == "/sign-in":
        return "sign in"
    if answer.status_code in (401, 403):
        return "no"
    if answer.status_code == 404 and not path.startswith("/api/"):
        return "nothing"
    assert answer.status_code < 500 or handlers, answer.text
    return "yes"


@contextlib.contextmanager
def signed_in(live: Live, who: str) -> Iterator[httpx.Client]:
    with live.client(None if who == "nobody" else live.store.user_by_name(who)) as client:
        yield client


@pytest.mark.parametrize(("method", "path", "expected"), [(row[0], row[1], row[2:]) for row in TABLE])
def test_the_table_holds(live: Live, method: str, path: str, expected: tuple[str, ...]) -> None:
    answers = []
    for who in WHO:
        with signed_in(live, who) as client:
            answers.append(ask(client, method, path))
    assert tuple(answers) == expected


@pytest.mark.parametrize(
    ("method", "path", "expected"), [(r[0], r[1], r[2:]) for r in TABLE if r[1].startswith("/api/")]
)
def test_tokens_open_what_their_owner_may(
    live: Live, method: str, path: str, expected: tuple[str, ...]
) -> None:
    answers = []
    for who in WHO[1:]:
        token = live.store.make_token(live.store.user_by_name(who).id, "op", ttl_s=60)
        with httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {token}"}) as client:
            answers.append(ask(client, method, path))
    assert tuple(answers) == expected[1:]


def test_a_token_opens_no_page(live: Live) -> None:
    token = live.store.make_token(live.store.user_by_name("operator").id, "op", ttl_s=60)
    with httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {token}"}) as client:
        assert client.get("/operator/").headers["location"] == "/sign-in"
        assert client.get("/operator/config").status_code == 401


def test_every_route_has_its_row(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    settings = Settings(home=tmp_path, port=7999, worker=False)
    app = build_app(settings, store, Supervisor(settings, print))
    routes = {
        (method, route.path)
        for route in all_routes(app.app.routes)
        for method in route.methods - {"HEAD", "OPTIONS"}
    }
    store.close()
    assert len(routes) > 15
    assert routes - {(method, path) for method, path, *_ in TABLE} == set()


def all_routes(routes: list) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from all_routes(route.original_router.routes)
