"""The console's panels about raters, as HTML. Every text from outside passes `h()`, as in panels.py."""

from __future__ import annotations

from app.panels import ago, h, number, quiet, table
from rater_data.records import RaterStats, User


def people(stats: list[RaterStats], users: list[User]) -> str:
    known = {s.user.id: s for s in stats}
    head = "".join(
        f"<th>{h(x)}</th>"
        for x in ("Ratings", "Median time", "Mean score", "Spread", "Agreement", "Last seen", "")
    )
    rows = []
    for user in users:
        s = known.get(user.id)
        if user.role != "rater" and not (s and s.ratings):
            continue
        cells = (
            s.ratings if s else 0,
            f"{s.median_s:.1f} s" if s and s.median_s is not None else "–",
            number(s.mean if s else None, "{:.1f}"),
            number(s.sd if s else None, "{:.1f}"),
            number(s.agreement if s else None, "{:.2f}"),
            ago(s.last_seen) if s and s.last_seen else "not yet",
        )
        tags = ([] if user.active else ["kept out"]) + (["does not count"] if user.excluded else [])
        tag = f" ({', '.join(tags)})" if tags else ""
        given = "".join(f"<td>{h(cell)}</td>" for cell in cells)
        rows.append(f"<tr><th>{h(user.name + tag)}</th>{given}<td>{access(user)}</td></tr>")
    if not rows:
        return quiet("Nobody has been invited yet. You can rate yourself, too.")
    return table("Rater", head, rows)


def access(user: User) -> str:
    """Two buttons about a rater: in or out, counted or not."""
    if user.role != "rater":
        return ""
    wishes = (
        ("off", "Keep out") if user.active else ("on", "Let in"),
        ("include", "Count again") if user.excluded else ("exclude", "Do not count"),
    )
    return " ".join(
        f'<button type="button" class="rl-button" data-access="{what}" data-who="{h(user.id)}" '
        f'data-name="{h(user.name)}">{h(label)}</button>'
        for what, label in wishes
    )


def invited(name: str, link: str) -> str:
    return (
        f'<div class="ops-link rl-panel"><label for="ops-link">Personal link of {h(name)}: shown this once, '
        "works on any device for 14 days and replaces older ones.</label>"
        f'<div><input id="ops-link" readonly value="{h(link)}">'
        '<button type="button" class="rl-button" data-copy>Copy</button>'
        "</div></div>"
    )
