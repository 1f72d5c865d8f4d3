"""What more ratings should buy, and what people could do for them."""

from __future__ import annotations

from app.console.panels.elements import h
from app.console.state.what_next import MoreRatings, WhatNext

WIDTH = 180.0  # of the drawing of an interval
NOTHING = 0.005  # of a correlation: 0.00 as it is shown


def what_next(found: WhatNext) -> str:
    """A row for now and for each number of ratings more, and what follows for people; "" while nothing is to say."""
    sentences = "".join(f"<li>{h(sentence)}</li>" for sentence in found.sentences)
    said = f"<ul>{sentences}</ul>" if sentences else ""
    if found.now is None:
        return f'<section class="ops-next rl-panel"><h2>What next</h2>{said}</section>' if said else ""
    rows = [
        f"<tr><th>Now, {found.ratings} ratings</th><td>{found.now:.2f}</td><td>{_bar(found.now)}</td></tr>"
    ]
    rows += [
        f"<tr><th>{step.more} more</th><td>{step.expected:.2f} <small>{_added(step, found.now)}</small></td>"
        f"<td>{_bar(step.expected, step.low, step.high)}</td></tr>"
        for step in found.more
    ]
    return (
        '<section class="ops-next rl-panel"><h2>What next</h2>'
        "<p>How far the reward head should agree with people on prompts that it has not seen: rank correlation, and "
        "what more ratings add to it, with an 80 % interval.</p>"
        f"<table><tbody>{''.join(rows)}</tbody></table>{said}</section>"
    )


def _added(step: MoreRatings, now: float) -> str:
    """What more ratings add to what is there `now`, in points of the correlation."""
    if step.high - now < NOTHING:
        return "nothing more to be expected"
    ends = (step.expected, step.low, step.high)
    expected, low, high = (f"{end - now:+.2f}".replace("-", "−") for end in ends)
    return f"{expected} ({low} … {high})"


def _bar(value: float, low: float | None = None, high: float | None = None) -> str:
    """A correlation from 0 to 1 as a bar, its interval as a line on it."""
    line = "" if low is None or high is None else f'<path d="M{_along(low):.1f} 7H{_along(high):.1f}"/>'
    bar = '<rect class="{kind}" width="{width:.1f}" height="8" y="3" rx="4"/>'
    bars = bar.format(kind="all", width=WIDTH) + bar.format(kind="part", width=_along(value))
    return f'<svg viewBox="0 0 {WIDTH:g} 14" aria-hidden="true">{bars}{line}</svg>'


def _along(correlation: float) -> float:
    return WIDTH * max(0.0, min(1.0, correlation))
