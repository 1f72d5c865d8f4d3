"""Versions: the list as JSON, notes, and how many ratings each was trained on."""

from __future__ import annotations

from typing import Any

from rater_data.errors import BadInput
from rater_data.records import User
from rater_data.store import Store

MAX_NOTE_LENGTH = 300


def versions_as_json(store: Store) -> list[dict[str, Any]]:
    """Every version with its lineage and measures, as JSON; the folders are the server's own matter."""
    return [
        {
            "number": v.number,
            "parent": v.parent,
            "status": v.status,
            "base_model": v.base_model,
            "base_revision": v.base_revision,
            "adapter_sha256": v.sha256,
            "metrics": v.metrics,
            "created_at": v.created_at,
            "notes": v.notes,
        }
        for v in store.versions()
    ]


def note_version(store: Store, user: User, number: object, text: object) -> str:
    """Keeps what an operator writes about a version."""
    if isinstance(number, bool) or not isinstance(number, int) or not isinstance(text, str):
        raise BadInput("A note is text about a version's number.")
    if len(text) > MAX_NOTE_LENGTH:
        raise BadInput(f"A note has up to {MAX_NOTE_LENGTH} characters.")
    store.note_version(number, text, user.name)
    return f"Noted about version {number}."


def ratings_trained_on(store: Store) -> dict[int, int]:
    """How many ratings each version was trained on, by its number."""
    return {
        r.published_version: int(r.gate["ratings"])
        for r in store.rounds()
        if r.published_version is not None and r.gate and "ratings" in r.gate
    }
