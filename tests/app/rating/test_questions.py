"""Further qualities and flags: what is asked, and what becomes of answers to other questions."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.rating import questions
from rater_data.errors import BadInput
from rater_data.round_settings import QUESTIONS
from rater_data.scales import FLAGS
from tests import fake_worker
from tests.app.helpers import Live, send_rating, serving


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
                answer = send_rating(client, card, 7, **wrong)
                assert answer.status_code == 422 and answer.json()["error"].endswith("."), wrong
            gone = {"attributes": {"helpful": 5, "brave": 3}, "flags": ["rude", "off topic"]}
            assert send_rating(client, card, 7, **gone).status_code == 200, (
                "what is not asked any more is left out"
            )
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
            details = {"attributes": {"helpful": 5}, "flags": ["odd"], "comment": "Hm."}
            saved = send_rating(client, client.get("/api/card").json()["card"], 7, **details).json()["saved"]
            live.store.set_setting(QUESTIONS, {"attributes": ["kind"], "flags": ["rude"]})

            def change(**more: object) -> httpx.Response:
                body = {"rating_id": live.store.recent(bob.id)[0].rating.id, "score": 7}
                return client.post("/api/revise", json=body | more)

            unchanged = change().json()["saved"]
            assert {name: unchanged[name] for name in details} == details, "what is not sent stays"
            for wrong in ({"attributes": {"kind": 6}}, {"flags": "rude"}, {"attributes": {"kind": True}}):
                assert change(**wrong).status_code == 422, wrong
            now = change(attributes={"helpful": 4, "brave": 3}, flags=["odd", "rude", "new"], comment=" ")
        saved = now.json()["saved"]
        assert saved["attributes"] == {"helpful": 4}, "what was asked then may still be answered, and no more"
        assert (saved["flags"], saved["comment"]) == (["odd", "rude"], "")
        assert saved["score"] == 7
