"""The server as a whole: its port, its headers, its closed doors, its commands."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from app.access.auth import Guard, WrongRole
from app.access.security_middleware import SecurityMiddleware
from app.cli import app as cli
from app.port import open_server_socket
from app.settings import Settings
from rater_data.errors import Busy
from rater_data.store import Store
from tests.app.helpers import Live, free_port, serving


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("server")) as server:
        server.store.add_user("op", "operator")
        server.store.add_user("ann", "rater")
        yield server


def person(live: Live, name: str) -> AbstractContextManager[httpx.Client]:
    return live.client(next(user for user in live.store.users() if user.name == name))


def test_busy_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Busy, match=f"Port {port} is already in use.*--port {port + 1}"):
            open_server_socket(Settings(home=tmp_path, port=port))
        ran = CliRunner().invoke(cli, ["serve", "--home", str(tmp_path / "home"), "--port", str(port)])
    assert ran.exit_code == 1
    assert f"Port {port} is already in use" in ran.output
    assert "Traceback" not in ran.output
    assert not (tmp_path / "home").exists()


def test_headers(live: Live) -> None:
    with person(live, "ann") as ann:
        pages = [ann.get(path) for path in ("/sign-in", "/rate/", "/api/card", "/nothing")]
    nonces = set()
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "'unsafe-eval'" in policy
        assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-frame-options"] == "DENY"
        assert "no-referrer" not in page.headers["referrer-policy"], "our own forms would lose their Origin"
        nonces.add(re.search(r"nonce-([\w-]+)", policy).group(1))
    assert len(nonces) == len(pages), "a nonce is used once"


def test_other_sites_are_not_let_in(live: Live) -> None:
    evil = {"Origin": "https://evil.example", "Host": "rate.example"}
    with person(live, "op") as op:
        for path in ("/operator/", "/operator/config", "/rate/config", "/api/card", "/operator/theme.css"):
            answer = op.get(path, headers=evil)
            assert answer.status_code == 200
            assert [name for name in answer.headers if name.startswith("access-control")] == []
        assert op.options("/api/rate", headers=evil).status_code == 403


def test_gradio_page_is_ours(live: Live) -> None:
    with person(live, "ann") as ann:
        answer = ann.get("/rate/")
    nonce = re.search(r"nonce-([\w-]+)", answer.headers["content-security-policy"]).group(1)
    assert re.findall(r"<script(?! nonce=)", answer.text) == []
    assert answer.text.count(f'<script nonce="{nonce}"') >= 4
    for elsewhere in ("og:image", "raw.githubusercontent", "twitter:", "fonts.googleapis"):
        assert elsewhere not in answer.text
    assert "/base.css" in answer.text


CLOSED = [
    ("POST", "gradio_api/upload"),
    ("GET", "gradio_api/upload_progress?upload_id=x"),
    ("POST", "gradio_api/queue/join"),
    ("GET", "gradio_api/queue/data?session_hash=x"),
    ("POST", "gradio_api/call/predict"),
    ("POST", "gradio_api/api/predict"),
    ("GET", "gradio_api/file=/etc/passwd"),
    ("GET", "gradio_api/proxy=https://example.org"),
    ("GET", "gradio_api/runs"),
    ("GET", "gradio_api/user"),
    ("GET", "gradio_api/token"),
    ("GET", "gradio_api/openapi.json"),
    ("POST", "gradio_api/component_server"),
    ("POST", "gradio_api/vibe-edit"),
    ("GET", "monitoring"),
    ("GET", "admin"),
    ("POST", "login"),
    ("GET", "logout"),
    ("PUT", ""),
    ("DELETE", "config"),
]


@pytest.mark.parametrize(("method", "path"), CLOSED)
@pytest.mark.parametrize("mount", ["rate", "operator"])
def test_gradios_other_doors_are_closed(live: Live, mount: str, method: str, path: str) -> None:
    with person(live, "op") as op:
        assert op.request(method, f"/{mount}/{path}").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["config", "gradio_api/info", "gradio_api/startup-events", "gradio_api/app_id", "gradio_api/heartbeat/x"],
)
def test_mount_asks_for_its_role(live: Live, path: str) -> None:
    with live.client() as nobody, person(live, "ann") as ann:
        assert nobody.get(f"/rate/{path}").status_code == 401
        assert nobody.get(f"/operator/{path}").status_code == 401
        assert ann.get(f"/operator/{path}").status_code == 403


def test_every_console_handler_refuses_a_rater(live: Live) -> None:
    with person(live, "op") as op, person(live, "ann") as ann, live.client() as nobody:
        handlers = op.get("/operator/config").json()["dependencies"]
        assert len(handlers) >= 20
        before = len(live.store.users())
        for handler in handlers:
            body = {"data": ["mallory"], "fn_index": handler["id"], "session_hash": "x"}
            for name in ("predict", handler["api_name"]):
                assert ann.post(f"/operator/gradio_api/run/{name}", json=body).status_code == 403
                assert nobody.post(f"/operator/gradio_api/run/{name}", json=body).status_code == 401
                elsewhere = ann.post(f"/rate/gradio_api/run/{name}", json=body)
                assert elsewhere.status_code == 404
    assert len(live.store.users()) == before


def test_console_handlers_check_the_role_themselves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the outer doors left open, the guard inside each handler still refuses."""

    async def open_door(*_: object) -> None:
        return None

    async def anybody(*_: object) -> str:
        return "mallory"

    monkeypatch.setattr(SecurityMiddleware, "find_refusal", open_door)
    monkeypatch.setattr(Guard, "operator_name", anybody)
    checks: list[str] = []

    def refuse(self: Guard, request: object) -> None:
        checks.append("asked")
        raise WrongRole("Only an operator may do this.")

    monkeypatch.setattr(Guard, "require_operator", refuse)
    with serving(tmp_path) as live, live.client(live.store.add_user("ann", "rater")) as ann:
        before = [store_of(live), live.store.events(1)]
        handlers = ann.get("/operator/config").json()["dependencies"]
        assert len(handlers) >= 20
        for count, handler in enumerate(handlers, start=1):
            body = {
                "data": [None] * len(handler["inputs"]),
                "event_data": {"to": 0, "who": 1, "what": "off", "prompt": 1, "kind": ".txt", "text": "x"},
                "fn_index": handler["id"],
                "session_hash": "x",
            }
            answer = ann.post("/operator/gradio_api/run/predict", json=body)
            assert (answer.status_code, answer.json()) == (500, {"error": None}), handler["api_name"]
            assert len(checks) == count, f"{handler['api_name']} did not ask the guard"
        assert [store_of(live), live.store.events(1)] == before


