"""Comparisons, further qualities and flags, over the JSON routes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.rating import questions
from app.rating.history import rating_json
from rater_data.errors import BadInput
from rater_data.scales import FLAGS
from rater_data.setting_names import QUESTIONS
from tests import fake_worker
from tests.app.helpers import Live, serving

KEY = "a key of its own "


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(tmp_path_factory.mktemp("pairs"), scale="pair") as server:
        fake_worker.generate(server.store, {"overlap": 100, "quota": 100})
        yield server


@pytest.fixture
def ann(live: Live, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with live.client(live.store.add_user(f"ann in {request.node.name}", "rater")) as client:
        yield client


def send(client: httpx.Client, card: dict, score: float | None, **more: object) -> httpx.Response:
    body = {"response_id": card["response_id"], "score": score, "key": KEY + str(card["response_id"])}
    return client.post("/api/rate", json=body | more)


def test_a_comparison_is_kept_of_what_was_shown(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    seen = set()
    for score in (-1, 1) * 6:
        answer = send(ann, card, score).json()
        assert answer["saved"]["score"] == score
        assert answer["saved"]["mark"] == ("First" if score < 0 else "Second")
        rated = live.store.rating(answer["saved"]["rating_id"])
        texts = [live.store.response(rated.response_id).text, live.store.response(rated.other_id).text]
        better = texts[0] if rated.score < 0 else texts[1]
        assert better == (card["text"] if score < 0 else card["other"]["text"])
        seen.add(rated.swapped)
        card = answer["card"]
    assert seen == {True, False}
    for entry in ann.get("/api/recent").json()["recent"]:
        assert entry["text"] and entry["other"]


def test_a_changed_comparison_is_of_what_was_shown_too(live: Live, ann: httpx.Client) -> None:
    for _ in range(4):
        card = ann.get("/api/card").json()["card"]
        saved = send(ann, card, -1).json()["saved"]
        changed = ann.post("/api/revise", json={"rating_id": saved["rating_id"], "score": 1}).json()["saved"]
        assert (saved["score"], changed["score"], changed["mark"]) == (-1, 1, "Second")
        before, after = live.store.rating(saved["rating_id"]), live.store.rating(changed["rating_id"])
        assert after.score == -before.score and after.swapped == before.swapped


def test_both_bad_but_not_broken(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    assert send(ann, card, None, verdict="broken").status_code == 422
    assert send(ann, card, None, verdict="removed").status_code == 422
    assert send(ann, card, None, verdict="both_bad").json()["saved"]["words"] == "Both bad"


def test_of_two_responses_no_quality_is_asked(live: Live, ann: httpx.Client) -> None:
    live.store.set_setting(QUESTIONS, {"attributes": ["helpful"], "flags": []})
    assert ann.get("/api/card").json()["asks"]["attributes"] == []
    live.store.set_setting(QUESTIONS, {})
    assert tuple(ann.get("/api/card").json()["asks"]["flags"]) == FLAGS


def test_qualities_and_flags(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {})
        operator, bob = live.store.add_user("op", "operator"), live.store.add_user("bob", "rater")
        assert "next card" in questions.save_questions(
            live.store, operator, "helpful, kind , helpful", "rude"
        )
        assert (
            questions.save_questions(live.store, operator, "helpful,kind", "rude") == "Nothing was changed."
        )
        with live.client(bob) as client:
            screen = client.get("/api/card").json()
            assert screen["asks"]["attributes"] == ["helpful", "kind"]
            card = screen["card"]
            for wrong in (
                {"attributes": {"helpful": 6}},
                {"attributes": {"helpful": 0}},
                {"attributes": {"helpful": "3"}},
                {"flags": "rude"},
            ):
                answer = send(client, card, 7, **wrong)
                assert answer.status_code == 422 and answer.json()["error"].endswith("."), wrong
            gone = {"attributes": {"helpful": 5, "brave": 3}, "flags": ["rude", "off topic"]}
            assert send(client, card, 7, **gone).status_code == 200, "what is not asked any more is left out"
        kept = live.store.recent(bob.id)[0].rating
        assert (kept.score, kept.attributes, kept.flags) == (7, {"helpful": 5}, ("rude",))
        for text in (",".join("abcdefghi"), "x" * 41):
            with pytest.raises(BadInput):
                questions.save_questions(live.store, operator, text, "")


def test_what_was_said_beside_a_score_can_be_changed(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {})
        live.store.set_setting(QUESTIONS, {"attributes": ["helpful", "kind"], "flags": ["rude", "odd"]})
        bob = live.store.add_user("bob", "rater")
        with live.client(bob) as client:
            said = {"attributes": {"helpful": 5}, "flags": ["odd"], "comment": "Hm."}
            saved = send(client, client.get("/api/card").json()["card"], 7, **said).json()["saved"]
            live.store.set_setting(QUESTIONS, {"attributes": ["kind"], "flags": ["rude"]})

            def change(**more: object) -> httpx.Response:
                body = {"rating_id": live.store.recent(bob.id)[0].rating.id, "score": 7}
                return client.post("/api/revise", json=body | more)

            unchanged = change().json()["saved"]
            assert {name: unchanged[name] for name in said} == said, "what is not sent stays"
            for wrong in ({"attributes": {"kind": 6}}, {"flags": "rude"}, {"attributes": {"kind": True}}):
                assert change(**wrong).status_code == 422, wrong
            now = change(attributes={"helpful": 4, "brave": 3}, flags=["odd", "rude", "new"], comment=" ")
        saved = now.json()["saved"]
        assert saved["attributes"] == {"helpful": 4}, "what was asked then may still be answered, and no more"
        assert (saved["flags"], saved["comment"]) == (["odd", "rude"], "")
        assert saved["score"] == 7


def test_a_comparison_reads_as_it_was_shown_whoever_has_it_now(live: Live, ann: httpx.Client) -> None:
    """After an import the order is the one that was stored, not what this home would have dealt."""
    saved = send(ann, ann.get("/api/card").json()["card"], -1).json()["saved"]
    kept = live.store.rating(saved["rating_id"])
    assert rating_json(kept)["mark"] == "First"
    other_way = dataclasses.replace(kept, swapped=not kept.swapped)
    assert (rating_json(other_way)["score"], rating_json(other_way)["mark"]) == (1, "Second")
    tie = dataclasses.replace(kept, score=0.0)
    assert str(rating_json(tie)["score"]) == "0.0"


def test_a_round_that_was_stopped_is_not_said_to_be_rated(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {})
        with live.client(live.store.add_user("ann", "rater")) as client:
            assert send(client, client.get("/api/card").json()["card"], 7).json()["card"] is not None
            live.store.start_training(1, "op")
            live.store.set_round_state(1, "training")
            live.store.set_round_state(1, "failed", decision="Out of memory.")
            told = client.get("/api/card").json()
    assert told["card"] is None and told["title"] == "Round 1 was stopped"
    assert "until the operator decides" in told["why"] and "rated all" not in told["why"]


def test_who_waits_is_told_how_long(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        store = live.store
        fake_worker.generate(store, {"quota": 16, "overlap": 1})
        rater = store.add_user("ann", "rater")
        with live.client(rater) as client:
            card = client.get("/api/card").json()["card"]
            while card is not None:
                screen = send(client, card, 7).json()
                card = screen["card"]
            assert screen["title"] == "You have rated everything" and screen["progress"]["left"] == ""
            store.start_training(1, "op")
            job = store.claim("fake")
            store.beat(job.id, "fake", {"phase": "Practising", "done": 2, "total": 6, "eta_s": 130})
            told = client.get("/api/card").json()
            assert told["title"] == "Round 1 is being trained"
            assert told["progress"] == {"done": 2, "total": 6, "left": "Practising: about 2 min left"}
