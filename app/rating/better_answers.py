"""Better answers: what a rater writes in place of a response, beside the rating. The operator says whether they may."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.rating.questions import load_questions
from app.safe_html import display_text
from rater_data.errors import Refused
from rater_data.records import Edit, User
from rater_data.store import Store
from rater_data.store.cards.edits import OwnEdit

NOT_ASKED = "Better answers are not asked for here: the operator can turn them on in the settings."


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A better answer as it came over the wire. `replaces`: the id of the one that it changes."""

    response_id: int
    text: str
    key: str
    active_ms: int = 0
    replaces: int | None = None


def text_to_edit(store: Store, user: User, response_id: int) -> dict[str, Any]:
    """What the editor begins with: the response, character by character, and this rater's better answer to it."""
    original, edit = store.text_to_edit(user.id, response_id)
    return {
        "response_id": response_id,
        "original": original,
        "edit": None if edit is None else edit_json(edit),
    }


def save(store: Store, user: User, draft: Draft, now: float | None = None) -> dict[str, Any]:
    """Stores a better answer, after the commit. What is there may be changed even where no new ones are asked for."""
    if draft.replaces is None and not load_questions(store).edits:
        raise Refused(NOT_ASKED)
    edit = Edit(
        response_id=draft.response_id,
        rater_id=user.id,
        text=draft.text,
        key=draft.key,
        active_ms=draft.active_ms,
        given_at=time.time() if now is None else now,
    )
    return edit_json(store.save_edit(edit, draft.replaces))


def edit_json(edit: Edit) -> dict[str, Any]:
    return {"edit_id": edit.id, "response_id": edit.response_id, "text": edit.text}


def edit_marks(store: Store, user: User, response_ids: Sequence[int]) -> list[dict[str, Any]]:
    """For each response on a card, its id and that of this rater's better answer to it, if there is one."""
    own = store.own_edits(user.id, response_ids)
    return [{"response_id": i, "edit_id": own[i].edit.id if i in own else None} for i in response_ids]


def recent_edit_json(response_id: int, own: OwnEdit | None, editable: bool, longest: int) -> dict[str, Any]:
    """A better answer in the list of the last ratings, cut after `longest` characters.

    `editable`: what was said of the response can be changed, so one may be added.
    """
    return {
        "response_id": response_id,
        "edit_id": None if own is None else own.edit.id,
        "text": None if own is None else display_text(own.edit.text, longest),
        "editable": editable if own is None else own.is_open,
    }
