"""The server behind proxies: under a path, with and without the headers that a good proxy sends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from app.access.auth import Guard, load_session_secret
from app.access.public_address import PublicAddress, route_path
from app.access.same_origin import find_foreign_sign
from app.settings import OWN_PATHS, Settings
from rater_data.errors import BadInput
from tests import fake_worker
from tests.app.access.test_access_table import TABLE
from tests.app.helpers import Live, send_rating, serving

PROXY = "10.0.0.2"


def rewritten(
    headers: dict[str, str], path: str = "/rate/", client: str = PROXY, **settings: str
) -> dict[str, Any]:
    address = PublicAddress(Settings(home=Path("/nowhere"), proxy="10.0.0.0/29", **settings))
    raw = [(k.lower().encode(), v.encode()) for k, v in ({"Host": "app:7860"} | headers).items()]
    scope = {"type": "http", "scheme": "http", "path": path, "raw_path": path.encode(), "headers": raw}
    return dict(address.rewrite({**scope, "client": (client, 5000)}))


def seen(scope: dict[str, Any]) -> tuple[str, str, str, str]:
    """Who asks, the address up to the root path, and the path behind that."""
    host = Headers(scope=scope).get("host")
    return scope["client"][0], f"{scope['scheme']}://{host}", scope["root_path"], route_path(scope)


GOOD = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "rate.example"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (PROXY, "http://app:7860", "", "/rate/")),
        (GOOD, ("203.0.113.9", "https://rate.example", "", "/rate/")),
        (GOOD | {"X-Forwarded-Port": "443"}, ("203.0.113.9", "https://rate.example", "", "/rate/")),
        (GOOD | {"X-Forwarded-Port": "8443"}, ("203.0.113.9", "https://rate.example:8443", "", "/rate/")),
        (GOOD | {"X-Forwarded-Prefix": "/a/b/"}, ("203.0.113.9", "https://rate.example", "/a/b", "/rate/")),
        # what the client made up stands to the left of what the proxy added
        (
            {"X-Forwarded-For": "127.0.0.1, 203.0.113.9, 10.0.0.3", "X-Forwarded-Host": "evil, rate.example"},
            ("203.0.113.9", "http://rate.example", "", "/rate/"),
        ),
        (
            {"Forwarded": 'for="[2001:db8::1]:4711";proto=https;host=rate.example'},
            ("2001:db8::1", "https://rate.example", "", "/rate/"),
        ),
        # a proxy that writes the other kind passes this one on as it came
        (
            {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=127.0.0.1;host=evil"},
            ("203.0.113.9", "http://app:7860", "", "/rate/"),
        ),
        # what cannot be is not believed
        (
            {"X-Forwarded-Prefix": "//evil", "X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "a/b"},
            (PROXY, "http://app:7860", "", "/rate/"),
        ),
    ],
)
def test_a_named_proxy_is_believed(headers: dict[str, str], expected: tuple[str, ...]) -> None:
    assert seen(rewritten(headers)) == expected


def test_nobody_else_is_and_nothing_further_in_sees_what_they_said() -> None:
    told = GOOD | {"X-Forwarded-Prefix": "/x", "X-Forwarded-Port": "1", "Forwarded": "host=evil"}
    scope = rewritten(told, client="10.0.0.9")
    assert seen(scope) == ("10.0.0.9", "http://app:7860", "", "/rate/")
    assert [name for name, _ in scope["headers"] if b"forwarded" in name] == []


@pytest.mark.parametrize("path", ["/rate/", "/rateloop/rate/"])
def test_a_proxy_may_take_the_root_path_off_or_leave_it(path: str) -> None:
    scope = rewritten({}, path, root_path="/rateloop")
    assert (scope["path"], scope["root_path"], route_path(scope)) == (
        "/rateloop/rate/",
        "/rateloop",
        "/rate/",
    )
    assert scope["raw_path"] == b"/rateloop/rate/"
    assert route_path(rewritten({}, "/rateloopy", root_path="/rateloop")) == "/rateloopy"


def test_a_public_address_holds_for_its_own_requests_only() -> None:
    settings = {"public_url": "https://rate.example:8443/x/"}
    assert seen(rewritten({}, **settings))[1:3] == ("https://rate.example:8443", "/x"), "by a named proxy"
    dropped = rewritten({"Host": "rate.example"}, client="192.0.2.1", **settings)
    assert seen(dropped)[1] == "https://rate.example:8443", "by a proxy that drops the port"
    direct = rewritten({"Host": "127.0.0.1:7860"}, client="127.0.0.1", **settings)
    assert seen(direct)[1] == "http://127.0.0.1:7860"
    assert seen(rewritten({"Host": "[::1"}, client="127.0.0.1", **settings))[1] == "http://[::1"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "http://127.0.0.1:7860"),
        ({"root_path": "/rateloop/"}, "http://127.0.0.1:7860/rateloop"),
        ({"public_url": "https://Rate.example:443/x/"}, "https://rate.example/x"),
        ({"public_url": "http://rate.example:443", "root_path": ""}, "http://rate.example:443"),
    ],
)
def test_what_links_begin_with(settings: dict[str, str], expected: str) -> None:
    assert Settings(home=Path("/nowhere"), **settings).link_url == expected


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"root_path": "rateloop"}, "root path is like /rateloop, not 'rateloop'"),
        ({"root_path": "//evil.example"}, "root path is like"),
        ({"root_path": "/a/../b"}, "root path is like"),
        ({"root_path": "/api/x"}, "not with a path of the server's own"),
        ({"public_url": "rate.example"}, "public address is like https"),
        ({"public_url": "https://rätsel.example"}, "xn--"),
        ({"public_url": "https://rate.example/a", "root_path": "/b"}, "do not agree"),
    ],
)
def test_addresses_that_cannot_be_are_refused(settings: dict[str, str], why: str) -> None:
    with pytest.raises(BadInput, match=re.escape(why)):
        Settings(home=Path("/nowhere"), **settings)


def test_what_begins_a_path_of_the_server_is_known_to_the_settings() -> None:
    assert {path.split("/")[1] for _, path, *_ in TABLE} - {"", "rateloop.db", "openapi.json", "docs"} == set(
        OWN_PATHS
    )


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"origin": "https://rate.example", "host": "rate.example"}, None),
        (
            {"origin": "https://rate.example:8443", "host": "rate.example", "sec-fetch-site": "same-origin"},
            None,
        ),
        (
            {"origin": "https://rate.example", "host": "rate.example", "sec-fetch-site": "same-site"},
            "same-site",
        ),
        ({"origin": "http://rate.example:8080", "host": "rate.example"}, "Host says rate.example"),
        ({"origin": "http://rate.example:8080"}, "header Host is missing"),
        ({"host": "rate.example"}, "header Origin is missing"),
        ({"origin": "null", "host": ""}, "null"),
        ({"origin": "http://[", "host": "rate.example"}, "do not agree"),
    ],
)
def test_where_a_post_came_from(headers: dict[str, str], says: str | None) -> None:
    sign = find_foreign_sign(Headers(headers))
    assert (sign is None) if says is None else (sign is not None and says in sign[1])


def test_a_public_address_is_an_origin_of_ours() -> None:
    headers = Headers({"origin": "https://rate.example:8443", "host": "127.0.0.1:7860"})
    assert find_foreign_sign(headers, "https://rate.example:8443/x") is None
    assert find_foreign_sign(headers, "https://rate.example/x") is not None


# ---- a running server under a path


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("below"), root_path="/rateloop", proxy="127.0.0.1") as server:
        fake_worker.generate(server.store, {"prompts": 4, "overlap": 100, "quota": 40})
        server.store.add_user("op", "operator")
        yield server


TOLD = {"Host": "rate.example", "X-Forwarded-Proto": "https", "Origin": "https://rate.example"}


@pytest.mark.parametrize("prefix", ["", "/rateloop"])
def test_the_way_in_and_out_stays_under_the_path(live: Live, prefix: str) -> None:
    op = live.store.user_by_name("op")
    with live.client(**TOLD) as client:
        assert client.get(f"{prefix}/").headers["location"] == "/rateloop/sign-in"
        joined = client.post(prefix + live.link(op).removeprefix(live.url))
        assert (joined.status_code, joined.headers["location"]) == (303, "/rateloop/operator/")
        assert (
            "; Path=/rateloop;" in joined.headers["set-cookie"] and "; Secure" in joined.headers["set-cookie"]
        )
        client.headers["Cookie"] = joined.headers["set-cookie"].partition(";")[0]
        assert client.get(f"{prefix}/rate").headers["location"] == "/rateloop/rate/"
        assert client.get(f"{prefix}/api/card").json()["card"]
        config = client.get(f"{prefix}/operator/config").json()
        assert config["root"] == "https://rate.example/rateloop/operator"
        link = client.post(f"{prefix}/api/invite", json={"name": "ann"}).json()["link"]
        assert link.startswith("https://rate.example/rateloop/join/")
        left = client.post(f"{prefix}/sign-out")
        assert "action='/rateloop/sign-out/" in left.text
        assert sorted(re.findall(r"Path=([^;]+)", str(left.headers.get_list("set-cookie")))) == [
            "/",
            "/rateloop",
        ]


@pytest.mark.parametrize("page", ["sign-in", "rate/", "operator/"])
def test_every_address_on_a_page_leads_somewhere(live: Live, page: str) -> None:
    """The pages' own links, styles and scripts, as a browser resolves them, through a proxy that takes the path off."""
    below = httpx.URL(f"{live.url}/rateloop/{page}")
    with live.client(live.store.user_by_name("op")) as client:
        client.headers["Cookie"] = f"{live.settings.cookie_name}={cookie_of(live)}"
        text = client.get(below).text
        addresses = re.findall(r"""(?:href|src|action)=["']([^"'#]+)["']""", text)
        addresses += re.findall(r"new URL\('([^']+)', document", text)
        assert len(addresses) >= 3
        for address in {a for a in addresses if not a.startswith(("data:", "mailto:"))}:
            found = below.join(address)
            assert found.host == "127.0.0.1" and found.path.startswith("/rateloop/"), address
            assert client.get(found).status_code in (200, 303, 405), address


