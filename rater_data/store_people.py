"""Who rates and who operates, and the links that let them in."""

import hashlib
import secrets
import time
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data import schema as t
from rater_data.database import Database
from rater_data.errors import BadInput, Missing, NotYours
from rater_data.records import ROLES, User
from rater_data.rows import user_columns, user_of
from rater_data.store_journal import note

NAME_LENGTH = 80
WRONG_LINK = "This link is not known: ask the operator for a new one."


def name_key(name: str) -> str:
    """What makes two names one person's: neither case nor extra blanks do."""
    return " ".join(name.split()).casefold()


def user_in(connection: sa.Connection, user_id: int) -> User:
    """The user of an id. Raises Missing."""
    row = (
        connection.execute(sa.select(*user_columns()).where(t.users.c.id == user_id)).mappings().one_or_none()
    )
    if row is None:
        raise Missing(f"There is no user {user_id}.")
    return user_of(row)


def add_user_in(connection: sa.Connection, name: str, role: str, now: float) -> User:
    """A new user with a pseudonym of their own. Raises BadInput for a name that is taken or unfit."""
    checks.text("A name", name, empty=False)
    checks.one_of("The role of a user", role, ROLES)
    name = " ".join(name.split())
    if len(name) > NAME_LENGTH:
        raise BadInput(f"A name has at most {NAME_LENGTH} letters; this one has {len(name)}.")
    if connection.scalar(sa.select(t.users.c.id).where(t.users.c.name_key == name.casefold())) is not None:
        raise BadInput(f"There is somebody called {name} already: choose another name.")
    row = {
        "name": name,
        "name_key": name.casefold(),
        "pseudonym": new_pseudonym(),
        "role": role,
        "active": True,
        "excluded": False,
        "created_at": now,
        "salt": new_salt(),
    }
    return user_in(connection, connection.execute(t.users.insert().values(row)).inserted_primary_key[0])


def new_users_in(connection: sa.Connection, people: list[dict[str, Any]], now: float) -> dict[str, int]:
    """Makes raters by name, perhaps with a pseudonym they had elsewhere; returns their ids by key.

    The names are checked and not taken yet.
    """
    rows = [
        {
            "name": person["name"],
            "name_key": name_key(person["name"]),
            "pseudonym": person["pseudonym"] or new_pseudonym(),
            "role": "rater",
            "active": person["active"],
            "excluded": person["excluded"],
            "created_at": now,
            "salt": new_salt(),
        }
        for person in people
    ]
    connection.execute(t.users.insert(), rows)
    keys = {row["name_key"] for row in rows}
    found = connection.execute(sa.select(t.users.c.name_key, t.users.c.id).order_by(t.users.c.id.desc()))
    return {row.name_key: row.id for row in found if row.name_key in keys}


def new_pseudonym() -> str:
    return f"r-{secrets.token_hex(6)}"


def new_salt() -> str:
    """What goes into the hashes of one rater's ratings: whoever does not have it cannot try what would fit."""
    return secrets.token_hex(16)


