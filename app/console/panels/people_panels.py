"""The panels about people: who rates and how, links and tokens just made, tokens that work."""

from __future__ import annotations

from collections.abc import Sequence

from app.console.panels.elements import format_age, format_number, h, quiet, table
from rater_data.overview.wording import format_datetime
from rater_data.records import RaterStats, Token, User

HEADINGS = ("Ratings", "Median time", "Mean score", "Std. dev.", "Agreement", "Last seen")


def people_table(stats: Sequence[RaterStats], users: Sequence[User]) -> str:
    """Raters, operators, and whoever has rated."""
    if not users:
        return quiet("No rater has been invited yet. You can rate yourself, too.")
    stats_of = {s.user.id: s for s in stats}
    rows = [_person_row(user, stats_of.get(user.id)) for user in users]
    no_raters = all(user.role == "operator" for user in users)
    hint = quiet("No rater has been invited yet. You can rate yourself, too.") if no_raters else ""
    return table(("Name", *HEADINGS, ""), rows, "cards") + hint


def _person_row(user: User, stats: RaterStats | None) -> str:
    if stats is None:
        cells = ("0", "–", "–", "–", "–", "–" if user.role == "operator" else "not yet")
    else:
        cells = (
            str(stats.ratings),
            f"{stats.median_s:.1f} s" if stats.median_s is not None else "–",
            format_number(stats.mean, "{:.1f}"),
            format_number(stats.sd, "{:.1f}"),
            format_number(stats.agreement, "{:.2f}"),
            format_age(stats.last_seen) if stats.last_seen else "–",
        )
    labelled = "".join(
        f'<td data-label="{heading}">{h(cell)}</td>' for heading, cell in zip(HEADINGS, cells, strict=True)
    )
    name = user.name + role_and_state(user)
    return f"<tr><th>{h(name)}</th>{labelled}<td>{_access_buttons(user)}</td></tr>"


def role_and_state(user: User) -> str:
    """What is special about a person, in brackets; empty for a rater who may come in and counts."""
    words = ["operator"] if user.role == "operator" else []
    words += ([] if user.active else ["kept out"]) + (["does not count"] if user.excluded else [])
    return f" ({', '.join(words)})" if words else ""


def _access_buttons(user: User) -> str:
    """In or out, signed out, counted or not."""
    buttons = (
        *((("off", "Keep out"), ("signout", "Sign out")) if user.active else (("on", "Let in"),)),
        ("include", "Count again") if user.excluded else ("exclude", "Do not count"),
    )
    return " ".join(
        f'<button type="button" class="rl-button" data-access="{change}" data-who="{h(user.id)}" '
        f'data-name="{h(user.name)}">{h(label)}</button>'
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
