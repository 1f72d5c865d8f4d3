"""People's accounts: personal links, one-time links for operators, tokens, and taking access away."""

from __future__ import annotations

from app.settings import INVITED_OPERATOR_LINK_TTL, OPERATOR_LINK_TTL, RATER_LINK_TTL, Settings
from rater_data import checks
from rater_data.errors import BadInput, Missing, Refused
from rater_data.names import LONGEST_INVITED_NAME, clean_name
from rater_data.records import ROLES, User
from rater_data.round_settings import SERVER_URL
from rater_data.store import Store

OPERATOR_NAME = "operator"
"""The account of whoever has a shell where the server runs."""
TERMINAL_ACTOR = "terminal"
"""Who stands in the journal for what was done on the command line."""
DEFAULT_TOKEN_DAYS = 30
MAX_TOKEN_DAYS = 366
ACCESS_MESSAGES = {
    "off": "{name} is kept out and signed out everywhere; what they held went back to the others.",
    "on": "{name} may come in again, with a link: the sessions from before have ended.",
    "signout": "{name} is signed out everywhere, and their links do not work any more. Invite them anew.",
    "exclude": "Ratings of {name} do not count any more, here and in the next training; others get their cards.",
    "include": "Ratings of {name} count again.",
}


def invite(store: Store, actor: str, name: str, url: str = "", role: str = "rater") -> str:
    """A personal link for the person of that name, who is made if new.

    Their older links, tokens and sessions end, and who was kept out is let in. Raises BadInput.
    """
    user = get_or_create_user(store, name, role)
    once = user.role == "operator"
    ttl_s = INVITED_OPERATOR_LINK_TTL if once else RATER_LINK_TTL
    return join_url(store, url, store.invite_anew(user.id, actor, once=once, ttl_s=ttl_s))


def find_active_name(store: Store, name: str) -> str | None:
    """The stored name of somebody whom a new link would sign out; None where it would sign out nobody."""
    try:
        checks.text("A name", name)
        user = store.user_by_name(clean_name(name))
    except (Missing, BadInput):
        return None
    return user.name if user.active else None


def get_or_create_user(store: Store, name: str, role: str) -> User:
    """Raises BadInput for a bad name, and for one that somebody of another role has."""
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
        actual, wanted = (f"{'an' if r == 'operator' else 'a'} {r}" for r in (user.role, role))
        raise BadInput(f"{user.name} is {actual} here: choose another name for {wanted}.")
    return user


def create_token(
    store: Store, actor: str, name: str, *, role: str = "rater", days: float = DEFAULT_TOKEN_DAYS
) -> str:
    """A token for scripts that act as the person of that name, who is made if new. Raises BadInput, Refused."""
    if not 0 < days <= MAX_TOKEN_DAYS:
        raise BadInput(f"A token lasts up to {MAX_TOKEN_DAYS} days, not {days:g}.")
    return store.make_token(get_or_create_user(store, name, role).id, actor, ttl_s=days * 86400)


def find_role(store: Store, name: str) -> str:
    """The role of the person of that name; rater, where there is nobody yet."""
    checks.text("A name", name)
    try:
        return store.user_by_name(name).role
    except Missing:
        return "rater"


def create_link(store: Store, name: str, url: str = "") -> str:
    """A new link for somebody who is known: works once, and soon. Raises Missing, Refused."""
    checks.text("A name", name)
    user = store.user_by_name(name)
    if not user.active:
        raise Refused(f"{user.name} is kept out: let them in first.")
    return join_url(store, url, store.make_link(user.id, once=True, ttl_s=OPERATOR_LINK_TTL))


def get_or_create_operator(store: Store) -> User:
    """The operator whom the link at the server's start lets in: a person, not a script that has a token."""
    users, invited = store.users(), store.users_with_links()
    operators = [user for user in users if user.role == "operator" and user.active]
    named = [user for user in operators if user.name == OPERATOR_NAME]
    people = [user for user in operators if user.id in invited]
    if named or people:
        return (named or people)[0]
    taken = {user.name.casefold() for user in users}
    names = (OPERATOR_NAME if n == 1 else f"{OPERATOR_NAME} {n}" for n in range(1, len(taken) + 2))
    return store.add_user(next(name for name in names if name not in taken), "operator")


def join_url(store: Store, url: str, secret: str) -> str:
    """The link itself; without a url, at the address where this home was last served."""
    return f"{(url or store.setting(SERVER_URL) or Settings(home=store.home).url).rstrip('/')}/join/{secret}"


def change_access(store: Store, user: User, person_id: int, action: str) -> str:
    """Lets a person in or keeps them out, ends their sessions, leaves their ratings out or takes them in again.

    `action` is a key of ACCESS_MESSAGES. Raises BadInput for any other, Refused for oneself, Missing.
    """
    person = store.user(person_id)
    if action not in ACCESS_MESSAGES:
        raise BadInput(f"{action!r} is none of {', '.join(ACCESS_MESSAGES)}.")
    if person.id == user.id:
        raise Refused("This would be about yourself: ask another operator.")
    if action in ("off", "on"):
        store.set_active(person.id, action == "on", user.name)
    elif action == "signout":
        store.sign_out(person.id, user.name, links=True)
    else:
        store.set_excluded(person.id, action == "exclude", user.name)
    advice = rollback_advice(store, person.id) if action == "exclude" else ""
    return ACCESS_MESSAGES[action].format(name=person.name) + advice


def rollback_advice(store: Store, user_id: int) -> str:
    """How to get a version that has not learned from somebody; empty where the one in use has not."""
    lessons = store.lessons_of([user_id])
    if lessons is None:
        return ""
    return (
        f" Version {lessons.version}, which is in use, has learned from them: Train anew without them, on the Round "
        f"tab, goes back to version {lessons.before} and trains with what the others said."
    )


def revoke_token(store: Store, actor: str, token_id: int) -> str:
    """Ends a token. Raises Missing."""
    return f"A token of {store.revoke_token(token_id, actor).name} was taken back: it works no more."
