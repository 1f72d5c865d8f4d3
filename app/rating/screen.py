"""What a rater can do, as plain functions: see the screen, decide, undo, look back, change.

Everything returned here is JSON and shown to raters: no version, stratum, reward or other rater's answer.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.rating.questions import SETTING, asks_of
from app.safe_html import answer_html, readable
from app.sample_comparison import compare_samples
from app.settings import CARD_LEASE
from app.wording import format_duration, format_time_to_quota
from rater_data.errors import Missing
from rater_data.lifecycle import Job, RoundProgress
from rater_data.records import Card, RatedResponse, Rating, User
from rater_data.scales import SCALES, VERDICTS, Scale, check_verdict
from rater_data.store import Store
from rater_data.store.cards.card_order import is_swapped
from rater_data.store.cards.desk import Desk

HOME = "home"
LOOK_BACK = 10
LOOK_BACK_TEXT = 2_000  # characters of each of them: enough to know it again
LONGEST_LOOK_MS = 24 * 3600 * 1000


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


def screen(store: Store, user: User, worker_down: bool = False) -> dict[str, Any]:
    """Everything the rating screen shows now. Leases the card it shows to this rater."""
    return screen_of(store, user, store.next_card(user.id, lease_s=CARD_LEASE), worker_down)


def screen_of(store: Store, user: User, card: Card | None, worker_down: bool = False) -> dict[str, Any]:
    """The rating screen with a card that was dealt already."""
    desk = store.desk(user.id, midnight(), SETTING)
    scale = desk.rules.scale
    return {
        "card": shown(card) if card else None,
        **({} if card else reason_to_wait(store.round_progress(), store.active_job(), worker_down)),
        "me": {"id": user.id, "name": user.name, "role": user.role},
        "mine": {"today": desk.today, "round": desk.in_round},
        "round": round_numbers(desk),
        "last": None if desk.last is None else given(desk.last) | {"editable": desk.last_open},
        "guideline_version": desk.rules.guideline_version,
        "scale": scale_of(scale),
        "asks": asks_of(desk.rules.asked).for_page(scale.paired),
    }


def home_id(store: Store) -> str:
    """What tells this home from any other, for what browsers keep on it; made once, by chance."""
    found = store.setting(HOME)
    if found is None:
        store.set_setting(HOME, secrets.token_hex(8))
        found = store.setting(HOME)
    return found


def midnight() -> float:
    return datetime.now().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def scale_of(scale: Scale) -> dict[str, Any]:
    """A scale for scripts; the page has its own with keys and words."""
    return {"name": scale.name, "low": scale.low, "high": scale.high, "points": list(scale.points)}


def news(store: Store, user: User) -> dict[str, Any] | None:
    """What the version in use learned from, and one answer before and after; None while nothing was learned.

    The answers are to a prompt that nobody rates, so that they sway nobody's rating of it.
    """
    current = store.current_version()
    made = [r for r in store.rounds() if current and r.published_version == current.number > 0]
    if current is None or not made:
        return None
    every, yours = store.learned_from(made[-1].number, user.id)
    compared = compare_samples(store, limit=1)
    told = {
        "version": current.number,
        "round": made[-1].number,
        "ratings": every,
        "yours": yours,
        "sample": None,
    }
    if compared is not None:
        prompt, before, after = compared.rows[0]
        told["sample"] = {"prompt": prompt, "before": readable(before), "after": readable(after)}
    return told


def shown(card: Card) -> dict[str, Any]:
    texts = [card.text] if card.other_text is None else [card.text, card.other_text]
    first, *second = [
        {"text": readable(text), "html": answer_html(text)}
        for text in (reversed(texts) if card.swapped else texts)
    ]
    return {
        "response_id": card.response_id,
        "messages": [{"role": m.role, "content": m.content} for m in card.prompt.messages],
        **first,
        "other": second[0] if second else None,
        "round": card.round_number,
        "position": card.position,
        "of": card.of,
        "shown_at": card.shown_at,
        "lease_until": card.lease_until,
    }


def round_numbers(desk: Desk) -> dict[str, Any] | None:
    found = desk.round
    if found is None:
        return None
    quota = int(found.config.get("quota", 0))
    return {"number": found.number, "state": found.state, "ratings": desk.ratings, "quota": quota}


def reason_to_wait(progress: RoundProgress | None, job: Job | None, worker_down: bool) -> dict[str, Any]:
    """Why there is no card, what happens next, and how far that is."""
    title, why = "Nothing to rate right now", ""
    done, total = (job.progress.get("done", 0), job.progress.get("total", 0)) if job else (0, 0)
    state = progress.round.state if progress else "none"
    number = progress.round.number if progress else 1
    if state in ("none", "published", "refused", "rolled_back", "generating"):
        title = "The model is writing"
        why = "New responses appear here by themselves as soon as they are written."
        if state == "published":
            title, why = (
                "The model has learned",
                "A new version is writing its first responses. They appear here soon.",
            )
        if progress and state == "generating":
            done, total = progress.responses, progress.expected_responses
    elif state in ("sealed", "training"):
        title = f"Round {number} is being trained"
        why = (
            "You have rated all there was: thank you. The new version's responses appear here by themselves."
        )
    elif state == "rating":
        title, done, total = "You have rated everything", progress.ratings, progress.quota
        why = f"Thank you. Round {number} has {progress.ratings} of {progress.quota} ratings. "
        why += (
            "The operator can train now; then the model writes new responses."
            if progress.complete
            else "The rest is with other raters; new responses come after training."
        )
    elif state == "failed":
        title = f"Round {number} was stopped"
        why = "Your ratings are kept. No cards are dealt until the operator decides what happens next."
    if worker_down and state not in ("rating", "failed"):
        why = "The part that runs the model has stopped and is being started again. Nothing is lost."
    bar = {"done": done, "total": total, "left": left(progress, job)} if total else None
    return {"title": title, "why": why, "progress": bar}


def left(progress: RoundProgress | None, job: Job | None) -> str:
    """When there is more to rate, as far as anybody can know, in words; empty when nobody can."""
    if progress is not None and progress.round.state == "rating":
        time_to_quota = format_time_to_quota(progress.quota - progress.ratings, progress.ratings_last_hour)
        return f"full in {time_to_quota} at this pace" if time_to_quota else ""
    eta = job.progress.get("eta_s") if job else None
    if not isinstance(eta, int | float) or eta <= 0:
        return ""
    return f"{job.progress.get('phase') or 'this part'}: {format_duration(eta)} left"


def submit(
    store: Store, user: User, decision: Decision, now: float | None = None
) -> tuple[dict[str, Any], Card | None]:
    """Store one decision; returns what was saved, after the commit, and the next card.

    The same key again changes nothing. Of a comparison the score is of what was shown: below 0 the first.
    Answers to questions that nobody asks any more are left out: the score has waited for its connection.
    """
    now = time.time() if now is None else now
    rules = store.rules(SETTING)
    scale = rules.scale
    check_verdict(decision.verdict, scale)
    if decision.verdict == "rated" and decision.score is not None:
        scale.check(decision.score)
    attributes, flags = asks_of(rules.asked).answers(decision.attributes, decision.flags)
    newest = rules.guideline_version
    shown_at = now if decision.shown_at is None else decision.shown_at
    rating, card = store.submit_and_deal(
        Rating(
            response_id=decision.response_id,
            rater_id=user.id,
            score=turned(decision.score, scale.paired and is_swapped(user.id, decision.response_id)),
            verdict=decision.verdict,
            comment=decision.comment.strip(),
            flags=flags,
            attributes=attributes,
            shown_at=min(now, max(shown_at, now - LONGEST_LOOK_MS / 1000)),
            submitted_at=now,
            active_ms=min(decision.active_ms, LONGEST_LOOK_MS),
            position=decision.position,
            guideline_version=min(decision.guideline_version or newest, newest),
            scale=scale.name,
            key=decision.key,
        ),
        lease_s=CARD_LEASE,
    )
    return given(rating), card


def turned(score: float | None, swapped: bool) -> float | None:
    """A score of two responses as they are shown to a rater, as it is kept; and the other way round."""
    return -score if score and swapped else score


def given(rating: Rating) -> dict[str, Any]:
    """A rating as its rater sees it."""
    scale = SCALES[rating.scale]
    score = turned(rating.score, rating.swapped)
    return {
        "rating_id": rating.id,
        "response_id": rating.response_id,
        "score": score,
        "verdict": rating.verdict,
        "mark": None if score is None else scale.mark(score),
        "words": words(score, rating.verdict, scale),
        "comment": rating.comment,
        "flags": list(rating.flags),
        "attributes": dict(rating.attributes),
        "key": rating.key,
    }


def words(score: float | None, verdict: str, scale: Scale) -> str:
    if verdict != "rated" or score is None:
        return VERDICTS[verdict].label
    return scale.anchors[scale.points.index(int(score))]


def undo(store: Store, user: User, response_id: int | None = None) -> dict[str, Any] | None:
    """Take the latest rating back and lease its card again. Returns what was taken back, None if nothing was.

    With `response_id`: only if that is the latest one, so that a repeated request cannot take back two.
    """
    newest = next((rated.rating for rated in store.recent(user.id, n=1)), None)
    if response_id is not None and (newest is None or newest.response_id != response_id):
        return None
    store.undo(user.id)
    return given(newest) if newest else None


def recent(store: Store, user: User) -> list[dict[str, Any]]:
    found = store.recent(user.id, n=LOOK_BACK)
    changeable = store.changeable(rated.rating for rated in found)
    rows = []
    for rated in found:
        rows.append(
            given(rated.rating)
            | {
                "prompt": rated.prompt.text,
                **texts_of(store, rated),
                "round": rated.response.round_number,
                "submitted_at": rated.rating.submitted_at,
                "editable": rated.rating.id in changeable,
            }
        )
    return rows


def texts_of(store: Store, rated: RatedResponse) -> dict[str, str | None]:
    """What was rated, as it was shown: `other` is the second of two."""
    one = rated.rating
    if one.other_id is None:
        return {"text": readable(rated.response.text, LOOK_BACK_TEXT), "other": None}
    pair = [readable(t, LOOK_BACK_TEXT) for t in (rated.response.text, store.response(one.other_id).text)]
    first, second = reversed(pair) if one.swapped else pair
    return {"text": first, "other": second}


@dataclass(frozen=True, slots=True)
class Change:
    """Another answer to a card that was rated; what is None stays as it was given."""

    rating_id: int
    score: float | None
    verdict: str
    comment: str | None = None
    flags: list[str] | None = None
    attributes: dict[str, int] | None = None


def revise(store: Store, user: User, change: Change) -> dict[str, Any]:
    """Store a change, as a revision; returns the rating as it is now.

    What is not asked any more can still be left as it was said then.
    """
    rules, old = store.rules(SETTING), store.rating(change.rating_id)
    scale, score = rules.scale, change.score
    check_verdict(change.verdict, scale)
    if change.verdict == "rated" and score is not None:
        scale.check(score)
        if scale.paired:
            score = turned(score, old.swapped)
    asked = asks_of(rules.asked).or_said(old)
    attributes, flags = asked.answers(change.attributes or {}, tuple(change.flags or ()))
    changed = store.revise(
        change.rating_id,
        user.id,
        score=score,
        verdict=change.verdict,
        comment=None if change.comment is None else change.comment.strip(),
        flags=None if change.flags is None else flags,
        attributes=None if change.attributes is None else attributes,
    )
    return given(changed)


def keep_lease(store: Store, user: User, response_id: int) -> bool:
    """Say that the rater is still reading. False if the card is no longer theirs."""
    try:
        store.heartbeat(user.id, response_id, lease_s=CARD_LEASE)
    except Missing:
        return False
    return True