def cookie_of(live: Live) -> str:
    guard = Guard(live.store, load_session_secret(live.store.home), live.settings.cookie_name)
    return guard.session_cookie(live.store.user_by_name("op"))


def test_a_refused_form_is_a_page_and_a_refused_call_is_json(live: Live) -> None:
    foreign = {"Origin": "http://rate.example:8080", "Host": "rate.example"}
    with live.client(**foreign) as client:
        page = client.post("/join/x", headers={"Accept": "text/html,application/xhtml+xml"})
        assert page.status_code == 403
        assert page.headers["content-type"].startswith("text/html")
        assert "Host says rate.example" in page.text and "--public-url" in page.text
        assert "href='/rateloop/'" in page.text
        assert "Host says rate.example" in client.post("/api/rate", json={}).json()["error"]
        hostile = client.post("/join/x", headers={"Accept": "text/html", "Host": '"><img src=x>'})
        assert hostile.status_code == 400 or "<img src=x>" not in hostile.text


def test_rating_over_a_token_under_the_path(live: Live) -> None:
    token = live.store.make_token(live.store.add_user("script", "rater").id, "op", ttl_s=60)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{live.url}/rateloop", headers=headers, trust_env=False) as client:
        card = client.get("/api/card").json()["card"]
        assert send_rating(client, card, 5).json()["saved"]["score"] == 5
        assert client.get("/api/openapi.json").json()["servers"] == [{"url": "/rateloop"}]
