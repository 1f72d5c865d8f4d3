"""Did training help? The verdict in words and numbers, and the learning curve in points that people gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

from app.console.panels.elements import h
from app.console.state.round_verdicts import Judgement
from rater_data.overview.verdict_words import JudgedRound, gain_words, signed, verdict_sentence, verdict_title
from rater_data.scales import Scale
from rater_data.statistics.intervals import Interval
from rater_data.statistics.round_verdict import HURT, RoundVerdict

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420.0, 250.0, 44.0, 14.0, 12.0, 26.0  # of the curve's drawing
KL_HEIGHT = 110.0
BESIDE = {"people": 0.0, "head": 7.0}  # to the right: an interval that lies on another hides it
ROOM = 0.12  # above and below the curve, as a share of its height
MOST_LABELS = 8  # on the axis of rounds


def verdict(judgement: Judgement, scale: Scale, is_training: bool = False) -> str:
    """Title, sentence and numbers of the latest round, a button back where it hurt, and the learning curve."""
    latest = judgement.latest
    if latest is None:
        return ""
    kind = latest.verdict.word if latest.verdict is not None and latest.parent is not None else "open"
    facts = _facts(latest.verdict, judgement.drift, scale) if latest.verdict is not None else ""
    text = (
        f'<div><h2 class="{h(kind)}">{h(verdict_title(latest))}</h2>'
        f"<p>{h(verdict_sentence(latest, scale))}</p>{_back(latest, is_training)}{facts}{_overall(judgement, scale)}"
        f"{_before(judgement, scale)}</div>"
    )
    curve = _curve(judgement, scale)
    return f'<section class="ops-verdict rl-panel" aria-label="Did it help?">{text}{curve}</section>'


def _back(judged: JudgedRound, is_training: bool) -> str:
    """The button that puts the version before in use again, where this one hurt."""
    if judged.verdict is None or judged.verdict.word != HURT or not judged.in_use:
        return ""
    return (
        f'<button type="button" class="rl-button" data-roll-back="{judged.parent}"'
        f"{' disabled' if is_training else ''}>Use version {judged.parent} again</button>"
    )


def _overall(judgement: Judgement, scale: Scale) -> str:
    """The version that was measured last against the first one, where there is more than one step between them."""
    known = [point for point in judgement.curve if point.value is not None]
    if not known or known[-1].value is None or len({point.version for point in judgement.curve}) < 3:
        return ""
    value, version = known[-1].value, known[-1].version
    if scale.paired:
        ends = [f"{100 * end:.0f} %" for end in (value.mean, value.low, value.high)]
        found = f"{ends[0]} ({ends[1]} … {ends[2]}) would prefer version {version} to the first one"
    else:
        found = f"version {version} is {gain_words(value, scale)} from the first one"
    return f'<p class="rl-quiet">Overall: {h(found)}; 95 %, of a single look.</p>'


def _facts(found: RoundVerdict, drift: Interval | None, scale: Scale) -> str:
    if found.gain is None:
        return ""
    rows = []
    if not scale.paired:
        sure = f"{found.gain.n} blind ratings; 95 %, however often you look"
        rows.append(("Mean difference", gain_words(found.gain, scale), sure))
    rows.append(_win_rate(found, scale))
    if found.length is not None:
        by = f"{abs(found.length.difference):.0f} characters {'longer' if found.length.difference > 0 else 'shorter'}"
        rows.append(("Of it by length", gain_words(found.length.explained, scale), f"answers are {by}"))
    if drift is not None:
        rows.append(
            (
                "Raters' drift",
                gain_words(drift, scale),
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
    amount = "" if gain is None else f" ({gain_words(gain, scale)})"
    return f"In round {judged.number}: {verdict_title(judged)}{amount}."


def _shares(ends: Iterable[float]) -> str:
    mean, low, high = (f"{100 * end:.0f}" for end in ends)
    return f"{mean} % of the time ({low} … {high})"


@dataclass(frozen=True, slots=True)
class Axes:
    """Places of rounds, or of other whole numbers from low to high, and of values in a drawing of `height`."""

    rounds: Sequence[int]
    low: float
    high: float
    height: float

    def x(self, number: int, kind: str = "people") -> float:
        first, last = self.rounds[0], self.rounds[-1]
        along = (WIDTH - LEFT - RIGHT - 24) * (number - first) / max(1, last - first)
        return LEFT + 12 + along + BESIDE[kind]

    def y(self, value: float) -> float:
        return TOP + (self.height - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)

    def line(self, points: Iterable[tuple[int, float]], kind: str) -> str:
        places = " ".join(f"{self.x(number, kind):.1f},{self.y(value):.1f}" for number, value in points)
        return f'<polyline class="{kind}" points="{places}"/>'

    def dot(self, number: int, value: float, kind: str, says: str) -> str:
        place = f'cx="{self.x(number, kind):.1f}" cy="{self.y(value):.1f}"'
        return f'<circle class="{kind}" {place} r="4"><title>{h(says)}</title></circle>'

    def range(self, number: int, interval: Interval, kind: str) -> str:
        ends = f"M{self.x(number, kind):.1f} {self.y(interval.low):.1f}V{self.y(interval.high):.1f}"
        return f'<path class="range {kind}" d="{ends}"/>'

    def across(self, value: float, kind: str) -> str:
        return f'<path class="{kind}" d="M{LEFT} {self.y(value):.1f}H{WIDTH - RIGHT}"/>'

    def grid(self, base: float, written: Callable[[float], str]) -> str:
        return "".join(
            f"{self.across(tick, 'base' if tick == base else 'grid')}"
            f'<text class="up" x="{LEFT - 8}" y="{self.y(tick) + 4:.1f}">{h(written(tick))}</text>'
            for tick in _ticks(self.low, self.high, most=int(self.height / 22))
        )

    def names(self) -> str:
        every = -(-len(self.rounds) // MOST_LABELS)
        return "".join(
            f'<text class="along" x="{self.x(number):.1f}" y="{self.height - 6}">{number}</text>'
            for number in self.rounds[::every]
        )

    def drawing(self, label: str, parts: str) -> str:
        box = f'viewBox="0 0 {WIDTH:g} {self.height:g}"'
        return f'<svg {box} role="img" aria-label="{h(label)}">{parts}</svg>'


def _curve(judgement: Judgement, scale: Scale) -> str:
    """Rounds along, points above the first version up: as people rated each version, and as its reward head expects."""
    known = [(p.round_number, p.version, p.value) for p in judgement.curve if p.value is not None]
    by_head = [
        (p.round_number, p.version, judgement.expected[p.version])
        for p in judgement.curve
        if p.version in judgement.expected
    ]
    if len({version for _, version, _ in known}) < 2 and not by_head:
        return ""  # several rounds of one version are no curve
    base = 0.5 if scale.paired else 0.0
    shown = [value for *_, value in (*known, *by_head)]
    low = min(base, *(value.low for value in shown))
    high = max(base, *(value.high for value in shown))
    margin = ROOM * ((high - low) or 1.0)
    axes = Axes([p.round_number for p in judgement.curve], low - margin, high + margin, HEIGHT)
    unit = "share that prefers it to the first version" if scale.paired else "points above the first version"
    parts = axes.grid(base, lambda tick: _tick(tick, scale))
    parts += "".join(axes.range(n, value, "head") for n, _, value in by_head)
    parts += "".join(axes.range(n, value, "people") for n, _, value in known)
    parts += axes.line(((n, value.mean) for n, _, value in by_head), "head")
    parts += axes.line(((n, value.mean) for n, _, value in known), "people")
    said = [_point(*point, scale) for point in known]
    expected = [f"{_point(*point, scale)}, expected by the reward head" for point in by_head]
    for kind, points, sentences in (("head", by_head, expected), ("people", known, said)):
        parts += "".join(
            axes.dot(n, value.mean, kind, sentence)
            for (n, _, value), sentence in zip(points, sentences, strict=True)
        )
    label = "; ".join([*said, *expected])
    key = '<span class="people">people, blind</span>'
    asked = _asked_about({version for _, version, _ in by_head}, judgement.on_training_prompts)
    key += f'<span class="head">the reward head, on {asked} prompts</span>' if by_head else ""
    key += '<span class="bars">bars: 95 %, of a single look</span>'
    return (
        f"<figure><figcaption>Learning curve: {h(unit)}, by round</figcaption>"
        f'<p class="ops-key">{key}</p>{axes.drawing(label, parts + axes.names())}</figure>{_kl(judgement)}'
    )


def _asked_about(versions: Set[int], on_training_prompts: Set[int]) -> str:
    """What prompts the head's points are of: where there are none that are held out, of some that are trained on."""
    if not versions & on_training_prompts:
        return "holdout"
    return "training" if versions <= on_training_prompts else "holdout (or, without any, training)"


