"""Versions as an operator sees them: the list, what each learned from, notes, and two of them side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rater_data.errors import BadInput
from rater_data.records import User
from rater_data.store import Store

LONGEST_NOTE = 300


def version_list(store: Store) -> list[dict[str, Any]]:
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


def note(store: Store, user: User, number: object, text: object) -> str:
    """Keeps what an operator writes about a version."""
    if isinstance(number, bool) or not isinstance(number, int) or not isinstance(text, str):
        raise BadInput("A note is text about a version's number.")
    if len(text) > LONGEST_NOTE:
        raise BadInput(f"A note has up to {LONGEST_NOTE} characters.")
    store.note_version(number, text, user.name)
    return f"Noted about version {number}."


def without(store: Store, user_id: int) -> str:
    """How to get a version that has not learned from somebody; empty where the one in use has not."""
    found = store.traces(user_id)
    if found.current is None:
        return ""
    parents = {version.number: version.parent for version in store.versions()}
    back: int | None = found.current
    while back in found.versions:
        back = parents[back]
    return (
        f" Version {found.current}, which is in use, has learned from them: roll back to version {back}, and the next "
        "round can be trained without them as soon as its responses are written."
    )


def learned_from(store: Store) -> dict[int, int]:
    """How many ratings each version was trained on, by its number."""
    return {
        r.published_version: int(r.gate["ratings"])
        for r in store.rounds()
        if r.published_version is not None and r.gate and "ratings" in r.gate
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The same prompts answered by two versions."""

    before: int
    after: int
    rows: tuple[tuple[str, str, str], ...]


def sides(store: Store, old: int | None = None, new: int | None = None, most: int = 6) -> Sides | None:
    """One version against another on the prompts that both have samples of: the one in use, and its parent."""
    if old is None or new is None:
        current = store.current_version()
        if current is None or current.parent is None:
            return None
        old, new = current.parent, current.number
    before = {(s.prompt_id, s.seed): s.text for s in store.samples(old)}
    before |= {(prompt_id, None): text for (prompt_id, _), text in before.items()}
    rows = []
    for sample in store.samples(new):
        text = before.get((sample.prompt_id, sample.seed), before.get((sample.prompt_id, None)))
        if text is not None:
            rows.append((store.prompt(sample.prompt_id).text, text, sample.text))
    return Sides(before=old, after=new, rows=tuple(rows[:most])) if rows else None
