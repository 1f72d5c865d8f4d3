"""Who gets in, and how: links, cookies, roles, the brake."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.access import accounts, auth
from app.access.auth import Throttle, TooManyAttempts, load_session_secret
from app.settings import Settings
from rater_data.errors import BadInput, DiskFull, RateloopError, Unavailable
from rater_data.store import Store
from tests.app.helpers import Live, serving


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("auth")) as server:
        yield server


@pytest.fixture(autouse=True)
def no_brake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test comes from the same address; only the test of the brake wants to be stopped by it."""
    monkeypatch.setattr(Throttle, "record_failure", lambda *_: None)


def test_secret_is_made_once_and_private(tmp_path: Path) -> None:
    secret = load_session_secret(tmp_path)
    assert len(secret) >= 48
    assert load_session_secret(tmp_path) == secret
    assert stat.S_IMODE((tmp_path / "session.key").stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.mkdir()
    assert load_session_secret(other) != secret


def test_damaged_secret_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "session.key").write_text("short")
    with pytest.raises(RateloopError, match="is damaged: delete it"):
        load_session_secret(tmp_path)


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
        live.store.set_active(user.id, False, "op")
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
        brake.record_failure("here")
    with pytest.raises(TooManyAttempts, match="wait a minute"):
        brake.record_failure("here")
    brake.record_failure("somewhere else")
    now[0] += 61
    brake.record_failure("here")


