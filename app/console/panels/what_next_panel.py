"""What more ratings should buy, what people could do for them, and beside it what is known of the reward head."""

from __future__ import annotations

from app.console.panels.elements import h
from app.console.panels.verdict_panel import Axes
from app.console.state.what_next import HeadFound, MoreRatings, TaughtBy, WhatNext
from rater_data.statistics.intervals import Interval

WIDTH = 180.0  # of the drawing of an interval
NOTHING = 0.005  # of a correlation: 0.00 as it is shown
CURVE_HEIGHT = 150.0


def what_next(found: WhatNext) -> str:
    """What is to be expected and what follows for people, and what is known of the head; "" while nothing is to say."""
    parts = _next(found) + ("" if found.head is None else _head(found.head))
    return f'<section class="ops-next rl-panel">{parts}</section>' if parts else ""


def _next(found: WhatNext) -> str:
    """A row for now and for each number of ratings more, and what follows for people."""
    sentences = "".join(f"<li>{h(sentence)}</li>" for sentence in found.sentences)
    said = f"<ul>{sentences}</ul>" if sentences else ""
    if found.now is None:
        return f"<div><h2>What next</h2>{said}</div>" if said else ""
    rows = [
        f"<tr><th>Now, {found.ratings} ratings</th><td>{found.now:.2f}</td><td>{_bar(found.now)}</td></tr>"
    ]
    rows += [
        f"<tr><th>{step.more} more</th><td>{step.expected:.2f} <small>{_added(step, found.now)}</small></td>"
        f"<td>{_bar(step.expected, step.low, step.high)}</td></tr>"
        for step in found.more
    ]
    return (
        "<div><h2>What next</h2>"
        "<p>How far the reward head should agree with people on prompts that it has not seen: rank correlation, and "
        "what more ratings add to it, with an 80 % interval.</p>"
        f"<table><tbody>{''.join(rows)}</tbody></table>{said}</div>"
    )


def _head(head: HeadFound) -> str:
    """A row for each thing that was measured, with what it is to be compared with and what it means."""
    cells = "".join(
        f"<div><dt>{h(name)} <small>{h(meaning)}</small></dt><dd>{h(value)} <small>{h(beside)}</small></dd></div>"
        for name, meaning, value, beside in _rows(head)
    )
    if not cells:
        return (
            f'<div class="ops-head"><h2>The reward head</h2><p>{h(head.reason)}</p></div>'
            if head.reason
            else ""
        )
    of = (
        ""
        if None in (head.responses, head.prompts)
        else f" ({head.responses} responses to {head.prompts} prompts)"
    )
    chance = (
        "" if head.chance is None else f" Chance alone does as well with a probability of {head.chance:.3f}."
    )
    says = f"How it agrees with people on prompts that it was not fitted on{of}, with 95 % intervals.{chance}"
    return (
        f'<div class="ops-head"><h2>The reward head</h2><p>{h(says)}</p><dl>{cells}</dl>{_curve(head)}</div>'
    )


def _rows(head: HeadFound) -> list[tuple[str, str, str, str]]:
    """Name, what it means, how much it is, and what that is to be compared with."""
    rows = []
    if head.spearman is not None:
        meaning = "rank correlation with people; by chance 0"
        raters = (
            ""
            if head.ceiling_spearman is None
            else f"raters with each other: {_number(head.ceiling_spearman)}"
        )
        rows.append(("Spearman", meaning, _estimate(head.spearman), raters))
    if head.pairs is not None:
        meaning = "of two answers to a prompt; by chance half of them"
        compared = (
            []
            if head.ceiling_pairs is None
            else [f"raters with each other: {100 * head.ceiling_pairs:.0f} %"]
        )
        compared += [] if head.longer is None else [f"the longer answer: {_share(head.longer)}"]
        rows.append(("Pairs put right", meaning, _share(head.pairs), ", ".join(compared)))
    if head.gain is not None:
        meaning = "how far the answer it likes best is above its prompt's mean"
        value = f"{_estimate(head.gain, '+')} {head.unit}"
        rows.append(("Favourite's gain", meaning, value, "an answer drawn at random: 0"))
    if head.calibration is not None:
        meaning = "how far people tell answers apart, for each point that it does"
        rows.append(
            ("Calibration", meaning, _estimate(head.calibration), "as sure as it may be: 1; below, too sure")
        )
    return rows


def _number(value: float, sign: str = "-") -> str:
    return f"{value:{sign}z.2f}".replace("-", "−")


def _estimate(found: Interval, sign: str = "-") -> str:
    mean, low, high = (_number(end, sign) for end in (found.mean, found.low, found.high))
    return f"{mean} ({low} … {high})"


def _share(found: Interval) -> str:
    return f"{100 * found.mean:.0f} % ({100 * found.low:.0f} … {100 * found.high:.0f})"


def _curve(head: HeadFound) -> str:
    """How the head's rank correlation grew with the ratings that taught it, and that of raters with each other."""
    points = sorted(head.curve, key=lambda point: point.ratings)
    if len(points) < 2:
        return ""
    ceiling = head.ceiling_spearman
    shown = [0.0, *(point.spearman for point in points), *([] if ceiling is None else [ceiling])]
    axes = Axes([round(point.ratings) for point in points], min(shown), max(shown) + 0.05, CURVE_HEIGHT)
    parts, key = axes.grid(0.0, lambda tick: f"{tick:g}"), '<span class="people">the head</span>'
    if ceiling is not None:
        parts += axes.across(ceiling, "ceiling")
        key += '<span class="ceiling">raters with each other</span>'
    parts += axes.line(((round(point.ratings), point.spearman) for point in points), "people")
    said = [_taught(point, head.unit) for point in points]
    parts += "".join(
        axes.dot(round(point.ratings), point.spearman, "people", sentence)
        for point, sentence in zip(points, said, strict=True)
    )
    return (
        "<details><summary>How it grew with ratings</summary><figure>"
        "<figcaption>Spearman by the number of ratings that taught it</figcaption>"
        f'<p class="ops-key">{key}</p>{axes.drawing("; ".join(said), parts + axes.names())}</figure></details>'
    )


def _taught(point: TaughtBy, unit: str) -> str:
    gain = "" if point.gain is None else f", favourite's gain {_number(point.gain, '+')} {unit}"
    return f"{point.ratings:.0f} ratings: {_number(point.spearman)}{gain}"


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