def store_of(live: Live) -> list[object]:
    """What a handler could have changed."""
    store = live.store
    settings = [store.setting(name) for name in ("asks", "round_config", "scale")]
    return [store.users(), store.prompts(), store.jobs(), store.guideline(), settings, store.versions()]


def test_long_and_unmeasured_bodies_are_refused(live: Live) -> None:
    with person(live, "ann") as ann:
        assert ann.post("/api/rate", content=b"x" * 300_000).status_code == 413
        assert ann.post("/api/rate", content=iter([b"{}"])).status_code == 411


def test_serve_prints_one_link_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "app",
        "serve",
        "--home",
        str(tmp_path),
        "--port",
        str(port),
        "--no-worker",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        line = server.stdout.readline()
        assert re.fullmatch(
            rf"Rateloop is ready: http://127\.0\.0\.1:{port}/join/\S+  "
            r"\(opens the console as operator, once and within an hour; python -m app link: another\)\n",
            line,
        )
        server.send_signal(signal.SIGINT)
        assert server.wait(15) in (0, -signal.SIGINT, 130)
        assert server.stdout.read() == "Stopped. Everything is saved; start again to go on.\n"


def test_links_from_the_command_line(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    ran = CliRunner().invoke(
        cli, ["invite", "ann", "--home", str(tmp_path), "--url", "https://rate.example/"]
    )
    assert ran.exit_code == 0
    assert ran.output.startswith("https://rate.example/join/")
    ran = CliRunner().invoke(cli, ["link", "--home", str(tmp_path)])
    assert re.match(r"http://127\.0\.0\.1:\d+/join/\S+\n", ran.output)
    store = Store.open(tmp_path)
    assert {user.name: user.role for user in store.users()} == {"ann": "rater", "operator": "operator"}
    store.close()
    for arguments, expected in (
        (["invite", "eve", "--operator"], "/join/"),
        (["link", "eve"], "/join/"),
        (["link", "zoe"], "There is nobody called zoe."),
        (["tokens"], "No token works at the moment."),
        (["token", "bot", "--days", "2"], "rl-"),
        (["tokens"], "bot (rater), made "),
        (["tokens", "--take-back", "99"], "There is no such token any more."),
    ):
        ran = CliRunner().invoke(cli, [*arguments, "--home", str(tmp_path)])
        assert expected in ran.output, arguments
        assert ran.exit_code == (1 if expected.startswith("There is") else 0)
    ran = CliRunner().invoke(cli, ["tokens", "--home", str(tmp_path)])
    number = ran.output.split()[0]
    ran = CliRunner().invoke(cli, ["tokens", "--take-back", number, "--home", str(tmp_path)])
    assert ran.output == "A token of bot was taken back: it works no more.\n"
    store = Store.open(tmp_path)
    assert {event.actor for event in store.events() if event.what != "joined as rater"} >= {"terminal"}
    assert store.user_by_name("eve").role == "operator"
    assert store.tokens() == []
    store.close()
