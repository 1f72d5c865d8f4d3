"""The panels about the ratings of the round under way."""

from __future__ import annotations

from typing import Any

from app.console.panels.elements import format_number, h, progress_bar, quiet, shorten, tile
from app.console.state.round_summary import RoundSummary
from rater_data.lifecycle import RoundProgress
from rater_data.overview.round_overview import RoundOverview
from rater_data.overview.wording import format_duration
from rater_data.scales import Scale

MAX_PROMPT, MAX_SET_ASIDE = 120, 20  # characters, and prompts that are listed
STRATUM_LABELS = {
    "train": "Training",
    "calibration": "Calibration (several raters)",
    "holdout": "Holdout (never trained on)",
    "anchor": "Anchors (repeated every round)",
    "control": "Control (version before)",
    "imported": "Imported",
}
"""In the order in which they are shown."""


NO_PACE = {
    "generating": "More responses are being written",
    "sealed": "Sealed; what comes now counts for the next round",
    "training": "In training; what comes now counts for the next round",
    "published": "Rating of this round is over",
    "refused": "What comes now counts for the next round",
    "failed": "Training stopped; the ratings are safe",
    "rolled_back": "Rolled back; its ratings count on",
}
"""What stands in place of the time to the quota while a round is not open for rating alone."""


def tiles(overview: RoundOverview, summary: RoundSummary, scale: Scale) -> str:
    progress = overview.progress
    if progress is None:
        content = tile("–", "Ratings") + tile("–", "Raters at work")
    else:
        content = "".join(
            (
                tile(
                    f"{progress.ratings} <small>of {progress.quota}</small>",
                    _count_words(progress),
                    progress_bar(progress.ratings, progress.quota, "Ratings"),
                ),
                tile(*_pace(progress)),
                tile(
                    f"{summary.raters_at_work} <small>at work</small>",
                    f"{progress.raters} rater{'s' * (progress.raters != 1)} so far this round",
                ),
                tile(*_agreement(summary, scale)),
                tile(*_readiness(summary)),
                tile(*_mean_score(progress, scale)),
            )
        )
    return f'<div class="ops-tiles rl-panel">{content}</div>'


def _count_words(progress: RoundProgress) -> str:
    """What the number of ratings counts, and what it does not."""
    beside = []
    if progress.ratings > progress.quota:
        beside.append(f"{progress.ratings - progress.quota} beyond the quota count, too")
    if progress.set_aside:
        beside.append(f"{progress.set_aside} skipped or not judged")
    return ", ".join(["Ratings this round", *beside])


def _pace(progress: RoundProgress) -> tuple[str, str]:
    """Ratings in the last hour, and how long the quota takes at that pace."""
    missing = max(0, progress.quota - progress.ratings)
    pace = f"{progress.ratings_last_hour:.0f} <small>an hour</small>" if progress.ratings else "–"
    if progress.round.state != "rating":
        return pace, NO_PACE[progress.round.state]
    if not missing:
        return pace, "Quota reached"
    if not progress.ratings:
        return pace, "Pace: nobody has rated in this round yet"
    if not progress.ratings_last_hour:
        return pace, "Nobody rated in the last hour"
    return pace, f"{format_duration(3600 * missing / progress.ratings_last_hour)} to the quota"


def _agreement(summary: RoundSummary, scale: Scale) -> tuple[str, str]:
    """Krippendorff's alpha with its interval."""
    alpha = summary.alpha
    if alpha is None:
        return "–", "Agreement: too few read by several"
    value = f"α {alpha.mean:.2f} <small>{alpha.low:.2f} … {alpha.high:.2f}</small>".replace("-", "−")
    return value, f"Agreement on {alpha.n} {scale.rated_units}"


def _readiness(summary: RoundSummary) -> tuple[str, str]:
    """What the reward head would reach if the round was trained now."""
    readiness = summary.readiness
    if readiness is None:
        return "–", "Reward head: the trainer looks when it is free"
    value = f"ρ {format_number(readiness.get('spearman'), '{:.2f}')}"
    looked, known = readiness.get("ratings", 0), readiness.get("of", 0)
    by = f", by {looked:,} of {known:,} ratings" if known > looked else ""
    return value, f"Reward head: {'ready' if readiness.get('passed') else 'not told from chance yet'}{by}"


def _mean_score(progress: RoundProgress, scale: Scale) -> tuple[str, str]:
    if scale.paired:
        comparisons = sum(progress.scores.values())
        ties = progress.scores.get("0", 0)
        return (f"{ties / comparisons:.0%}" if comparisons else "–"), "Ties this round"
    return ("–" if progress.mean_score is None else f"{progress.mean_score:.2f}"), "Mean score this round"


def set_aside(kept: dict[str, Any]) -> str:
    """Prompts that the model's chat template cannot write, with the reason; the round goes on without them."""
    prompts = kept.get("prompts", {})
    if not prompts:
        return ""
    count = f"{len(prompts)} prompts are" if len(prompts) > 1 else "One prompt is"
    items = "".join(
        f'<li class="bad"><b>{h(shorten(p["text"], MAX_PROMPT))}</b><span>{h(p["why"])}</span></li>'
        for p in list(prompts.values())[:MAX_SET_ASIDE]
    )
    more = len(prompts) - MAX_SET_ASIDE
    rest = quiet(f"… and {more} more.") if more > 0 else ""
    return (
        '<details class="ops-checks ops-aside rl-panel">'
        f'<summary class="bad">{count} set aside in round {kept["round"]}</summary>'
        f"<ul>{items}</ul>{rest}</details>"
    )


def score_counts(progress: RoundProgress | None, scale: Scale) -> str:
    """What the plot of scores draws, to read."""
    if progress is None or not any(progress.scores.values()):
        return ""
    counts = {float(point): count for point, count in progress.scores.items()}
    cells = "".join(
        f"<div><dt>{h(scale.mark(point))}</dt><dd>{counts.get(float(point), 0)}</dd></div>"
        for point in scale.points
    )
    return f'<dl class="ops-scores" aria-label="How often each score was given this round">{cells}</dl>'


def strata(progress: RoundProgress | None) -> str:
    if progress is None or not progress.by_stratum:
        return '<div class="ops-strata rl-panel"><h3>Ratings by stratum</h3><p class="rl-quiet">None yet.</p></div>'
    rows = "".join(
        f"<div><span>{h(STRATUM_LABELS.get(name, name))}</span><b>{given} <small>of {wanted}</small></b>"
        f"{progress_bar(given, wanted, name)}</div>"
        for name, (given, wanted) in sorted(progress.by_stratum.items(), key=lambda item: _order(item[0]))
        if wanted
    )
    return f'<div class="ops-strata rl-panel"><h3>Ratings by stratum</h3>{rows}</div>'


def _order(stratum: str) -> int:
    return list(STRATUM_LABELS).index(stratum) if stratum in STRATUM_LABELS else len(STRATUM_LABELS)
