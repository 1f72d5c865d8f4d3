"""Tokens for scripts: what they open, for whom, and how they end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.access import accounts
from rater_data.errors import BadInput, Missing, NotYours
from tests import fake_worker
from tests.app.helpers import Live, serving


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with serving(tmp_path) as server:
        fake_worker.generate(server.store, {"prompts": 6, "overlap": 20, "quota": 400})
        yield server


def bearer(live: Live, token: str) -> httpx.Client:
    return httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {token}"})


def test_a_raters_token_rates_and_does_nothing_else(live: Live) -> None:
    with bearer(live, accounts.create_token(live.store, "op", "bot")) as bot:
        screen = bot.get("/api/card").json()
        assert screen["me"]["name"] == "bot"
        assert screen["scale"] == {"name": "score_1_10", "low": 1, "high": 10, "points": list(range(1, 11))}
        body = {"response_id": screen["card"]["response_id"], "score": 7, "key": "a-key-of-its-own"}
        assert bot.post("/api/rate", json=body).json()["saved"]["score"] == 7
        assert bot.get("/api/round").status_code == 403
        assert bot.post("/api/token", json={"name": "mallory"}).status_code == 403
        paths = bot.get("/api/openapi.json").json()["paths"]
        assert {
            "/api/card",
            "/api/rate",
            "/api/undo",
            "/api/round",
            "/api/train",
            "/api/versions",
        } <= paths.keys()


def test_an_operators_token_operates(live: Live) -> None:
    with bearer(live, accounts.create_token(live.store, "op", "script", role="operator")) as script:
        assert script.get("/api/round").json()["round"]["number"] == 1
        assert [v["number"] for v in script.get("/api/versions").json()["versions"]] == [0]
        made = script.post("/api/token", json={"name": "second", "days": 1}).json()["token"]
    with bearer(live, made) as second:
        assert second.get("/api/card").json()["me"]["role"] == "rater"


def test_the_journal_has_an_accounts_own_name(live: Live) -> None:
    """However it was typed: a purge looks for it."""
    live.store.add_user("Anna Berg", "rater")
    with bearer(live, accounts.create_token(live.store, "op", "script", role="operator")) as script:
        assert script.post("/api/token", json={"name": "ANNA  berg "}).status_code == 200
        assert script.post("/api/invite", json={"name": " anna Berg"}).status_code == 200
    names = [event.data["name"] for event in live.store.events(9) if "name" in event.data]
    assert names == ["Anna Berg", "Anna Berg", "script"]


def test_what_is_no_token_opens_nothing(live: Live) -> None:
    user = live.store.add_user("ann", "rater")
    link = live.store.make_link(user.id, once=False, ttl_s=60)
    token = accounts.create_token(live.store, "op", "ann")
    for wrong in ("x", link, token[:-1], token.upper()):
        with bearer(live, wrong) as nobody:
            assert nobody.get("/api/card").status_code == 401
    with pytest.raises(NotYours):
        live.store.redeem(token)  # nor is a token an invite link
    with bearer(live, token) as ann:
        assert ann.get("/rate/").status_code in (303, 401), "pages are not opened by tokens"
        assert ann.post("/sign-out").status_code == 403, "no token outside the JSON routes"
    for kind in ("Basic", "Token"):
        with httpx.Client(base_url=live.url, headers={"Authorization": f"{kind} {token}"}) as other:
            assert other.get("/api/card").status_code == 401


def test_a_token_ends(live: Live) -> None:
    user = live.store.add_user("ann", "rater")
    past = live.store.make_token(user.id, "op", ttl_s=0)
    token = accounts.create_token(live.store, "op", "ann")
    with bearer(live, past) as late, bearer(live, token) as ann:
        assert late.get("/api/card").status_code == 401
        assert ann.get("/api/card").status_code == 200
        live.store.set_active(user.id, False, "op")
        assert ann.get("/api/card").status_code == 401
        live.store.set_active(user.id, True, "op")
        live.store.invite_anew(user.id, "op", once=True, ttl_s=60)
        assert ann.get("/api/card").status_code == 401


def test_tokens_are_listed_and_taken_back(live: Live) -> None:
    store, op = live.store, live.store.add_user("op", "operator")
    made = [accounts.create_token(store, "op", name) for name in ("ann", "bob", "ann")]
    store.make_token(op.id, "op", ttl_s=-1)
    store.make_link(op.id, once=False, ttl_s=60)
    assert [token_row.user.name for token_row in store.tokens()] == ["ann", "bob", "ann"]
    newest = store.tokens()[0]
    assert newest.expires_at - newest.created_at == pytest.approx(30 * 86400)
    assert "ann" in accounts.revoke_token(store, "op", newest.id)
    with bearer(live, made[2]) as gone, bearer(live, made[0]) as stays:
        assert gone.get("/api/card").status_code == 401
        assert stays.get("/api/card").status_code == 200
    assert [token_row.user.name for token_row in store.tokens()] == ["bob", "ann"]
    for wrong in (newest.id, 10**6):
        with pytest.raises(Missing, match="no such token"):
            accounts.revoke_token(store, "op", wrong)
    link = store.make_link(op.id, once=False, ttl_s=60)
    with pytest.raises(Missing):  # the newest row is a link: none of these numbers ends it
        accounts.revoke_token(store, "op", newest.id + 3)
    assert store.redeem(link) == op
    events = [(e.actor, e.what, e.data["name"]) for e in store.events(6) if "token" in e.what]
    assert events[0] == ("op", "took a token back", "ann")
    assert set(events[1:]) == {("op", "made a token", name) for name in ("ann", "bob", "op")}
    secrets = str(store.events(50)) + str(store.tokens())
    assert not any(secret in secrets for secret in made)


def test_the_console_makes_a_token(live: Live) -> None:
    op = live.store.add_user("op", "operator")

    def made(client: httpx.Client, name: object, days: object) -> str:
        body = json.dumps({"data": [name, days], "session_hash": "x"})
        headers = {"Content-Type": "application/json"}
        answer = client.post("/operator/gradio_api/run/new_token", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"])

    with live.client(op) as client:
        for name, role in (("op", "operator"), ("bot", "rater")):
            token = re.search(r"rl-[\w-]{40,}", made(client, name, 3)).group()
            with bearer(live, token) as script:
                assert script.get("/api/card").json()["me"]["role"] == role
        for days, expected in (
            (0, "up to 366 days"),
            (None, "number of days"),
            (367, "366"),
            (True, "number"),
        ):
            assert expected in made(client, "bot", days)
        assert "1 to 60 letters" in made(client, "  ", 3)
        assert "character pair" in made(client, "\ud800", 3)
    assert len(live.store.tokens()) == 2
    assert {e.actor for e in live.store.events() if e.what == "made a token"} == {"op"}


@pytest.mark.parametrize("path", ["/api/invite", "/api/token"])
def test_half_a_character_pair_is_told_in_a_sentence(live: Live, path: str) -> None:
    with bearer(live, accounts.create_token(live.store, "op", "script", role="operator")) as script:
        for body, expected in (
            ({"name": "half \ud800"}, "name"),
            ({"name": "nul \0"}, "NUL"),
            ({"name": "x", "half \udfff": 1}, "not right at its body"),
            ({"name": "x", "operator": "\ud800"}, "operator"),
        ):
            headers = {"Content-Type": "application/json"}
            answer = script.post(path, content=json.dumps(body), headers=headers)
            assert (answer.status_code, expected in answer.json()["error"]) == (422, True), answer.text
    assert [user.name for user in live.store.users()] == ["script"]


def test_guessing_tokens_is_slowed_down(live: Live) -> None:
    codes = []
    for n in range(40):
        with bearer(live, f"rl-guess-{n}") as guesser:
            codes.append(guesser.get("/api/card").status_code)
    assert codes.count(401) == 10
    assert codes.count(429) == 30


def test_who_a_token_may_not_act_as(live: Live) -> None:
    accounts.create_token(live.store, "op", "script", role="operator")
    with pytest.raises(BadInput, match="operator here"):
        accounts.create_token(live.store, "op", "Script")
    with pytest.raises(BadInput, match="name"):
        accounts.create_token(live.store, "op", "   ")
    with pytest.raises(BadInput, match="days"):
        accounts.create_token(live.store, "op", "bot", days=0)
