"""The JSON routes: what they answer, to whom, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from app.access.unavailable import SERVER_UNAVAILABLE
from rater_data.errors import Refused, Unavailable
from rater_data.store import Store
from tests import fake_worker
from tests.app.helpers import Live, serving


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("api")) as server:
        fake_worker.generate(server.store, {"overlap": 100})
        yield server


@pytest.fixture
def ann(live: Live, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A rater who has not rated anything yet."""
    with live.client(live.store.add_user(f"ann in {request.node.name}", "rater")) as client:
        yield client


@pytest.fixture(scope="module")
def operator(live: Live) -> Iterator[httpx.Client]:
    with live.client(live.store.add_user("op", "operator")) as client:
        yield client


def rate(client: httpx.Client, card: dict, score: float | None = 7, **more: object) -> httpx.Response:
    body = {
        "response_id": card["response_id"],
        "score": score,
        "key": f"decision-{card['response_id']}-{score}",
        "position": card["position"],
        "active_ms": 1200,
    }
    headers = {"Content-Type": "application/json"}
    return client.post("/api/rate", content=json.dumps(body | more), headers=headers)


def stored(store: Store, client: httpx.Client) -> list[tuple[int, float | None]]:
    """What the store holds of this rater, oldest first."""
    me = client.get("/api/card").json()["me"]["id"]
    return [(r.rating.response_id, r.rating.score) for r in reversed(store.recent(me, n=100))]


