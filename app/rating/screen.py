"""What the rating screen shows a rater: a card or why there is none, progress, and news of the model.

Everything returned here is JSON and shown to raters: no version, stratum, reward or other rater's answer.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from app.rating.better_answers import edit_marks
from app.rating.history import rating_json
from app.rating.questions import parse_questions
from app.rating.waiting import explain_wait
from app.safe_html import display_text, render_response
from app.sample_comparison import compare_samples
from rater_data.records import Card, User
from rater_data.round_settings import HOME_ID
from rater_data.scales import Scale
from rater_data.store import Store
from rater_data.store.cards.screen_context import ScreenContext


def build_screen(store: Store, user: User, trainer_is_down: bool = False) -> dict[str, Any]:
    """Everything the rating screen shows now. Leases the card it shows to this rater."""
    return build_screen_with(store, user, store.next_card(user.id), trainer_is_down)


def build_screen_with(
    store: Store, user: User, card: Card | None, trainer_is_down: bool = False
) -> dict[str, Any]:
    """The rating screen with a card that was dealt already."""
    context = store.screen_context(user.id, start_of_today())
    scale, asked = context.rules.scale, parse_questions(context.rules.questions)
    return {
        "card": card_json(card, edit_marks(store, user, shown_ids(card)) if asked.edits else [])
        if card
        else None,
        **({} if card else _explain_wait(store, context, trainer_is_down)),
        "me": {"id": user.id, "name": user.name, "role": user.role},
        "mine": {"today": context.today, "round": context.in_round},
        "round": round_json(context),
        "last": None if context.last is None else rating_json(context.last) | {"editable": context.last_open},
        "guideline_version": context.rules.guideline_version,
        "scale": scale_json(scale),
        "asks": asked.to_json(paired=scale.paired),
    }


def _explain_wait(store: Store, context: ScreenContext, trainer_is_down: bool) -> dict[str, Any]:
    """The same for all; many who wait for the next round look every few seconds, while it trains."""
    number = context.round.number if context.round else 0
    why: dict[str, Any] = store.lately(
        number, ("wait", trainer_is_down), lambda: explain_wait(store, trainer_is_down)
    )
    return why


def load_home_id(store: Store) -> str:
    """What tells this home from any other, for what browsers keep about it; made once, by chance."""
    home_id = store.setting(HOME_ID)
    if home_id is None:
        store.set_setting(HOME_ID, secrets.token_hex(8))
        home_id = store.setting(HOME_ID)
    return home_id


def start_of_today() -> float:
    return datetime.now().replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def shown_ids(card: Card) -> list[int]:
    """The ids of the responses on a card, in the order in which they are shown."""
    ids = [card.response_id] if card.other_id is None else [card.response_id, card.other_id]
    return ids[::-1] if card.swapped else ids


def card_json(card: Card, edits: list[dict[str, Any]]) -> dict[str, Any]:
    """`edits`: the marks of the responses shown; empty where no better answers are asked for."""
    texts = [card.text] if card.other_text is None else [card.text, card.other_text]
    # A text that goes on in the middle of another has no Markdown of its own
    first, *second = [
        {"text": display_text(text), "html": None if card.continuation else render_response(text)}
        for text in (reversed(texts) if card.swapped else texts)
    ]
    return {
        "response_id": card.response_id,
        "system": card.system,
        "continuation": card.continuation,
        "messages": [{"role": m.role, "content": m.content} for m in card.prompt.messages],
        **first,
        "other": second[0] if second else None,
        "edits": edits,
        "round": card.round_number,
        "position": card.position,
        "of": card.of,
        "shown_at": card.shown_at,
        "lease_until": card.lease_until,
    }


def scale_json(scale: Scale) -> dict[str, Any]:
    """A scale for scripts; the page has its own with keys and words."""
    return {"name": scale.name, "low": scale.low, "high": scale.high, "points": list(scale.points)}


def round_json(context: ScreenContext) -> dict[str, Any] | None:
    if context.round is None:
        return None
    quota = int(context.round.config.get("quota", 0))
    return {
        "number": context.round.number,
        "state": context.round.state,
        "ratings": context.ratings,
        "quota": quota,
    }


def version_news(store: Store, user: User) -> dict[str, Any] | None:
    """What the version in use learned from, and one answer before and after; None while nothing was learned.

    The answers are to a prompt that nobody rates, so that they sway nobody's rating of it.
    """
    current = store.current_version()
    trained = [r for r in store.rounds() if current and r.published_version == current.number > 0]
    if current is None or not trained:
        return None
    ratings, own_ratings = store.snapshot_counts(trained[-1].number, user.id)
    comparison = compare_samples(store, limit=1)
    sample = None
    # an answer beside a continuation would compare nothing
    if comparison is not None and comparison.older_continues == comparison.newer_continues:
        prompt, before, after = comparison.rows[0]
        sample = {
            "prompt": prompt,
            "continuation": comparison.newer_continues,
            "before": display_text(before),
            "after": display_text(after),
        }
    return {
        "version": current.number,
        "round": trained[-1].number,
        "ratings": ratings,
        "yours": own_ratings,
        "sample": sample,
    }
