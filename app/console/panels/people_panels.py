"""The console's panels about people, as HTML. Every text from outside passes `h()`, as in panels.py."""

from __future__ import annotations

from app.console.panels.training_panels import ago, h, number, quiet, table
from app.wording import format_datetime
from rater_data.records import RaterStats, Token, User

HEADS = ("Ratings", "Median time", "Mean score", "Spread", "Agreement", "Last seen")


def people(stats: list[RaterStats], users: list[User]) -> str:
    """Raters, operators, and whoever has rated."""
    known = {s.user.id: s for s in stats}
    head = "".join(f"<th>{h(x)}</th>" for x in (*HEADS, ""))
    rows = []
    for user in users:
        s = known.get(user.id)
        cells = (
            s.ratings if s else 0,
            f"{s.median_s:.1f} s" if s and s.median_s is not None else "–",
            number(s.mean if s else None, "{:.1f}"),
            number(s.sd if s else None, "{:.1f}"),
            number(s.agreement if s else None, "{:.2f}"),
            ago(s.last_seen) if s and s.last_seen else "–" if user.role == "operator" else "not yet",
        )
        given = "".join(f'<td data-label="{x}">{h(cell)}</td>' for x, cell in zip(HEADS, cells, strict=True))
        rows.append(f"<tr><th>{h(user.name + tags(user))}</th>{given}<td>{access(user)}</td></tr>")
    lonely = all(user.role == "operator" for user in users)
    hint = quiet("No rater has been invited yet. You can rate yourself, too.") if lonely else ""
    return (table("Name", head, rows, "cards") if rows else "") + hint


def tags(user: User) -> str:
    found = ["operator"] if user.role == "operator" else []
    found += ([] if user.active else ["kept out"]) + (["does not count"] if user.excluded else [])
    return f" ({', '.join(found)})" if found else ""


def access(user: User) -> str:
    """Buttons about a person: in or out, signed out, counted or not."""
    wishes = (
        *((("off", "Keep out"), ("signout", "Sign out")) if user.active else (("on", "Let in"),)),
        ("include", "Count again") if user.excluded else ("exclude", "Do not count"),
    )
    return " ".join(
        f'<button type="button" class="rl-button" data-access="{what}" data-who="{h(user.id)}" '
        f'data-name="{h(user.name)}">{h(label)}</button>'
        for what, label in wishes
    )


def tokens(found: list[Token]) -> str:
    if not found:
        return quiet("No token works at the moment.")
    head = "".join(f"<th>{h(x)}</th>" for x in ("Made", "Works until", ""))
    rows = [
        f"<tr><th>{h(one.user.name + tags(one.user))}</th>"
        f"<td>{h(format_datetime(one.created_at))}</td><td>{h(format_datetime(one.expires_at))}</td>"
        f'<td><button type="button" class="rl-button" data-token="{h(one.id)}" '
        f'data-name="{h(one.user.name)}">Take back</button></td></tr>'
        for one in found
    ]
    return table("Whose", head, rows, "tokens")


def invited(name: str, role: str, link: str) -> str:
    how = (
        "works once, within a day; whoever opens it may do everything here"
        if role == "operator"
        else "works on any device for 14 days"
    )
    told = f"Personal link of {name}: shown this once, {how}."
    return secret("ops-link", told, link)


def new_token(name: str, role: str, made: str) -> str:
    told = f"Token of {name}, who is {'an operator' if role == 'operator' else 'a rater'}: shown this once."
    return secret("ops-token", told, made)


def secret(id_: str, told: str, value: str) -> str:
    return (
        f'<div class="ops-link rl-panel"><label for="{h(id_)}">{h(told)}</label>'
        f'<div><input id="{h(id_)}" readonly value="{h(value)}">'
        '<button type="button" class="rl-button" data-copy>Copy</button>'
        "</div></div>"
    )
