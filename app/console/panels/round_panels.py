"""The console's panels about the round under way, as HTML. Every text from outside passes `h()`, as in panels.py."""

from __future__ import annotations

from typing import Any

from app.console.panels.training_panels import bar, h, number, quiet, tile
from app.console.state.next_step import Overview
from app.console.state.round_summary import Glance
from app.wording import format_duration
from rater_data.lifecycle import RoundProgress
from rater_data.scales import Scale

STEPS_SHOWN = 4


def tiles(seen: Overview, glance: Glance, scale: Scale) -> str:
    p = seen.progress
    if p is None:
        return (
            '<div class="ops-tiles rl-panel">' + tile("–", "Ratings") + tile("–", "Raters at work") + "</div>"
        )
    parts = (
        tile(
            f"{p.ratings} <small>of {p.quota}</small>",
            "Ratings this round" + (f", and {p.set_aside} set aside" if p.set_aside else ""),
            bar(p.ratings, p.quota, "Ratings"),
        ),
        tile(*pace(p)),
        tile(
            f"{glance.at_work} <small>at work</small>",
            f"{p.raters} rater{'s' * (p.raters != 1)} so far this round",
        ),
        tile(*agreed(glance, scale)),
        tile(*ready(glance)),
        tile(*scored(p, scale)),
    )
    return f'<div class="ops-tiles rl-panel">{"".join(parts)}</div>'


def pace(p: RoundProgress) -> tuple[str, str]:
    """Ratings in the last hour, and how long the quota takes at that pace."""
    missing = max(0, p.quota - p.ratings)
    pace_words = f"{p.ratings_last_hour:.0f} <small>an hour</small>"
    if not missing:
        return pace_words, "Quota reached"
    if p.round.state != "rating":
        return pace_words, "This round's rating is over"
    if not p.ratings_last_hour:
        return pace_words, "None of this round in the last hour"
    return pace_words, f"{format_duration(3600 * missing / p.ratings_last_hour)} to the quota"


def agreed(glance: Glance, scale: Scale) -> tuple[str, str]:
    """Krippendorff's alpha with its interval, in words a person can use."""
    found = glance.alpha
    if found is None:
        return "–", "Agreement: too few read by several"
    value = f"α {found.mean:.2f} <small>{found.low:.2f} … {found.high:.2f}</small>"
    return value, f"Agreement on {found.n} {scale.rated_units}"


def ready(glance: Glance) -> tuple[str, str]:
    """What the reward head would say if the round was trained now."""
    told = glance.readiness
    if told is None:
        return "–", "Reward head: the trainer looks when it is free"
    value = f"ρ {number(told.get('spearman'), '{:.2f}')}"
    return value, f"Reward head: {'ready' if told.get('passed') else 'not told from chance yet'}"


def scored(p: RoundProgress, scale: Scale) -> tuple[str, str]:
    if scale.paired:
        given = sum(p.scores.values())
        return (f"{p.scores.get('0', 0) / given:.0%}" if given else "–"), "Ties this round"
    return ("–" if p.mean_score is None else f"{p.mean_score:.2f}"), "Mean score this round"


def score_numbers(p: RoundProgress | None, scale: Scale) -> str:
    """What the plot of scores draws, to read."""
    if p is None or not any(p.scores.values()):
        return ""
    given = {float(point): count for point, count in p.scores.items()}
    cells = "".join(
        f"<div><dt>{h(scale.mark(point))}</dt><dd>{given.get(float(point), 0)}</dd></div>"
        for point in scale.points
    )
    return f'<dl class="ops-scores" aria-label="How often each score was given this round">{cells}</dl>'


def watched(steps: list[dict[str, Any]]) -> str:
    """What the policy says to the same prompts after each step: the newest step first."""
    told = [s for s in steps if s.get("samples")]
    if not told:
        return ""
    blocks = []
    for place, first in enumerate(told[-1]["samples"]):
        rows = "".join(
            f'<li><b>Step {h(s["step"])}</b><p class="ops-text" dir="auto">{h(said_at(s, place))}</p></li>'
            for s in reversed(told[-STEPS_SHOWN:])
        )
        blocks.append(
            f'<article class="rl-panel ops-watched"><h3 dir="auto">{h(first["prompt"])}</h3><ol>{rows}</ol></article>'
        )
    return quiet("What it says to prompts that are never trained on, as it learns:") + "".join(blocks)


def said_at(step: dict[str, Any], place: int) -> str:
    samples = step["samples"]
    return str(samples[place]["text"])[:600] if place < len(samples) else ""
