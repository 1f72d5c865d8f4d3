"""How raters use the scale: whoever is to be looked at, on the first page; everybody's habits, under People."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.console.panels.elements import h, quiet, table
from rater_data.lifecycle import Lessons
from rater_data.overview.wording import join_names
from rater_data.records import User
from rater_data.statistics.intervals import Interval
from rater_data.statistics.rater_habits import RaterHabits

HABITS = ("Offset", "Slope", "Noise", "Direction")
HABITS_SENTENCE = (
    "Offset: how much higher somebody scores than the others, in points. Slope: points for a point of a usual rater's. "
    "Noise: standard deviation in points of what neither the others nor the reward head expect. Direction: correlation "
    "with what they expect. Each with its 95 % interval; few ratings leave it near what is usual."
)


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
    head = _head(review.get("head", {}).get(str(finding["rater_id"])))
    button = _exclude_button(people[0]) if len(people) == 1 else ""
    return f"<li><span><b>{h(names)}</b> {h(finding['says'])}.{h(head)}</span>{button}</li>"


def _head(head: Mapping[str, Any] | None) -> str:
    if head is None or head["with"] is None or head["without"] is None:
        return ""
    return (
        f" A reward head agrees with the others at {head['without']:.2f} when it is taught without these ratings, at "
        f"{head['with']:.2f} with them ({head['responses']} responses, prompts it has not seen)."
    )


def _exclude_button(user: User) -> str:
    return (
        f'<button type="button" class="rl-button" data-access="exclude" data-who="{h(user.id)}" '
        f'data-name="{h(user.name)}">Do not count</button>'
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


def habits_table(review: Mapping[str, Any], users: Sequence[User]) -> str:
    """Every rater's habits, as the trainer found them last."""
    names = {user.id: user.name for user in users}
    habits = [RaterHabits.from_json(row) for row in review.get("raters", []) if row["rater_id"] in names]
    if not habits:
        return quiet("Not known yet: the trainer looks at them every 8 ratings, while people rate.")
    rows = [_habits_row(names[one.rater_id], one) for one in habits]
    return table(("Name", *HABITS, "Judged by"), rows, "cards") + quiet(HABITS_SENTENCE)


def _habits_row(name: str, habits: RaterHabits) -> str:
    signed = (habits.offset, habits.slope, habits.direction)
    offset, slope, direction = (_interval(interval, "+.2f") for interval in signed)
    cells = (offset, slope, _interval(habits.noise, ".2f"), direction, h(_judged_by(habits)))
    labelled = "".join(
        f'<td data-label="{heading}">{cell}</td>'
        for heading, cell in zip((*HABITS, "Judged by"), cells, strict=True)
    )
    return f"<tr><th>{h(name)}</th>{labelled}</tr>"


def _interval(interval: Interval, shape: str) -> str:
    mean, low, high = (f"{x:{shape}}".replace("-", "−") for x in (interval.mean, interval.low, interval.high))
    return f"{mean} <small>{low} … {high}</small>"


def _judged_by(habits: RaterHabits) -> str:
    parts = [f"{habits.shared} shared"] if habits.shared else []
    parts += [f"{habits.by_head} by the head"] if habits.by_head else []
    return f"{', '.join(parts) or 'nobody'} of {habits.ratings}"
