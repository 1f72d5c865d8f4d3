"""Did the version in use help? The verdict that the raters' blind ratings give, in words."""

from dataclasses import dataclass

from rater_data.lifecycle import RATABLE_STATES
from rater_data.scales import Scale
from rater_data.statistics.intervals import Interval
from rater_data.statistics.round_verdict import FEWEST_RATINGS, HELPED, HURT, WORTH_KNOWING, RoundVerdict
from rater_data.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRound:
    """A round, the version that wrote it and its parent; `verdict` is None where there is no parent, and before it is
    computed. `in_use`: the version was not rolled back; `is_open`: raters still get cards of the round; `is_written`:
    all its responses are there."""

    number: int
    version: int
    parent: int | None
    in_use: bool
    verdict: RoundVerdict | None
    is_open: bool = True
    is_written: bool = True


def verdict_title(judged: JudgedRound) -> str:
    """In a few words."""
    verdict = judged.verdict
    if judged.parent is None:
        return "Nothing to compare yet"
    if verdict is not None and verdict.word == HELPED:
        return f"Version {judged.version} helped"
    if verdict is not None and verdict.word == HURT:
        return f"Version {judged.version} hurt"
    if verdict is not None and verdict.gain is not None and verdict.more is None:
        return "No difference that matters"
    return "No evidence yet"


def verdict_sentence(judged: JudgedRound, scale: Scale) -> str:
    """What the ratings say of the version that wrote the round, and what would settle it."""
    verdict, old, new = judged.verdict, judged.parent, judged.version
    if old is None:
        return f"Round {judged.number} is written by the first version; the next one's control arm compares with it."
    if verdict is None:
        return "The ratings are being counted."
    if not judged.is_written:
        return "Its responses are still being written: the ratings are looked at when all of them are there."
    if verdict.planned == 0:
        return (
            f"This round has no control arm, so nothing tells whether version {new} is better than version {old}: "
            "raise Control arm under Settings."
        )
    if verdict.gain is None:
        return _too_few_sentence(verdict, old, scale)
    if verdict.word in (HELPED, HURT):
        than = "better" if verdict.word == HELPED else "worse"
        found = f"People find it {than} than version {old}, on the same prompts and blind."
        if not judged.in_use:
            return f"{found} It was rolled back."
        return found if verdict.word == HELPED else f"{found} You can put version {old} in use again."
    if verdict.more is None:
        worth = WORTH_KNOWING * (scale.high - scale.low)
        return f"Versions {old} and {new} are less than {worth:.2g} {'of 1' if scale.paired else _points(scale)} apart."
    left = 0 if verdict.is_last else max(0, verdict.planned - verdict.blind)
    sentence = f"About {verdict.more} more blind {_units(scale, verdict.more)} would settle it"
    if not judged.is_open:
        return f"{sentence}, but this round has ended: none come any more."
    if verdict.more <= left:
        return f"{sentence}; {left} {'are' if left > 1 else 'is'} still to come in this round."
    has = f"{left or 'none'} {'are' if left > 1 else 'is'} left"
    return f"{sentence}; in this round {has}. A larger control arm, under Settings, tells more in the next."


def _too_few_sentence(verdict: RoundVerdict, old: int, scale: Scale) -> str:
    units, settings = _units(scale, 2), "raise Control arm or Ratings per round under Settings"
    if verdict.planned < FEWEST_RATINGS:
        are = "is" if verdict.planned == 1 else "are"
        arm = f"Only {verdict.planned} of this round's {units} {are} with version {old}"
        return (
            f"{arm}, and so small a control arm never gets a verdict. It takes {FEWEST_RATINGS}: {settings}."
        )
    if verdict.is_last:
        came = f"Only {verdict.blind} of {verdict.planned} planned blind {units} with version {old} came in"
        return f"{came}: too few for a verdict, and no more are looked at. To get one in the next round, {settings}."
    return f"{verdict.blind} of {verdict.planned} blind {units} with version {old} are in: too few to tell."


def _units(scale: Scale, count: int) -> str:
    return ("comparison" if scale.paired else "rating") + "s" * (count != 1)


def _points(scale: Scale) -> str:
    return "thumbs up a response" if scale.name == "thumbs" else "points"


def latest_judged_round(store: Store) -> JudgedRound | None:
    """The open round with what its ratings say of the version that writes it; None where there is none yet."""
    round_ = store.round()
    if round_ is None or round_.version_number is None:
        return None
    version = next(v for v in store.versions() if v.number == round_.version_number)
    return JudgedRound(
        number=round_.number,
        version=version.number,
        parent=version.parent,
        in_use=version.status != "rolled_back",
        verdict=None if version.parent is None else store.round_verdict(round_.number),
        is_open=round_.state in RATABLE_STATES,
        is_written=round_.state != "generating",
    )


def verdict_line(judged: JudgedRound | None, scale: Scale) -> str:
    """Title and difference in one line; empty where there is nothing that a version could be compared with."""
    if judged is None or judged.parent is None or judged.verdict is None:
        return ""
    gain, title = judged.verdict.gain, verdict_title(judged)
    if gain is None:
        return f"{title} on version {judged.version}: {verdict_sentence(judged, scale)}"
    of = (
        ""
        if f"Version {judged.version}" in title
        else f" between versions {judged.parent} and {judged.version}"
    )
    more = judged.verdict.more
    settle = "" if more is None else f"; about {more} more blind {_units(scale, more)} would settle it"
    return f"{title}{of}: {gain_words(gain, scale)}{settle}."


def gain_words(interval: Interval, scale: Scale) -> str:
    """A difference between two versions with its interval, in what the scale counts."""
    if scale.paired:
        return _preference(interval)
    if scale.name == "thumbs":
        ends = [f"{100 * end:+.0f}".replace("-", "−") for end in (interval.mean, interval.low, interval.high)]
        return f"{ends[0]} % thumbs up ({ends[1]} … {ends[2]})"
    return f"{signed(interval.mean)} points ({signed(interval.low)} … {signed(interval.high)})"


def _preference(interval: Interval) -> str:
    """Half of a difference between wins and losses, as a difference of the share that is preferred."""
    ends = [f"{50 * end:+.0f}".replace("-", "−") for end in (interval.mean, interval.low, interval.high)]
    return f"{ends[0]} % preferred ({ends[1]} … {ends[2]})"


def signed(value: float) -> str:
    """A number of points with its sign."""
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")
