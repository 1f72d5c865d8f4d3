"""HTML that panels are made of. Every text from outside passes `h()`, here and in every panel.

Model text, prompts, names and errors are hostile until escaped: the console's components execute what they
are given.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from html import escape

from rater_data.overview.wording import format_duration
from rater_data.round_settings import Told

MAX_TEXT_LENGTH = 1200  # characters of a model's text
MAX_TOLD_LENGTH = 60  # characters of a system prompt that are shown at once


def h(value: object) -> str:
    """Text as text."""
    return escape(str(value), quote=True)


def continued_text(given: str, text: str) -> str:
    """What a model was given and how it went on, as one text without a break; ends are shown where it is long."""
    given = given if len(given) <= MAX_TEXT_LENGTH else f"… {given[-MAX_TEXT_LENGTH:]}"
    seam = '<span class="rl-hidden-text"> The model goes on: </span>'
    own = h(shorten(text)) if text.strip() else "<em> (the model wrote nothing)</em>"
    return f'<p class="ops-text" dir="auto"><span class="ops-given">{h(given)}</span>{seam}{own}</p>'


def shorten(text: str, length: int = MAX_TEXT_LENGTH) -> str:
    return text if len(text) <= length else f"{text[:length]} …"


def told_note(told: Told) -> str:
    """What stood before a model's answers, in a small line that opens where it is long; nothing for nothing."""
    if told.continuation:
        return '<small class="ops-told">continues texts</small>'
    if len(told.system) <= MAX_TOLD_LENGTH:
        return f'<small class="ops-told">told: {h(told.system)}</small>' if told.system else ""
    begin = " ".join(told.system.split())[:MAX_TOLD_LENGTH].rstrip()
    return f'<details class="ops-told"><summary>told: {h(begin)} …</summary>{h(told.system)}</details>'


def quiet(sentence: str) -> str:
    return f'<p class="rl-quiet">{h(sentence)}</p>'


def section(title: str, sentence: str = "") -> str:
    more = f"<p>{h(sentence)}</p>" if sentence else ""
    return f'<div class="ops-section"><h2>{h(title)}</h2>{more}</div>'


def notice(sentence: str, bad: bool = False) -> str:
    """What came of an action. The same sentence a second time is new: the page hides a notice after a while."""
    kind = "ops-notice bad" if bad else "ops-notice"
    at = f'data-at="{time.time():.2f}"'
    return f'<p class="{kind}" role="status" {at}>{h(sentence)}</p>' if sentence else ""


def table(headings: Iterable[str], rows: list[str], kind: str = "") -> str:
    """`rows`: <tr> elements as HTML; `kind`: the table's class."""
    return grouped_table(headings, [f"<tbody>{''.join(rows)}</tbody>"], kind)


def grouped_table(headings: Iterable[str], groups: list[str], kind: str = "") -> str:
    """The same of rows that belong together: `groups` are <tbody> elements."""
    head = "".join(f"<th>{h(heading)}</th>" for heading in headings)
    return (
        f'<div class="ops-table rl-panel" tabindex="0"><table class="{h(kind)}">'
        f"<thead><tr>{head}</tr></thead>{''.join(groups)}</table></div>"
    )


def tile(value_html: str, label: str, more: str = "") -> str:
    return f'<div class="ops-tile"><b>{value_html}</b><span>{h(label)}</span>{more}</div>'


def progress_bar(done: float, total: float, label: str) -> str:
    percent = 100 * min(1.0, done / total) if total else 0
    return (
        f'<div class="rl-bar" role="progressbar" aria-label="{h(label)}" aria-valuenow="{percent:.0f}" '
        f'aria-valuetext="{done:g} of {total:g}"><span style="width:{percent:.1f}%"></span></div>'
    )


def busy_bar(label: str) -> str:
    """For work whose length is not known."""
    return f'<div class="rl-bar rl-busy" role="progressbar" aria-label="{h(label)}"><span></span></div>'


def format_number(value: object, shape: str) -> str:
    if not isinstance(value, int | float):
        return "–"
    text = shape.format(value)
    return text if any(digit in text for digit in "123456789") else text.lstrip("+-")  # zero has no sign


def format_time(timestamp: float) -> str:
    """The time of today, day and time of other days."""
    then, now = datetime.fromtimestamp(timestamp), datetime.now()
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%d %b %H:%M}"


def format_age(timestamp: float) -> str:
    seconds = max(0.0, time.time() - timestamp)
    if seconds < 90:
        return "now"
    return f"{format_duration(seconds).removeprefix('about ')} ago"
