"""Who gets in, and how: links, cookies, roles, the brake."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import auth
from app.auth import Throttle, TooMany, session_secret
from rater_data.errors import RateloopError
from tests.app_helpers import Live, serving


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("auth")) as server:
        yield server


@pytest.fixture(autouse=True)
def no_brake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test comes from the same address; only the test of the brake wants to be stopped by it."""
    monkeypatch.setattr(Throttle, "note_wrong", lambda *_: None)


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secret = session_secret(tmp_path)
    assert len(secret) >= 48
    assert session_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / "session.key").stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.mkdir()
    assert session_secret(other) != secret


def test_damaged_secret_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "session.key").write_text("short")
    with pytest.raises(RateloopError, match="is damaged: delete it"):
        session_secret(tmp_path)


def test_looking_at_a_link_does_not_use_it(live: Live) -> None:
    user = live.store.add_user("op once", "operator")
    link = f"/join/{live.store.make_link(user.id, once=True, ttl_s=60)}"
    with live.client() as preview, live.client() as person, live.client() as late:
        for _ in range(3):
            page = preview.get(link)
            assert page.status_code == 200
            assert "Continue" in page.text
            assert not preview.cookies
        answer = person.post(link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/operator/")
        again = late.post(link)
        assert again.status_code == 403
        assert "This link does not work" in again.text
        assert not late.cookies


def test_cookie_is_signed_and_closed(live: Live) -> None:
    user = live.store.add_user("cookie", "rater")
    with live.client() as client:
        answer = client.post(live.link(user))
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(live.settings.cookie_name)
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert client.get("/api/card").status_code == 200
    name = live.settings.cookie_name
    value = answer.cookies[name]
    for forged in (value[:-2] + "xx", f"{user.id}", "", "null"):
        with live.client() as client:
            assert client.get("/api/card", headers={"Cookie": f"{name}={forged}"}).status_code == 401


def test_sign_out_is_a_post(live: Live) -> None:
    with live.client(live.store.add_user("leaver", "rater")) as client:
        assert client.get("/sign-out").status_code == 405
        assert client.get("/api/card").status_code == 200
        assert client.post("/sign-out").status_code == 200
        assert client.get("/api/card").status_code == 401


def test_access_ends_at_once(live: Live) -> None:
    user = live.store.add_user("shut out", "rater")
    with live.client(user) as client:
        assert client.get("/api/card").status_code == 200
        live.store.set_active(user.id, False)
        answer = client.get("/api/card")
        assert answer.status_code == 401
        assert "signed out" in answer.json()["error"]
        assert client.post(live.link(user)).status_code == 403


def test_brake_stops_guessing_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    brake = Throttle(allowed=3, window=60)
    now = [1000.0]
    monkeypatch.setattr(auth.time, "monotonic", lambda: now[0])
    for _ in range(3):
        brake.check("here")
        brake.note_wrong("here")
    with pytest.raises(TooMany, match="wait a minute"):
        brake.check("here")
    brake.check("somewhere else")
    now[0] += 61
    brake.check("here")


def test_wrong_links_are_throttled(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with live.client(**{"X-Forwarded-For": "203.0.113.9"}) as client:
        statuses = [client.post(f"/join/guess-{i}").status_code for i in range(200)]
    assert statuses[: auth.WRONG_LINKS_ALLOWED] == [403] * auth.WRONG_LINKS_ALLOWED
    assert set(statuses[auth.WRONG_LINKS_ALLOWED :]) == {429}


@pytest.mark.parametrize(
    ("who", "path", "status", "where"),
    [
        (None, "/", 303, "/sign-in"),
        (None, "/rate/", 303, "/sign-in"),
        (None, "/operator/", 303, "/sign-in"),
        (None, "/sign-in", 200, None),
        ("rater", "/", 303, "/rate/"),
        ("rater", "/rate/", 200, None),
        ("rater", "/rate", 307, "/rate/"),
        ("rater", "/operator/", 403, None),
        ("operator", "/", 303, "/operator/"),
        ("operator", "/rate/", 200, None),
        ("operator", "/operator/", 200, None),
    ],
)
def test_pages(live: Live, who: str | None, path: str, status: int, where: str | None) -> None:
    users = [user for user in live.store.users() if user.role == who and user.active]
    user = users[0] if users else live.store.add_user(f"a {who}", who) if who else None
    with live.client(user) as client:
        answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers.get("location") == where
    if status == 403:
        assert "This page is for operators" in answer.text
