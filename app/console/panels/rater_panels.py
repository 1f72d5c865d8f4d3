"""Whoever rates unlike the others, and a version that learned from people who do not count: on the first page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.console.panels.elements import h
from rater_data.lifecycle import Lessons
from rater_data.overview import rater_words
from rater_data.overview.wording import join_names
from rater_data.records import User


def rater_notes(review: Mapping[str, Any], users: Sequence[User], lessons: Lessons | None) -> str:
    """Who rates unlike the others, and a version that learned from people who do not count; else nothing."""
    counted = {user.id: user for user in users if not user.excluded}
    notes = [_note(finding, review, counted) for finding in review.get("findings", [])]
    if lessons is not None:
        notes.append(_lessons(lessons))
    items = "".join(notes)
    return (
        f'<div class="ops-raters rl-panel"><ul aria-label="Raters to look at">{items}</ul></div>'
        if items
        else ""
    )


def _note(finding: Mapping[str, Any], review: Mapping[str, Any], users: Mapping[int, User]) -> str:
    people = [users[i] for i in (finding["rater_id"], *finding["others"]) if i in users]
    if len(people) <= len(finding["others"]):
        return ""  # somebody it was about does not count any more
    names = join_names([user.name for user in people])
    effect = rater_words.leaving_out(review.get("head", {}).get(str(finding["rater_id"])))
    button = _exclude_button(people[0], effect) if len(people) == 1 else ""
    return f"<li><span><b>{h(names)}</b> {h(finding['says'])}. {h(effect)}</span>{button}</li>"


def _exclude_button(user: User, effect: str) -> str:
    return (
        f'<button type="button" class="rl-button" data-access="exclude" data-who="{h(user.id)}" '
        f'data-name="{h(user.name)}" data-effect="{h(effect)}">Do not count</button>'
    )


def _lessons(lessons: Lessons) -> str:
    names = join_names(lessons.names)
    verb = "does" if len(lessons.names) == 1 else "do"
    says = f"Version {lessons.version} has learned from {names}, who {verb} not count any more."
    return (
        f"<li><span>{h(says)}</span>"
        f'<button type="button" class="rl-button" data-anew data-before="{lessons.before}" '
        f'data-name="{h(names)}">Train anew without them</button></li>'
    )
