"""Did training help? The verdict in words and numbers, and the learning curve in points that people gave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.console.panels.elements import h
from app.console.state.round_verdicts import JudgedRound, Judgement, verdict_sentence, verdict_title
from rater_data.scales import Scale
from rater_data.statistics.intervals import Interval
from rater_data.statistics.learning_curve import CurvePoint
from rater_data.statistics.round_verdict import RoundVerdict

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420.0, 190.0, 44.0, 14.0, 12.0, 26.0  # of the curve's drawing
ROOM = 0.12  # above and below the curve, as a share of its height
MOST_LABELS = 8  # on the axis of rounds


def verdict(judgement: Judgement, scale: Scale) -> str:
    latest = judgement.latest
    if latest is None:
        return ""
    kind = latest.verdict.word if latest.verdict is not None and latest.parent is not None else "open"
    facts = _facts(latest.verdict, judgement.drift, scale) if latest.verdict is not None else ""
    text = (
        f'<div><h2 class="{h(kind)}">{h(verdict_title(latest))}</h2>'
        f"<p>{h(verdict_sentence(latest, scale))}</p>{facts}{_before(judgement, scale)}</div>"
    )
    curve = _curve(judgement.curve, scale)
    return f'<section class="ops-verdict rl-panel" aria-label="Did it help?">{text}{curve}</section>'


def _facts(found: RoundVerdict, drift: Interval | None, scale: Scale) -> str:
    if found.gain is None:
        return ""
    rows = []
    if not scale.paired:
        rows.append(("Mean difference", _difference(found.gain, scale), "95 %, however often you look"))
    rows.append(_win_rate(found, scale))
    if found.length is not None:
        by = f"{abs(found.length.difference):.0f} characters {'longer' if found.length.difference > 0 else 'shorter'}"
        share = (
            _preference(found.length.explained)
            if scale.paired
            else _difference(found.length.explained, scale)
        )
        rows.append(("Of it by length", share, f"answers are {by}"))
    if drift is not None:
        rows.append(
            (
                "Raters' drift",
                _difference(drift, scale),
                f"{drift.n} anchors read again",
            )
        )
    cells = "".join(f"<div><dt>{h(a)}</dt><dd>{h(b)} <small>{h(c)}</small></dd></div>" for a, b, c in rows)
    return f"<dl>{cells}</dl>"


def _win_rate(found: RoundVerdict, scale: Scale) -> tuple[str, str, str]:
    if scale.paired and found.gain is not None:
        share = [(1 + end) / 2 for end in (found.gain.mean, found.gain.low, found.gain.high)]
        sure = f"{found.gain.n} comparisons; 95 %, however often you look"
        return "Preferred", _shares(max(0.0, min(1.0, s)) for s in share), sure
    rate = found.win_rate
    if rate is None:
        return "Preferred", "–", ""
    return "Preferred", _shares((rate.mean, rate.low, rate.high)), f"on {rate.n} prompts that both answered"


def _before(judgement: Judgement, scale: Scale) -> str:
    """The verdict before, while the latest round cannot tell yet."""
    latest = judgement.latest
    if latest is None or (latest.verdict is not None and latest.verdict.gain is not None):
        return ""
    told = [r for r in judgement.rounds[:-1] if r.verdict is not None and r.verdict.gain is not None]
    return f'<p class="rl-quiet">{h(_told_before(told[-1], scale))}</p>' if told else ""


def _told_before(judged: JudgedRound, scale: Scale) -> str:
    gain = judged.verdict.gain if judged.verdict is not None else None
    amount = "" if gain is None else f" ({_preference(gain) if scale.paired else _difference(gain, scale)})"
    return f"In round {judged.number}: {verdict_title(judged)}{amount}."


def _difference(interval: Interval, scale: Scale) -> str:
    if scale.name == "thumbs":
        ends = [f"{100 * end:+.0f}" for end in (interval.mean, interval.low, interval.high)]
        return f"{ends[0]} % thumbs up ({ends[1]} … {ends[2]})"
    return f"{_signed(interval.mean)} points ({_signed(interval.low)} … {_signed(interval.high)})"


def _preference(interval: Interval) -> str:
    """Half of a difference between wins and losses, as a difference of the share that is preferred."""
    ends = [f"{50 * end:+.0f}" for end in (interval.mean, interval.low, interval.high)]
    return f"{ends[0]} % preferred ({ends[1]} … {ends[2]})"


def _shares(ends: Iterable[float]) -> str:
    mean, low, high = (f"{100 * end:.0f}" for end in ends)
    return f"{mean} % of the time ({low} … {high})"


def _signed(value: float) -> str:
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}"


def _curve(points: Sequence[CurvePoint], scale: Scale) -> str:
    """Rounds along, points above the first version up, each with its interval."""
    known = [(p, p.value) for p in points if p.value is not None]
    if len(known) < 2:
        return ""
    base = 0.5 if scale.paired else 0.0
    low = min(base, *(value.low for _, value in known))
    high = max(base, *(value.high for _, value in known))
    margin = ROOM * ((high - low) or 1.0)
    low, high = low - margin, high + margin
    first, last = points[0].round_number, points[-1].round_number

    def x(number: int) -> float:
        return LEFT + 12 + (WIDTH - LEFT - RIGHT - 24) * (number - first) / max(1, last - first)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    unit = "share that prefers it to the first version" if scale.paired else "points above the first version"
    bars = "".join(
        f'<path class="range" d="M{x(p.round_number):.1f} {y(v.low):.1f}V{y(v.high):.1f}"/>' for p, v in known
    )
    line = " ".join(f"{x(p.round_number):.1f},{y(v.mean):.1f}" for p, v in known)
    dots = "".join(
        f'<circle cx="{x(p.round_number):.1f}" cy="{y(v.mean):.1f}" r="4">'
        f"<title>{h(_point(p, v, scale))}</title></circle>"
        for p, v in known
    )
    grid = "".join(
        f'<path class="{"base" if tick == base else "grid"}" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>'
        f'<text class="up" x="{LEFT - 8}" y="{y(tick) + 4:.1f}">{h(_tick(tick, scale))}</text>'
        for tick in _ticks(low, high)
    )
    every = -(-len(points) // MOST_LABELS)
    rounds = "".join(
        f'<text class="along" x="{x(p.round_number):.1f}" y="{HEIGHT - 6}">{p.round_number}</text>'
        for p in points[::every]
    )
    label = "; ".join(_point(p, v, scale) for p, v in known)
    return (
        f'<figure><figcaption>Learning curve: {h(unit)}, by round</figcaption><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'role="img" aria-label="{h(label)}">{grid}{bars}<polyline points="{line}"/>{dots}{rounds}</svg></figure>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Some round numbers between the two, 0 among them where it lies between."""
    step = next(s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0) if (high - low) / s <= 8)
    first = -(-low // step)
    return [round((first + i) * step, 6) for i in range(9) if (first + i) * step <= high]


def _tick(value: float, scale: Scale) -> str:
    if scale.paired:
        return f"{100 * value:.0f} %"
    return "0" if value == 0 else f"{value:+g}"


def _point(point: CurvePoint, value: Interval, scale: Scale) -> str:
    ends = [f"{100 * e:.0f} %" if scale.paired else _signed(e) for e in (value.mean, value.low, value.high)]
    interval = f" ({ends[1]} … {ends[2]})" if value.n else ""
    return f"Round {point.round_number}, version {point.version}: {ends[0]}{interval}"
