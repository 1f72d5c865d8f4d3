"""What a rater decides: rate the card on screen, take that back, change it later, keep the card while reading."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from app.rating.history import mirror_score, rating_json
from app.rating.questions import parse_questions
from rater_data.errors import Missing
from rater_data.records import Card, Rating, User
from rater_data.scales import check_verdict
from rater_data.store import Store
from rater_data.store.cards.card_order import is_swapped

MAX_VIEW_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision of a rater, as it came over the wire."""

    response_id: int
    score: float | None
    verdict: str
    key: str
    active_ms: int
    position: int
    shown_at: float | None = None
    comment: str = ""
    flags: tuple[str, ...] = ()
    attributes: dict[str, int] = field(default_factory=dict)
    guideline_version: int | None = None
    """Of the guidelines that the rater could read then; None = the newest."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Another answer to a card that was rated; what is None stays as it was given."""

    rating_id: int
    score: float | None
    verdict: str
    comment: str | None = None
    flags: list[str] | None = None
    attributes: dict[str, int] | None = None


def submit(
    store: Store, user: User, decision: Decision, now: float | None = None
) -> tuple[dict[str, Any], Card | None]:
    """Store one decision; returns what was saved, after the commit, and the next card.

    The same key again changes nothing. Of a comparison the score is of what was shown: below 0 the first.
    Answers to questions that are no longer asked are dropped: a score may have waited for its connection.
    """
    now = time.time() if now is None else now
    rules = store.rating_rules()
    scale = rules.scale
    check_verdict(decision.verdict, scale)
    if decision.verdict == "rated" and decision.score is not None:
        scale.check(decision.score)
    attributes, flags = parse_questions(rules.questions).select_asked(decision.attributes, decision.flags)
    newest_guideline = rules.guideline_version
    shown_at = now if decision.shown_at is None else decision.shown_at
    rating, next_card = store.submit_and_deal(
        Rating(
            response_id=decision.response_id,
            rater_id=user.id,
            score=mirror_score(decision.score, scale.paired and is_swapped(user.id, decision.response_id)),
            verdict=decision.verdict,
            comment=decision.comment.strip(),
            flags=flags,
            attributes=attributes,
            shown_at=min(now, max(shown_at, now - MAX_VIEW_MS / 1000)),
            submitted_at=now,
            active_ms=min(decision.active_ms, MAX_VIEW_MS),
            position=decision.position,
            guideline_version=min(decision.guideline_version or newest_guideline, newest_guideline),
            scale=scale.name,
            key=decision.key,
        )
    )
    return rating_json(rating), next_card


def undo(store: Store, user: User, response_id: int | None = None) -> dict[str, Any] | None:
    """Take the latest rating back and lease its card again. Returns what was taken back, None if nothing was.

    With `response_id`: only if that is the latest one, so that a repeated request cannot take back two.
    """
    newest = next((rated.rating for rated in store.recent(user.id, n=1)), None)
    if response_id is not None and (newest is None or newest.response_id != response_id):
        return None
    store.undo(user.id)
    return rating_json(newest) if newest else None


def revise(store: Store, user: User, revision: Revision) -> dict[str, Any]:
    """Store a change of an earlier rating; returns the rating as it is now.

    Answers to questions that are no longer asked can stay as they were given.
    """
    rules, before = store.rating_rules(), store.rating(revision.rating_id)
    scale, score = rules.scale, revision.score
    check_verdict(revision.verdict, scale)
    if revision.verdict == "rated" and score is not None:
        scale.check(score)
        if scale.paired:
            score = mirror_score(score, before.swapped)
    questions = parse_questions(rules.questions).including_answers_of(before)
    attributes, flags = questions.select_asked(revision.attributes or {}, tuple(revision.flags or ()))
    revised = store.revise(
        revision.rating_id,
        user.id,
        score=score,
        verdict=revision.verdict,
        comment=None if revision.comment is None else revision.comment.strip(),
        flags=None if revision.flags is None else flags,
        attributes=None if revision.attributes is None else attributes,
    )
    return rating_json(revised)


def extend_lease(store: Store, user: User, response_id: int) -> bool:
    """The rater is still reading. False if the card is no longer theirs."""
    try:
        store.heartbeat(user.id, response_id)
    except Missing:
        return False
    return True