class People(Database):
    """Users and links."""

    def add_user(self, name: str, role: str) -> User:
        """Raises BadInput when the name is taken (case does not matter)."""
        now = time.time()
        with self._write() as connection:
            user = add_user_in(connection, name, role, now)
            note(connection, user.name, f"joined as {role}", now, user=user.id)
        return user

    def user(self, user_id: int) -> User:
        """Raises Missing."""
        with self._read() as connection:
            return user_in(connection, user_id)

    def user_by_name(self, name: str) -> User:
        """Raises Missing. Case and extra blanks do not matter."""
        query = sa.select(*user_columns()).where(t.users.c.name_key == name_key(name))
        with self._read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise Missing(f"There is nobody called {name}.")
        return user_of(row)

    def users(self) -> list[User]:
        """Everybody, in the order they joined."""
        with self._read() as connection:
            rows = connection.execute(sa.select(*user_columns()).order_by(t.users.c.id)).mappings()
            return [user_of(row) for row in rows]

    def set_active(self, user_id: int, active: bool) -> None:
        """Lets a person in or keeps them out; what they hold goes back into the queue. Raises Missing."""
        self._change(user_id, "active", active, "was let in" if active else "was kept out")

    def set_excluded(self, user_id: int, excluded: bool) -> None:
        """Keeps a rater's ratings out of what is trained on, or takes them in again. Raises Missing."""
        self._change(user_id, "excluded", excluded, "was excluded" if excluded else "was included again")

    def _change(self, user_id: int, column: str, value: bool, what: str) -> None:
        with self._write() as connection:
            user = user_in(connection, user_id)
            connection.execute(t.users.update().where(t.users.c.id == user_id).values({column: value}))
            if column == "active" and not value:
                connection.execute(t.leases.delete().where(t.leases.c.rater_id == user_id))
            note(connection, user.name, what, user=user_id)

    def make_link(self, user_id: int, *, once: bool, ttl_s: float) -> str:
        """A secret that lets a user in for `ttl_s` seconds, or only `once`.

        Only its hash is kept. Raises Missing.
        """
        secret = secrets.token_urlsafe(24)
        with self._write() as connection:
            _put_secret(connection, user_id, _digest(secret), once, ttl_s)
        return secret

    def make_token(self, user_id: int, *, ttl_s: float) -> str:
        """A secret for scripts: whoever sends it is this user for `ttl_s` seconds. Only its hash is kept.

        Raises Missing.
        """
        secret = f"rl-{secrets.token_urlsafe(32)}"
        with self._write() as connection:
            user = _put_secret(connection, user_id, _token_digest(secret), False, ttl_s)
            note(connection, user.name, "got a token", user=user_id)
        return secret

    def bearer(self, secret: str) -> User:
        """The user whose token this is. Raises NotYours, saying why it does not work."""
        query = sa.select(t.links).where(t.links.c.secret_sha256 == _token_digest(secret))
        with self._read() as connection:
            token = connection.execute(query).one_or_none()
            if token is None or token.revoked_at is not None:
                raise NotYours("This token is not known here, or was taken back.")
            if time.time() >= token.expires_at:
                raise NotYours("This token has run out: ask for a new one.")
            user = user_in(connection, token.user_id)
        if not user.active:
            raise NotYours(f"{user.name} has no access any more: ask the operator.")
        return user

    def redeem(self, secret: str) -> User:
        """The user a secret lets in.

        Uses up a link that works once. Raises NotYours, saying why it does not work.
        """
        now = time.time()
        with self._write() as connection:
            query = sa.select(t.links).where(t.links.c.secret_sha256 == _digest(secret))
            link = connection.execute(query).one_or_none()
            if link is None or link.revoked_at is not None:
                raise NotYours(WRONG_LINK)
            if link.once and link.used_at is not None:
                raise NotYours("This link worked once and has been used: ask for a new one.")
            if now >= link.expires_at:
                raise NotYours("This link has run out: ask for a new one.")
            user = user_in(connection, link.user_id)
            if not user.active:
                raise NotYours(f"{user.name} has no access any more: ask the operator.")
            connection.execute(t.links.update().where(t.links.c.id == link.id).values(used_at=now))
        return user

    def revoke_links(self, user_id: int) -> None:
        """Every link and token of this user stops working."""
        where = (t.links.c.user_id == user_id) & t.links.c.revoked_at.is_(None)
        with self._write() as connection:
            connection.execute(t.links.update().where(where).values(revoked_at=time.time()))


def _put_secret(connection: sa.Connection, user_id: int, digest: str, once: bool, ttl_s: float) -> User:
    """Keeps the hash of a secret that stands for a user, who is returned. Raises Missing."""
    user, now = user_in(connection, user_id), time.time()
    row = {"user_id": user_id, "secret_sha256": digest, "once": once}
    connection.execute(t.links.insert().values(**row, created_at=now, expires_at=now + ttl_s))
    return user


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _token_digest(secret: str) -> str:
    """Another hash than a link's: neither opens what the other does."""
    return _digest(f"token {secret}")