def _kl(judgement: Judgement) -> str:
    """How far each round's version is from the base model."""
    points = [
        (p.round_number, p.version, judgement.kl[p.version])
        for p in judgement.curve
        if p.version in judgement.kl
    ]
    if len(points) < 2:
        return ""
    high = max(value for *_, value in points)
    axes = Axes([p.round_number for p in judgement.curve], 0.0, high * (1 + ROOM) or 1.0, KL_HEIGHT)
    said = [f"Round {n}, version {version}: {value:.1f} nats" for n, version, value in points]
    parts = axes.grid(0.0, lambda tick: f"{tick:g}") + axes.line(((n, v) for n, _, v in points), "people")
    parts += "".join(
        axes.dot(n, v, "people", sentence) for (n, _, v), sentence in zip(points, said, strict=True)
    )
    return (
        '<figure class="kl"><figcaption>KL to the base model: nats per response, by round</figcaption>'
        f"{axes.drawing('; '.join(said), parts + axes.names())}</figure>"
    )


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Some round numbers between the two, `most` at most, 0 among them where it lies between."""
    step = next(s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 1e9) if (high - low) / s < most)
    first = -(-low // step)
    return [round((first + i) * step, 6) for i in range(most) if (first + i) * step <= high]


def _tick(value: float, scale: Scale) -> str:
    if scale.paired:
        return f"{100 * value:.0f} %"
    return "0" if value == 0 else f"{value:+g}".replace("-", "−")


def _point(number: int, version: int, value: Interval, scale: Scale) -> str:
    ends = [f"{100 * e:.0f} %" if scale.paired else signed(e) for e in (value.mean, value.low, value.high)]
    interval = f" ({ends[1]} … {ends[2]})" if value.low < value.high else ""
    return f"Round {number}, version {version}: {ends[0]}{interval}"