@pytest.mark.parametrize("kind", ["link", "token"])
def test_wrong_ones_are_throttled_and_right_ones_are_not(tmp_path: Path, monkeypatch, kind: str) -> None:
    """Whatever a client says of where it comes from; and whoever shares its address still gets in."""
    monkeypatch.undo()

    def guess(client: httpx.Client, i: int) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{i}"}
        if kind == "link":
            return client.post(f"/join/guess-{i}", headers=headers).status_code
        return client.get(
            "/api/card", headers=headers | {"Authorization": f"Bearer rl-guess-{i}"}
        ).status_code

    with serving(tmp_path) as live, live.client() as client:
        statuses = [guess(client, i) for i in range(200)]
        ann = live.store.add_user("ann", "rater")
        token = live.store.make_token(ann.id, "op", ttl_s=60)
        with live.client(ann) as hers:
            assert hers.get("/api/card").status_code == 200
        assert client.get("/api/card", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert guess(client, 1) == 429
    first = 403 if kind == "link" else 401
    assert statuses == [first] * auth.MAX_FAILURES + [429] * (200 - auth.MAX_FAILURES)


def test_a_proxy_that_was_named_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with serving(tmp_path, proxy="127.0.0.1") as live, live.client() as client:
        clients = [{"X-Forwarded-For": f"203.0.113.{i}", "X-Forwarded-Proto": "https"} for i in range(20)]
        answers = [client.post("/join/guess", headers=headers) for headers in clients]
        assert {answer.status_code for answer in answers} == {403}, "each is another client"
        assert "strict-transport-security" in answers[0].headers
        assert [client.post("/join/guess", headers=clients[0]).status_code for _ in range(10)].count(429) == 1
        link = live.link(live.store.add_user("ann", "rater")).removeprefix(live.url)
        assert "; Secure" in client.post(link, headers=clients[0]).headers["set-cookie"]
    for wrong in ("*", "proxy.example", "127.0.0.1/8"):
        with pytest.raises(BadInput, match="address of a proxy"):
            Settings(home=tmp_path, proxy=wrong)
    assert Settings(home=tmp_path, proxy="127.0.0.1, 10.0.0.0/8,::1").proxy


def test_nobody_else_is_believed_to_be_a_proxy(live: Live) -> None:
    user = live.store.add_user("straight", "rater")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    with live.client(**forwarded) as client:
        answer = client.post(live.link(user))
        assert "strict-transport-security" not in answer.headers
        assert "; Secure" not in answer.headers["set-cookie"]
    # the page that posts came over TLS: a proxy nobody named is in front
    with live.client(Origin="https://rate.example", Host="rate.example") as client:
        assert "; Secure" in client.post(live.link(user).removeprefix(live.url)).headers["set-cookie"]


@pytest.mark.parametrize("trouble", [DiskFull("There is no room left."), Unavailable("db.example is away.")])
def test_trouble_of_the_database_is_no_wrong_token(live: Live, monkeypatch, trouble: RateloopError) -> None:
    user = live.store.add_user(f"in trouble {type(trouble).__name__}", "rater")
    token, link = live.store.make_token(user.id, "op", ttl_s=60), live.link(user)
    counted: list[str] = []
    monkeypatch.setattr(Throttle, "record_failure", lambda _self, client: counted.append(client))

    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr(Store, "user_of_token", fail)
    monkeypatch.setattr(Store, "redeem", fail)
    with live.client() as client:
        answer = client.get("/api/card", headers={"Authorization": f"Bearer {token}"})
        page = client.post(link)
        assert (answer.status_code in (503, 507), page.status_code) == (True, 503)
        for text in (answer.json()["error"], page.text):
            assert "try again in a moment" in text
            assert str(trouble) not in text, "nobody's business who is not signed in"
    assert counted == []


def status(client: httpx.Client) -> int:
    return client.get("/api/card").status_code


def test_a_new_invitation_ends_what_let_them_in_before(live: Live) -> None:
    first = accounts.invite(live.store, "op", "lost phone", live.url)
    user = live.store.user_by_name("lost phone")
    token = {"Authorization": f"Bearer {live.store.make_token(user.id, 'op', ttl_s=60)}"}
    with live.client() as old, live.client() as new, live.client() as script:
        assert old.post(first).status_code == 303
        assert status(old) == script.get("/api/card", headers=token).status_code == 200
        second = accounts.invite(live.store, "op", "  Lost  PHONE ", live.url)
        assert status(old) == script.get("/api/card", headers=token).status_code == 401
        assert old.post(first).status_code == 403
        assert new.post(second).status_code == 303
        assert status(new) == 200
    assert [(e.actor, e.what) for e in live.store.events(1)] == [("op", "invited a rater")]


def test_who_was_kept_out_and_let_in_signs_in_anew(live: Live) -> None:
    user, op = live.store.add_user("forgiven", "rater"), live.store.add_user("forgiver", "operator")
    link = live.link(user)
    with live.client() as client:
        assert client.post(link).status_code == 303
        accounts.change_access(live.store, op, user.id, "off")
        accounts.change_access(live.store, op, user.id, "on")
        assert status(client) == 401
        assert client.post(link).status_code == 303
        assert status(client) == 200


def test_an_operator_signs_somebody_out_everywhere(live: Live) -> None:
    user, op = live.store.add_user("signed out", "rater"), live.store.add_user("signer out", "operator")
    link, token = live.link(user), live.store.make_token(user.id, "op", ttl_s=60)
    with live.client() as client:
        assert client.post(link).status_code == 303
        assert "everywhere" in accounts.change_access(live.store, op, user.id, "signout")
        assert status(client) == 401
        assert client.post(link).status_code == 403, "whoever has the device has the link"
    with live.client(Authorization=f"Bearer {token}") as script:
        assert status(script) == 200, "tokens are taken back one by one"


def test_one_signs_out_everywhere_oneself(live: Live) -> None:
    user = live.store.add_user("at the library", "rater")
    with live.client(user) as library, live.client(user) as home, live.client() as nobody:
        page = home.post("/sign-out").text
        leave = re.search(r"action='(/sign-out/[^']+)'", page).group(1)
        assert status(home) == 401
        assert status(library) == 200
        assert nobody.post("/sign-out/guess").status_code == 403
        cookie = library.cookies[live.settings.cookie_name]
        assert nobody.post(f"/sign-out/{cookie}").status_code == 403, "a cookie is no such thing"
        assert "on all devices" in home.post(leave).text
        assert status(library) == 401
        assert home.post(leave).status_code == 403, "that works once"
        assert "/sign-out/" not in nobody.post("/sign-out").text
        assert home.post(live.link(user)).status_code == 303
        assert status(home) == 200


def test_cookies_from_before_epochs_count_as_the_first(live: Live) -> None:
    user, other = live.store.add_user("long since", "rater"), live.store.add_user("later", "rater")
    name, signer = (
        live.settings.cookie_name,
        auth.URLSafeTimedSerializer(load_session_secret(live.store.home), salt="rateloop session"),
    )
    live.store.sign_out(other.id, "op", links=False)
    for value, expected in (
        (user.id, 200),
        ([user.id, 0], 200),
        ([user.id, 1], 401),
        (other.id, 401),
        ([other.id, 1], 200),
        ([user.id], 401),
        ({"id": user.id}, 401),
        (None, 401),
    ):
        with live.client(Cookie=f"{name}={signer.dumps(value)}") as client:
            assert status(client) == expected, value


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
