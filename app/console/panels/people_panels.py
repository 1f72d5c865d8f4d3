"""The panels about people: who rates and how, links and tokens just made, tokens that work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.console.panels.elements import format_age, grouped_table, h, quiet, table
from rater_data.overview import rater_words
from rater_data.overview.people import RaterFigures
from rater_data.overview.verdict_words import JudgedRound, verdict_line
from rater_data.overview.wording import format_datetime
from rater_data.records import Token, User
from rater_data.scales import Scale
from rater_data.statistics.intervals import Interval

HEADINGS = (
    "Ratings",
    "Offset",
    "Spread",
    "Agreement",
    "Repeats",
    "Pace",
    "Slope",
    "Noise",
    "Direction",
    "Last seen",
)
BY_TRAINER = {
    "Slope": "slope",
    "Noise": "noise",
    "Direction": "direction",
}  # shown where it is known of anybody
UNKNOWN = ' class="unknown"'
FEW = 5  # people that nobody needs to sort
NOBODY = "No rater has been invited yet. You can rate yourself, too."
FIGURES_SENTENCE = (
    "Offset: how much higher somebody scores than the others, in points. Spread: standard deviation of the scores. "
    "Agreement: rank correlation with the others on what they judged, too. Repeats: of answers seen again in a later "
    "round, the share that got {same_score}. Pace: half of the cards took less. Small numbers: "
    "95 % intervals; of twenty such intervals about one misses what is true."
)
SORTS = (
    ("joined", "As they joined"),
    ("name", "By name"),
    ("ratings", "Most ratings first"),
    ("offset", "Strictest first"),
    ("agreement", "Least agreement first"),
    ("repeats", "Fewest repeats alike first"),
    ("pace", "Quickest first"),
    ("seen", "Last seen first"),
)


def people_table(
    figures: Sequence[RaterFigures],
    users: Sequence[User],
    scale: Scale,
    without: Mapping[int, JudgedRound],
    review: Mapping[str, Any],
) -> str:
    """Raters, operators, and whoever has rated: figures with intervals, and what they say in words.

    `without`, by rater: the latest round as it would be judged if they did not count; `review`: the trainer's last
    look.
    """
    if not users:
        return quiet(NOBODY)
    figures_of = {one.stats.user.id: one for one in figures}
    traits = {name for name in BY_TRAINER.values() if any(getattr(one, name) for one in figures)}
    headings = [heading for heading in HEADINGS if BY_TRAINER.get(heading) in {None, *traits}]
    people = [
        _person(user, figures_of.get(user.id), headings, number, verdict_line(without.get(user.id), scale))
        for number, user in enumerate(users)
    ]
    hint = quiet(NOBODY) if all(user.role == "operator" for user in users) else ""
    sorter = _sorter() if len(users) >= FEW else ""
    explained = quiet(FIGURES_SENTENCE.format(same_score=rater_words.same_score(scale))) if figures else ""
    looked = rater_words.looked_at(review, traits)
    explained += quiet(looked) if looked else ""
    return sorter + grouped_table(("Name", *headings), people, "cards people") + explained + hint


def _sorter() -> str:
    options = "".join(f'<option value="{name}">{h(label)}</option>' for name, label in SORTS)
    return f'<label class="ops-sort">Sort <select data-sort>{options}</select></label>'


def _person(
    user: User, figures: RaterFigures | None, headings: Sequence[str], number: int, verdict: str
) -> str:
    """A group of two rows: the figures; what they say, and what can be done. `verdict`: as it is without them."""
    cells = _cells(user, figures)
    labelled = "".join(
        f'<td data-label="{heading}"{UNKNOWN if cells[heading] == "–" else ""}>{cells[heading]}</td>'
        for heading in headings
    )
    says = f"<p>{h(f'{figures.says} {figures.leaving_out}'.strip())}</p>" if figures else ""
    return (
        f"<tbody {_sort_keys(user, figures, number)}><tr><th>{h(user.name + role_and_state(user))}</th>{labelled}</tr>"
        f'<tr class="says"><td colspan="{len(headings) + 1}"><div>{says}'
        f"<span>{_access_buttons(user, figures, verdict)}</span></div></td></tr></tbody>"
    )


def _cells(user: User, figures: RaterFigures | None) -> dict[str, str]:
    """By heading."""
    if figures is None:
        return dict.fromkeys(HEADINGS, "–") | {
            "Ratings": "0",
            "Last seen": "–" if user.role == "operator" else "not yet",
        }
    stats = figures.stats
    return {
        "Ratings": str(stats.ratings),
        "Offset": figure(figures.offset, "+.1f"),
        "Spread": figure(figures.spread, ".1f"),
        "Agreement": figure(figures.agreement, ".2f"),
        "Repeats": _percent(figures.repeats),
        "Pace": figure(figures.pace, ".1f", " s") if figures.pace else _seconds(stats.median_s),
        "Slope": figure(figures.slope, ".1f"),
        "Noise": figure(figures.noise, ".1f"),
        "Direction": figure(figures.direction, ".2f"),
        "Last seen": h(format_age(stats.last_seen)) if stats.last_seen else "–",
    }


def _sort_keys(user: User, figures: RaterFigures | None, number: int) -> str:
    """What the page sorts by, smallest first; what is not known comes last."""
    keys: dict[str, object] = {"joined": number, "name": user.name.casefold()}
    if figures is not None:
        stats = figures.stats
        keys |= {"ratings": -stats.ratings, "seen": -(stats.last_seen or 0.0), "pace": stats.median_s}
        named = (("offset", figures.offset), ("agreement", figures.agreement), ("repeats", figures.repeats))
        keys |= {name: interval.mean for name, interval in named if interval}
    return " ".join(f'data-{name}="{h(value)}"' for name, value in keys.items() if value is not None)


def figure(interval: Interval | None, shape: str, unit: str = "") -> str:
    """A number with its interval under it; a dash where it is not known."""
    if interval is None:
        return "–"
    ends = (f"{x:{shape}}" for x in (interval.mean, interval.low, interval.high))
    # what rounds to nothing has no sign
    mean, low, high = (end.replace("-", "−") if float(end) else end.lstrip("+-") for end in ends)
    return f"{h(mean)}{h(unit)} <small>{h(low)} … {h(high)}</small>"


def _percent(share: Interval | None) -> str:
    if share is None:
        return "–"
    mean, low, high = (f"{100 * x:.0f}" for x in (share.mean, share.low, share.high))
    return f"{mean} % <small>{low} … {high} of {share.n}</small>"


def _seconds(value: float | None) -> str:
    return f"{value:.1f} s" if value else "–"


def role_and_state(user: User) -> str:
    """What is special about a person, in brackets; empty for a rater who may come in and counts."""
    words = ["operator"] if user.role == "operator" else []
    words += ([] if user.active else ["kept out"]) + (["does not count"] if user.excluded else [])
    return f" ({', '.join(words)})" if words else ""


def _access_buttons(user: User, figures: RaterFigures | None, verdict: str) -> str:
    """In or out, signed out, counted or not; the question before the last says what leaving out does."""
    effect = figures.leaving_out if figures else ""
    effect += f" Then the verdict would be: {verdict}" if verdict and not user.excluded else ""
    buttons = (
        *((("off", "Keep out"), ("signout", "Sign out")) if user.active else (("on", "Let in"),)),
        ("include", "Count again") if user.excluded else ("exclude", "Do not count"),
    )
    return " ".join(
        f'<button type="button" class="rl-button" data-access="{change}" data-who="{h(user.id)}" '
        f'data-name="{h(user.name)}" data-effect="{h(effect.strip())}">{h(label)}</button>'
        for change, label in buttons
    )


def tokens_table(tokens: Sequence[Token]) -> str:
    if not tokens:
        return quiet("No token works at the moment.")
    rows = [
        f"<tr><th>{h(token.user.name + role_and_state(token.user))}</th>"
        f"<td>{h(format_datetime(token.created_at))}</td><td>{h(format_datetime(token.expires_at))}</td>"
        f'<td><button type="button" class="rl-button" data-token="{h(token.id)}" '
        f'data-name="{h(token.user.name)}">Take back</button></td></tr>'
        for token in tokens
    ]
    return table(("Whose", "Made", "Works until", ""), rows, "tokens")


def new_link(name: str, role: str, link: str) -> str:
    use = (
        "works once, within a day; whoever opens it may do everything here"
        if role == "operator"
        else "works on any device for 14 days"
    )
    return _secret("ops-link", f"Personal link of {name}: shown this once, {use}.", link)


def new_token(name: str, role: str, token: str) -> str:
    who = "an operator" if role == "operator" else "a rater"
    return _secret("ops-token", f"Token of {name}, who is {who}: shown this once.", token)


def _secret(id_: str, label: str, value: str) -> str:
    return (
        f'<div class="ops-link rl-panel"><label for="{h(id_)}">{h(label)}</label>'
        f'<div><input id="{h(id_)}" readonly value="{h(value)}">'
        '<button type="button" class="rl-button" data-copy>Copy</button>'
        "</div></div>"
    )
