"""Better answers over the routes: only where they are asked for, only by who may, from the card and from the list."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from app.rating import questions
from rater_data.round_settings import QUESTIONS
from tests.app.helpers import Live, send_rating


@pytest.fixture
def asked(live: Live) -> Iterator[None]:
    live.store.set_setting(QUESTIONS, {"edits": True})
    yield
    live.store.set_setting(QUESTIONS, {})


def save(client: httpx.Client, response_id: int, text: str, **more: object) -> httpx.Response:
    body = {"response_id": response_id, "text": text, "key": f"key of {text}"[:80]} | more
    return client.post("/api/edits", json=body)


def test_the_operator_turns_them_on(live: Live, ann: httpx.Client) -> None:
    screen = ann.get("/api/card").json()
    assert (screen["asks"]["edits"], screen["card"]["edits"]) == (False, [])
    refused = save(ann, screen["card"]["response_id"], "Better.")
    assert refused.status_code == 409 and "not asked for" in refused.json()["error"]
    operator = live.store.add_user("op of edits", "operator")
    questions.save_questions(live.store, operator, "", "", True)
    screen = ann.get("/api/card").json()
    assert screen["asks"]["edits"] and [e["edit_id"] for e in screen["card"]["edits"]] == [None, None]
    questions.save_questions(live.store, operator, "", "")
    assert ann.get("/api/card").json()["card"]["edits"] == []
    live.store.set_setting(QUESTIONS, {})


def test_from_the_card_to_the_list_and_back(live: Live, ann: httpx.Client, asked: None) -> None:
    card = ann.get("/api/card").json()["card"]
    first, second = (mark["response_id"] for mark in card["edits"])
    assert live.store.response(first).text == card["text"], "marks stand in the order of what is shown"
    assert live.store.response(second).text == card["other"]["text"]
    began = ann.get(f"/api/edits/{second}").json()
    assert (began["original"], began["edit"]) == (card["other"]["text"], None)
    saved = save(ann, second, "<b>Better</b>\u202e.", active_ms=900, user_id=None).json()["saved"]
    assert ann.get("/api/card").json()["card"]["edits"][1]["edit_id"] == saved["edit_id"]
    assert send_rating(ann, card, -1).status_code == 200
    entry = ann.get("/api/recent").json()["recent"][0]
    assert [edit["text"] for edit in entry["edits"]] == [None, "<b>Better</b>\u27e8U+202E\u27e9."]
    assert [edit["editable"] for edit in entry["edits"]] == [True, True]
    live.store.set_setting(QUESTIONS, {})  # what is there can be changed although no new ones are asked for
    changed = save(ann, second, "Better still.", replaces=saved["edit_id"]).json()["saved"]
    assert changed["edit_id"] != saved["edit_id"]
    assert save(ann, second, "Lost.", replaces=saved["edit_id"]).status_code == 422
    assert ann.post("/api/edits/take-back", json={"edit_id": changed["edit_id"]}).status_code == 200
    assert ann.get("/api/recent").json()["recent"][0]["edits"][1]["text"] is None


def test_who_may_not_and_what_is_refused(live: Live, ann: httpx.Client, asked: None) -> None:
    card = ann.get("/api/card").json()["card"]
    own = card["edits"][0]["response_id"]
    saved = save(ann, own, "Better.").json()["saved"]
    with live.client(live.store.add_user("bob of edits", "rater")) as bob:
        other = next(
            r.id for r in live.store.responses(1) if r.id not in (own, card["edits"][1]["response_id"])
        )
        strange = {mark["response_id"] for mark in bob.get("/api/card").json()["card"]["edits"]}
        for response in {own, other} - strange:
            assert bob.get(f"/api/edits/{response}").status_code == 403
            assert save(bob, response, "Mine.").status_code == 403
        assert bob.post("/api/edits/take-back", json={"edit_id": saved["edit_id"]}).status_code == 403
        assert save(bob, own, "Mine.", user_id=77).status_code in (401, 403)
    with live.client() as nobody:
        assert save(nobody, own, "Mine.").status_code == 401
    unchanged = save(ann, own, live.store.response(own).text + "\n", replaces=saved["edit_id"])
    assert unchanged.status_code == 422 and "as it was" in unchanged.json()["error"]
    assert save(ann, own, "x" * 40_001).status_code == 422
    assert save(ann, own, " ", replaces=saved["edit_id"]).json()["error"] == "The better answer is empty."
    assert ann.get("/api/edits/99999").status_code == 404
    assert len(live.store.edited(1)) == 1
