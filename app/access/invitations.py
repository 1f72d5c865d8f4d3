"""Who may come in: personal links, the one-time link to the console, tokens, and keeping people out."""

from __future__ import annotations

from app.settings import INVITED_OPERATOR_LINK_LASTS, OPERATOR_LINK_LASTS, RATER_LINK_LASTS, Settings
from rater_data import checks
from rater_data.errors import BadInput, Missing, Refused
from rater_data.names import LONGEST_INVITED_NAME, clean_name
from rater_data.records import ROLES, User
from rater_data.store import Store

OPERATOR = "operator"
"""The account of whoever started the server; whoever has a shell there is this one."""
TERMINAL = "terminal"
"""Who did what was asked for on the command line, in the journal."""
TOKEN_DAYS = 30
LONGEST_TOKEN_DAYS = 366


def invite(store: Store, actor: str, name: str, url: str = "", role: str = "rater") -> str:
    """A personal link for the person of that name, who is made if new.

    Their older links, tokens and sessions end, and who was kept out is let in. Raises BadInput.
    """
    user = known_or_new(store, name, role)
    once = user.role == "operator"
    lasts = INVITED_OPERATOR_LINK_LASTS if once else RATER_LINK_LASTS
    return address(store, url, store.invite_anew(user.id, actor, once=once, ttl_s=lasts))


def who_is_in(store: Store, name: str) -> str | None:
    """The name, as it is kept, of somebody who would be signed out by a new link; None where nobody would."""
    try:
        checks.text("A name", name)
        user = store.user_by_name(clean_name(name))
    except (Missing, BadInput):
        return None
    return user.name if user.active else None


def known_or_new(store: Store, name: str, role: str) -> User:
    """Raises BadInput for a name that is none or that somebody of another role has."""
    checks.one_of("The role of a person", role, ROLES)
    checks.text("A name", name)
    name = clean_name(name)
    if not name or len(name) > LONGEST_INVITED_NAME:
        raise BadInput(f"A {role} needs a name of 1 to {LONGEST_INVITED_NAME} letters.")
    try:
        user = store.user_by_name(name)
    except Missing:
        return store.add_user(name, role)
    if user.role != role:
        is_, wanted = (f"{'an' if one == OPERATOR else 'a'} {one}" for one in (user.role, role))
        raise BadInput(f"{user.name} is {is_} here: choose another name for {wanted}.")
    return user


def token(store: Store, actor: str, name: str, *, role: str = "rater", days: float = TOKEN_DAYS) -> str:
    """A token for scripts that act as the person of that name, who is made if new. Raises BadInput, Refused."""
    if not 0 < days <= LONGEST_TOKEN_DAYS:
        raise BadInput(f"A token lasts up to {LONGEST_TOKEN_DAYS} days, not {days:g}.")
    return store.make_token(known_or_new(store, name, role).id, actor, ttl_s=days * 86400)


def role_of(store: Store, name: str) -> str:
    """What somebody of that name is here; rater, where there is nobody yet."""
    checks.text("A name", name)
    try:
        return store.user_by_name(name).role
    except Missing:
        return "rater"


def link(store: Store, name: str, url: str = "") -> str:
    """A new link for somebody who is known: works once, and soon. Raises Missing, Refused."""
    checks.text("A name", name)
    user = store.user_by_name(name)
    if not user.active:
        raise Refused(f"{user.name} is kept out: let them in first.")
    return address(store, url, store.make_link(user.id, once=True, ttl_s=OPERATOR_LINK_LASTS))


def starter(store: Store) -> User:
    """The operator whom the link of a server's start lets in: a person, not a script that has a token."""
    users, invited = store.users(), store.invited()
    operators = [user for user in users if user.role == "operator" and user.active]
    named = [user for user in operators if user.name == OPERATOR]
    people = [user for user in operators if user.id in invited]
    if named or people:
        return (named or people)[0]
    taken = {user.name.casefold() for user in users}
    names = (OPERATOR if n == 1 else f"{OPERATOR} {n}" for n in range(1, len(taken) + 2))
    return store.add_user(next(name for name in names if name not in taken), "operator")


def address(store: Store, url: str, secret: str) -> str:
    """The link itself; without a url, at the address where this home was last served."""
    return f"{(url or store.setting('url') or Settings(home=store.home).url).rstrip('/')}/join/{secret}"


def change_access(store: Store, user: User, who: int, what: str) -> str:
    """Lets a person in or keeps them out, ends their sessions, leaves their ratings out or takes them in again.

    Raises BadInput for another wish, Refused for oneself, Missing.
    """
    person = store.user(who)
    if what not in ACCESS:
        raise BadInput(f"{what!r} is none of {', '.join(ACCESS)}.")
    if person.id == user.id:
        raise Refused("This would be about yourself: ask another operator.")
    if what in ("off", "on"):
        store.set_active(person.id, what == "on", user.name)
    elif what == "signout":
        store.sign_out(person.id, user.name, links=True)
    else:
        store.set_excluded(person.id, what == "exclude", user.name)
    return ACCESS[what].format(name=person.name) + (
        rollback_advice(store, person.id) if what == "exclude" else ""
    )


ACCESS = {
    "off": "{name} is kept out and signed out everywhere; what they held went back to the others.",
    "on": "{name} may come in again, with a link: the sessions from before have ended.",
    "signout": "{name} is signed out everywhere, and their links do not work any more. Invite them anew.",
    "exclude": "Ratings of {name} do not count any more, here and in the next training; others get their cards.",
    "include": "Ratings of {name} count again.",
}


def rollback_advice(store: Store, user_id: int) -> str:
    """How to get a version that has not learned from somebody; empty where the one in use has not."""
    traces = store.traces(user_id)
    if traces.current is None:
        return ""
    parents = {version.number: version.parent for version in store.versions()}
    ancestor: int | None = traces.current
    while ancestor in traces.versions:
        ancestor = parents[ancestor]
    return (
        f" Version {traces.current}, which is in use, has learned from them: roll back to version {ancestor}, and the "
        "next round can be trained without them as soon as its responses are written."
    )


def take_back(store: Store, actor: str, token_id: int) -> str:
    """Ends a token. Raises Missing."""
    return f"A token of {store.take_back(token_id, actor).name} was taken back: it works no more."