def test_trouble_with_the_database_says_nothing_of_where_it_is(
    ann: httpx.Client, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = ann.get("/api/card").json()["card"]

    def away(*_: object, **__: object) -> None:
        raise Unavailable("The database at postgresql://someone@secret.example/x went away.")

    with monkeypatch.context() as patched:
        patched.setattr(type(live.store), "submit_and_deal", away)
        answer = rate(ann, card)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json() == {"error": SERVER_UNAVAILABLE}
    assert rate(ann, card).status_code == 200


def test_card_shows_the_response_and_nothing_that_could_sway(ann: httpx.Client) -> None:
    screen = ann.get("/api/card").json()
    assert set(screen["card"]) == {
        "response_id", "messages", "system", "continuation", "text", "html", "other", "round", "position", "of",
        "shown_at", "lease_until", "edits",
    }  # fmt: skip
    assert screen["card"]["messages"][0]["role"] == "user"
    assert (screen["card"]["position"], screen["card"]["of"]) == (1, fake_worker.PER_PROMPT)
    assert screen["round"]["quota"] == 8
    assert screen["mine"] == {"today": 0, "round": 0}
    assert screen["last"] is None


def test_a_card_stays_until_it_is_rated(ann: httpx.Client) -> None:
    cards = [ann.get("/api/card").json()["card"]["response_id"] for _ in range(3)]
    assert len(set(cards)) == 1


def test_rating_is_saved_and_the_next_card_comes_with_the_answer(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    answer = rate(ann, card, 10, comment="  clear  ")
    assert answer.status_code == 200
    screen = answer.json()
    assert screen["saved"]["score"] == 10
    assert screen["saved"]["comment"] == "clear"
    assert screen["saved"]["words"]
    assert screen["card"]["response_id"] != card["response_id"]
    assert screen["card"]["messages"] == card["messages"], "the responses to a prompt come back to back"
    assert screen["card"]["position"] == 2
    assert screen["mine"]["today"] == 1
    assert stored(live.store, ann) == [(card["response_id"], 10)]


def test_same_key_again_changes_nothing(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    first = rate(ann, card, 4).json()
    again = rate(ann, card, 4).json()
    assert again["saved"] == first["saved"]
    assert again["card"]["response_id"] == first["card"]["response_id"]
    assert stored(live.store, ann) == [(card["response_id"], 4)]


def test_second_submit_with_another_key_is_refused(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    rate(ann, card, 4)
    answer = rate(ann, card, 9)
    assert answer.status_code == 409
    assert answer.json()["error"].endswith(".")
    assert stored(live.store, ann) == [(card["response_id"], 4)]


def test_a_card_that_is_not_yours(live: Live, ann: httpx.Client) -> None:
    with live.client(live.store.add_user("bob", "rater")) as bob:
        card = bob.get("/api/card").json()["card"]
        mine = ann.get("/api/card").json()["card"]
        others = next(
            r for r in live.store.responses(1) if r.id not in (card["response_id"], mine["response_id"])
        )
        answer = rate(ann, mine | {"response_id": others.id})
    assert answer.status_code == 403
    assert answer.json()["error"]
    assert stored(live.store, ann) == []


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"score": 11}, "11"),
        ({"score": 0}, "0"),
        ({"score": 7.5}, "7.5"),
        ({"score": None}, "score"),
        ({"score": "7"}, "score"),
        ({"score": True}, "score"),
        ({"score": 7, "verdict": "skip"}, "score"),
        ({"score": None, "verdict": "meh"}, "meh"),
        ({"key": "short"}, "key"),
        ({"active_ms": -1}, "active_ms"),
        ({"comment": "x" * 4001}, "comment"),
        ({"version": 3}, "version"),
        ({"response_id": 2**70}, "response_id"),
        ({"active_ms": 2**70}, "active_ms"),
        ({"comment": "half \ud800 a pair"}, "comment"),
        ({"comment": "nul \0"}, "comment"),
    ],
)
def test_bad_values_are_refused_with_a_sentence(
    live: Live, ann: httpx.Client, change: dict, names: str
) -> None:
    card = ann.get("/api/card").json()["card"]
    answer = rate(ann, card, **({"key": "key-of-a-bad-value"} | change))
    assert answer.status_code == 422
    assert names in answer.json()["error"].lower()
    assert stored(live.store, ann) == []
    assert ann.get("/api/card").json()["card"]["response_id"] == card["response_id"]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none(ann: httpx.Client, literal: str) -> None:
    card = ann.get("/api/card").json()["card"]
    body = f'{{"response_id": {card["response_id"]}, "score": {literal}, "key": "not-a-number"}}'
    answer = ann.post("/api/rate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]


@pytest.mark.parametrize("verdict", ["skip", "cannot_judge", "broken", "unsafe"])
def test_verdicts(live: Live, ann: httpx.Client, verdict: str) -> None:
    card = ann.get("/api/card").json()["card"]
    screen = rate(ann, card, None, verdict=verdict, key=f"verdict-{verdict}").json()
    assert screen["saved"]["verdict"] == verdict
    assert screen["saved"]["score"] is None
    assert stored(live.store, ann) == [(card["response_id"], None)]


def test_undo_takes_back_one_and_only_one(live: Live, ann: httpx.Client) -> None:
    first = ann.get("/api/card").json()["card"]
    second = rate(ann, first, 3).json()["card"]
    rate(ann, second, 5)
    screen = ann.post("/api/undo", json={"response_id": second["response_id"]}).json()
    assert screen["card"]["response_id"] == second["response_id"]
    assert screen["undone"]["score"] == 5
    repeated = ann.post("/api/undo", json={"response_id": second["response_id"]}).json()
    assert repeated["undone"] is None
    assert repeated["card"]["response_id"] == second["response_id"]
    assert stored(live.store, ann) == [(first["response_id"], 3)]
    rate(ann, second, 9)
    assert stored(live.store, ann) == [(first["response_id"], 3), (second["response_id"], 9)]


def test_what_was_said_comes_back_with_an_undo_and_in_the_list(live: Live, ann: httpx.Client) -> None:
    flag = ann.get("/api/card").json()["asks"]["flags"][0]
    rate(ann, ann.get("/api/card").json()["card"], 5, comment="so so", flags=[flag])
    details = {"comment": "so so", "flags": [flag], "attributes": {}}
    row = ann.get("/api/recent").json()["recent"][0]
    assert {name: row[name] for name in details} == details
    changed = ann.post("/api/revise", json={"rating_id": row["rating_id"], "score": 6}).json()["saved"]
    assert {name: changed[name] for name in details} == details, "what is not mentioned stays"
    undone = ann.post("/api/undo").json()["undone"]
    assert {name: undone[name] for name in ("score", *details)} == {"score": 6} | details


def test_a_rating_keeps_the_guidelines_it_was_given_by(live: Live, ann: httpx.Client) -> None:
    old = ann.get("/api/card").json()["guideline_version"]
    new = live.store.set_guideline("Be strict.", "op")
    assert new == old + 1
    stamped = []
    for sent in ({"guideline_version": old}, {"guideline_version": new + 5}, {}):
        card = ann.get("/api/card").json()["card"]
        saved = rate(ann, card, 5, **sent).json()["saved"]
        stamped.append(live.store.rating(saved["rating_id"]).guideline_version)
    assert stamped == [old, new, new]
    card = ann.get("/api/card").json()["card"]
    assert rate(ann, card, 5, guideline_version=0).status_code == 422


def test_nothing_is_taken_from_a_page_of_somebody_else(live: Live, ann: httpx.Client) -> None:
    screen = ann.get("/api/card").json()
    card, me, home = screen["card"], screen["me"]["id"], screen["home"]
    assert len(home) >= 16 and home == live.store.setting("home")
    for wrong in ({"user_id": me + 1}, {"home": "another"}, {"user_id": me, "home": "another"}):
        refused = rate(ann, card, 5, **wrong)
        assert refused.status_code == 401 and "Somebody else" in refused.json()["error"]
    assert stored(live.store, ann) == []
    assert rate(ann, card, 5, user_id=me, home=home).status_code == 200
    assert ann.post("/api/undo", json={"user_id": me + 1}).status_code == 401
    assert stored(live.store, ann) == [(card["response_id"], 5)]
    assert ann.post("/api/undo", json={"user_id": me}).json()["undone"]["score"] == 5


def test_nothing_to_undo(ann: httpx.Client) -> None:
    answer = ann.post("/api/undo")
    assert answer.status_code == 422
    assert answer.json()["error"]


def test_look_back_and_revise(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    rate(ann, card, 3)
    row = ann.get("/api/recent").json()["recent"][0]
    assert (row["score"], row["editable"], row["prompt"]) == (3, True, card["messages"][0]["content"])
    saved = ann.post("/api/revise", json={"rating_id": row["rating_id"], "score": 8}).json()["saved"]
    assert saved["score"] == 8
    assert stored(live.store, ann) == [(card["response_id"], 8)]
    assert ann.post("/api/revise", json={"rating_id": saved["rating_id"], "score": 80}).status_code == 422
    with live.client(live.store.add_user("eve", "rater")) as eve:
        answer = eve.post("/api/revise", json={"rating_id": saved["rating_id"], "score": 1})
    assert answer.status_code in (403, 404)
    assert stored(live.store, ann) == [(card["response_id"], 8)]


def test_heartbeat_keeps_a_card(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    assert ann.post("/api/heartbeat", json={"response_id": card["response_id"]}).json() == {"yours": True}


RATER_ROUTES = [
    ("GET", "/api/card", None),
    ("POST", "/api/rate", {"response_id": 1, "score": 5, "key": "somebody-else"}),
    ("POST", "/api/undo", {}),
    ("POST", "/api/heartbeat", {"response_id": 1}),
    ("GET", "/api/recent", None),
    ("POST", "/api/revise", {"rating_id": 1, "score": 5}),
    ("GET", "/api/guidelines", None),
    ("GET", "/api/openapi.json", None),
    ("GET", "/api/news", None),
]
OPERATOR_ROUTES = [
    ("GET", "/api/round", None),
    ("POST", "/api/train", {"override": True}),
    ("POST", "/api/cancel", {}),
    ("POST", "/api/rollback", {"to": 0}),
    ("POST", "/api/invite", {"name": "mallory"}),
    ("POST", "/api/token", {"name": "mallory", "operator": True}),
    ("GET", "/api/versions", None),
    ("GET", "/api/export", None),
]


@pytest.mark.parametrize(("method", "path", "body"), RATER_ROUTES + OPERATOR_ROUTES)
def test_nobody_may_do_anything(live: Live, method: str, path: str, body: dict | None) -> None:
    with live.client() as nobody:
        answer = nobody.request(method, path, json=body)
    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize(("method", "path", "body"), OPERATOR_ROUTES)
def test_a_rater_may_not_operate(
    live: Live, ann: httpx.Client, method: str, path: str, body: dict | None
) -> None:
    before = (len(live.store.users()), live.store.round().state, live.store.current_version())
    answer = ann.request(method, path, json=body)
    assert answer.status_code == 403
    assert "operator" in answer.json()["error"]
    assert (len(live.store.users()), live.store.round().state, live.store.current_version()) == before


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1", "https://127.0.0.1:1"]
)
def test_a_post_from_elsewhere_is_refused(live: Live, ann: httpx.Client, origin: str | None) -> None:
    card = ann.get("/api/card").json()["card"]
    del ann.headers["Origin"]
    answer = rate(ann, card) if origin is None else None
    if origin is not None:
        ann.headers["Origin"] = origin
        answer = rate(ann, card)
    assert answer.status_code == 403
    assert ("another site" if origin else "Origin is missing") in answer.json()["error"]
    assert stored(live.store, ann) == []


def test_operator_reads_the_round(operator: httpx.Client) -> None:
    state = operator.get("/api/round").json()
    assert state["round"]["number"] == 1
    assert state["next"]["label"] == "Train round 1"
    assert state["worker"]["state"] == "off"


def test_operator_invites_and_the_link_works(live: Live, operator: httpx.Client) -> None:
    link = operator.post("/api/invite", json={"name": "  cleo   two "}).json()["link"]
    assert link.startswith(f"{live.url}/join/")
    with live.client() as cleo:
        assert cleo.post(link).headers["location"] == "/rate/"
        assert cleo.get("/api/card").json()["me"]["name"] == "cleo two"
    newer = operator.post("/api/invite", json={"name": "cleo two"}).json()["link"]
    with live.client() as late:
        assert late.post(link).status_code == 403, "a new link replaces the old one"
        assert late.post(newer).status_code == 303
    assert operator.post("/api/invite", json={"name": "op"}).status_code == 422


def test_operator_asks_for_the_impossible(operator: httpx.Client) -> None:
    for path, body in (("/api/cancel", {}), ("/api/rollback", {"to": 99})):
        answer = operator.post(path, json=body)
        assert answer.status_code in (404, 409, 422)
        assert answer.json()["error"].endswith(".")


def test_another_scale_is_the_homes_own(tmp_path) -> None:
    with serving(tmp_path, scale="score_1_5") as live:
        fake_worker.generate(live.store, {})
        with live.client(live.store.add_user("ann", "rater")) as client:
            card = client.get("/api/card").json()["card"]
            refused = rate(client, card, 7)
            assert refused.status_code == 422
            assert "outside 1–5" in refused.json()["error"]
            saved = rate(client, card, 5).json()["saved"]
            assert (saved["score"], saved["words"]) == (5, "Just what I wanted")
            assert (
                client.post("/api/revise", json={"rating_id": saved["rating_id"], "score": 6}).status_code
                == 422
            )
        with pytest.raises(Refused, match="has ratings on the scale score_1_5"):
            live.store.choose_scale("thumbs")
        assert live.store.scale().name == "score_1_5"
