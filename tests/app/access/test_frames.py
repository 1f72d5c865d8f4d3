"""The rating screen in a frame of a named site; everything else in none."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings
from rater_data.errors import BadInput
from tests.app.helpers import Live, serving

PARENT = "https://lab.example"


def test_only_raters_pages_may_be_framed_and_only_by_the_parent(tmp_path: Path) -> None:
    with serving(tmp_path, frame_parent=f"{PARENT}/", proxy="127.0.0.1") as live:
        secure = {"X-Forwarded-Proto": "https"}
        with live.client(live.store.add_user("op", "operator")) as op:
            for path, ancestors in (
                ("/rate/", PARENT),
                ("/sign-in", PARENT),
                ("/api/card", PARENT),
                ("/operator/", "'none'"),
                ("/operator/config", "'none'"),
            ):
                answer = op.get(path, headers=secure)
                assert f"frame-ancestors {ancestors};" in answer.headers["content-security-policy"], path
                assert ("x-frame-options" in answer.headers) is (ancestors == "'none'"), path
            foreign = {**secure, "Sec-Fetch-Site": "cross-site", "Origin": PARENT}
            assert op.post("/api/undo", json={}, headers=foreign).status_code == 403, (
                "it shows, and asks nothing"
            )
        cookie = _cookie(live, secure)
        assert "samesite=none" in cookie.lower() and cookie.endswith("; Partitioned") and "Secure" in cookie
        assert "samesite=lax" in _cookie(live, {}).lower(), "without TLS no browser would send it elsewhere"


def _cookie(live: Live, headers: dict[str, str]) -> str:
    """What signing in leaves."""
    user = live.store.add_user(f"guest {len(live.store.users())}", "rater")
    with live.client() as guest:
        answer = guest.post(
            live.link(user).removeprefix(live.url), headers={"Sec-Fetch-Site": "same-origin", **headers}
        )
    return answer.headers["set-cookie"]


def test_without_a_parent_cookies_stay_at_home(tmp_path: Path) -> None:
    with serving(tmp_path, proxy="127.0.0.1") as live:
        cookie = _cookie(live, {"X-Forwarded-Proto": "https"})
        assert "samesite=lax" in cookie.lower() and "Partitioned" not in cookie


@pytest.mark.parametrize(
    "parent",
    [
        "lab.example",
        "http://lab.example",
        "https://lab.example/portal",
        "https://*",
        "https://lab.example;script-src",
        "https://a@lab.example",
        "https://",
        "*",
        "'self'",
        "https://lab.example https://other.example",
    ],
)
def test_what_is_no_site_is_refused(tmp_path: Path, parent: str) -> None:
    with pytest.raises(BadInput, match="site of a frame"):
        Settings(home=tmp_path, frame_parent=parent)


def test_a_site_is_written_as_browsers_do(tmp_path: Path) -> None:
    for given, kept in (
        ("https://LAB.example:443/", "https://lab.example"),
        ("https://lab.example:8443", "https://lab.example:8443"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("", ""),
    ):
        assert Settings(home=tmp_path, frame_parent=given).frame_parent == kept
