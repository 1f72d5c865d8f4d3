"""Who may come in: personal links for raters, the one-time link to the console, tokens, and keeping people out."""

from __future__ import annotations

from app.settings import OPERATOR_LINK_LASTS, RATER_LINK_LASTS, Settings
from app.versioning import without
from rater_data.errors import BadInput, Missing, Refused
from rater_data.records import User
from rater_data.store import Store

OPERATOR = "operator"
LONGEST_NAME = 60
LONGEST_TOKEN_DAYS = 366


def invite(store: Store, user: User, name: str, url: str) -> str:
    link = rater_link(store, name, url)
    store.log(user.name, "invited a rater", name=name.strip())
    return link


def rater_link(store: Store, name: str, url: str) -> str:
    """A personal link for the rater of that name, who is made if new. Older links of theirs stop working."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise BadInput("A rater needs a name of 1 to 60 letters.")
    try:
        user = store.user_by_name(name)
    except Missing:
        user = store.add_user(name, "rater")
    if user.role != "rater":
        raise BadInput(f"{name} is an operator here: choose another name for a rater.")
    if not user.active:
        store.set_active(user.id, True)
    store.revoke_links(user.id)
    return address(store, url, store.make_link(user.id, once=False, ttl_s=RATER_LINK_LASTS))


def token(store: Store, name: str, *, operator: bool = False, days: float = 30.0) -> str:
    """A token for scripts that act as the rater (or operator) of that name, who is made if new."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise BadInput("A token needs the name of whom it acts as, of 1 to 60 letters.")
    if not 0 < days <= LONGEST_TOKEN_DAYS:
        raise BadInput(f"A token lasts up to {LONGEST_TOKEN_DAYS} days, not {days:g}.")
    role = "operator" if operator else "rater"
    try:
        user = store.user_by_name(name)
    except Missing:
        user = store.add_user(name, role)
    if user.role != role:
        raise BadInput(f"{name} is a {user.role} here, no {role}: choose another name.")
    return store.make_token(user.id, ttl_s=days * 86400)


def operator_link(store: Store, url: str = "") -> str:
    """A new link to the console that works once."""
    operators = [user for user in store.users() if user.role == "operator" and user.active]
    user = operators[0] if operators else store.add_user(OPERATOR, "operator")
    return address(store, url, store.make_link(user.id, once=True, ttl_s=OPERATOR_LINK_LASTS))


def address(store: Store, url: str, secret: str) -> str:
    """The link itself; without a url, at the address where this home was last served."""
    return f"{(url or store.setting('url') or Settings(home=store.home).url).rstrip('/')}/join/{secret}"


def change_access(store: Store, user: User, who: int, what: str) -> str:
    """Lets a rater in or keeps them out; leaves their ratings out of what is trained on, or takes them in again.

    Raises BadInput for another wish, Refused for oneself, Missing.
    """
    person = store.user(who)
    if what not in ACCESS:
        raise BadInput(f"{what!r} is none of {', '.join(ACCESS)}.")
    if person.id == user.id:
        raise Refused("This would be about yourself: ask another operator.")
    column, value, sentence = ACCESS[what]
    change = store.set_active if column == "active" else store.set_excluded
    change(person.id, value)
    return sentence.format(name=person.name) + (without(store, person.id) if what == "exclude" else "")


ACCESS = {
    "off": (
        "active",
        False,
        "{name} is kept out; what they held went back to the others. Their links do not work.",
    ),
    "on": ("active", True, "{name} may rate again."),
    "exclude": (
        "excluded",
        True,
        "Ratings of {name} do not count any more, here and in the next training; others get their cards.",
    ),
    "include": ("excluded", False, "Ratings of {name} count again."),
}
