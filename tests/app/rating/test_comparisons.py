"""Comparisons: stored as of two responses, shown and given in the order of each rater."""

from __future__ import annotations

import dataclasses

import httpx

from app.rating.history import rating_json
from tests.app.helpers import Live, send_rating


def test_a_comparison_is_kept_of_what_was_shown(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    seen = set()
    for score in (-1, 1) * 6:
        answer = send_rating(ann, card, score).json()
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
        saved = send_rating(ann, card, -1).json()["saved"]
        changed = ann.post("/api/revise", json={"rating_id": saved["rating_id"], "score": 1}).json()["saved"]
        assert (saved["score"], changed["score"], changed["mark"]) == (-1, 1, "Second")
        before, after = live.store.rating(saved["rating_id"]), live.store.rating(changed["rating_id"])
        assert after.score == -before.score and after.swapped == before.swapped


def test_both_bad_but_not_broken(live: Live, ann: httpx.Client) -> None:
    card = ann.get("/api/card").json()["card"]
    assert send_rating(ann, card, None, verdict="broken").status_code == 422
    assert send_rating(ann, card, None, verdict="removed").status_code == 422
    assert send_rating(ann, card, None, verdict="both_bad").json()["saved"]["words"] == "Both bad"


def test_a_comparison_reads_as_it_was_shown_whoever_has_it_now(live: Live, ann: httpx.Client) -> None:
    """After an import the order is the one that was stored, not what this home would have dealt."""
    saved = send_rating(ann, ann.get("/api/card").json()["card"], -1).json()["saved"]
    kept = live.store.rating(saved["rating_id"])
    assert rating_json(kept)["mark"] == "First"
    other_way = dataclasses.replace(kept, swapped=not kept.swapped)
    assert (rating_json(other_way)["score"], rating_json(other_way)["mark"]) == (1, "Second")
    tie = dataclasses.replace(kept, score=0.0)
    assert str(rating_json(tie)["score"]) == "0.0"
