"""What lets a person in: links that sign a browser in, tokens for scripts, and the end of either.

Of every secret only the hash is kept.
"""

import hashlib
import secrets
import time
from typing import Any

import sqlalchemy as sa

from rater_data.errors import Missing, NotYours, Refused
from rater_data.records import Token, User
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import user_columns, user_of
from rater_data.store.people.people import SIGNED_OUT, user_in
from rater_data.store.rounds.events import record_event

WRONG_LINK = "This link is not known: ask the operator for a new one."

_links = t.links.c


class Access(Database):
    """Links, tokens and sessions."""

    def make_link(self, user_id: int, *, once: bool, ttl_s: float) -> str:
        """A secret that lets a user in for `ttl_s` seconds, or only `once`.

        Of those that work once, an unused earlier one stops working. Raises Missing.
        """
        with self.writing() as connection:
            if once:
                _revoke(connection, _links.user_id == user_id, _links.once, _links.used_at.is_(None))
            return _add_link(connection, user_id, once, ttl_s)

    def invite_anew(self, user_id: int, actor: str, *, once: bool, ttl_s: float) -> str:
        """A link for somebody who begins afresh: their sessions, links and tokens from before end.

        Who was kept out is let in. Raises Missing.
        """
        with self.writing() as connection:
            user = user_in(connection, user_id)
            _revoke(connection, _links.user_id == user_id)
            values = {"active": True} | SIGNED_OUT
            connection.execute(t.users.update().where(t.users.c.id == user_id).values(values))
            record_event(
                connection, actor, f"invited {_with_article(user.role)}", name=user.name, user=user_id
            )
            return _add_link(connection, user_id, once, ttl_s)

    def sign_out(self, user_id: int, actor: str, *, links: bool) -> None:
        """Ends every session of a user, and with `links` what links of theirs are left. Raises Missing."""
        with self.writing() as connection:
            user = user_in(connection, user_id)
            connection.execute(t.users.update().where(t.users.c.id == user_id).values(SIGNED_OUT))
            if links:
                _revoke(connection, _links.user_id == user_id, ~_links.token)
            record_event(connection, actor, "signed somebody out everywhere", name=user.name, user=user_id)

    def users_with_links(self) -> set[int]:
        """The users who ever got a link: people, where the others are scripts with a token."""
        with self.reading() as connection:
            return set(connection.scalars(sa.select(_links.user_id).where(~_links.token).distinct()))

    def redeem(self, secret: str) -> User:
        """The user a link lets in.

        Uses up a link that works once. Raises NotYours, saying why it does not work.
        """
        with self.reading() as connection:  # a guess keeps nobody from writing
            _valid_link(connection, secret)
        with self.writing() as connection:
            link, user = _valid_link(connection, secret)
            connection.execute(t.links.update().where(_links.id == link.id).values(used_at=time.time()))
        return user

    def make_token(self, user_id: int, actor: str, *, ttl_s: float) -> str:
        """A secret for scripts: whoever sends it is this user for `ttl_s` seconds.

        Raises Missing, and Refused for somebody who is kept out.
        """
        secret = f"rl-{secrets.token_urlsafe(32)}"
        with self.writing() as connection:
            user = user_in(connection, user_id)
            if not user.active:
                raise Refused(f"{user.name} is kept out: let them in first.")
            _add_secret(connection, user_id, _token_sha256(secret), ttl_s, token=True, once=False)
            days = round(ttl_s / 86400, 3)
            record_event(
                connection, actor, "made a token", name=user.name, role=user.role, days=days, user=user_id
            )
        return secret

    def tokens(self) -> list[Token]:
        """Those that still work, the newest first."""
        columns = (
            _links.id.label("token"),
            _links.created_at.label("made"),
            _links.expires_at,
            *user_columns("user_"),
        )
        query = (
            sa.select(*columns)
            .join(t.users, t.users.c.id == _links.user_id)
            .where(_links.token, _links.revoked_at.is_(None), _links.expires_at > time.time())
            .order_by(_links.id.desc())
        )
        with self.reading() as connection:
            return [
                Token(
                    id=row["token"],
                    user=user_of(row, "user_"),
                    created_at=row["made"],
                    expires_at=row["expires_at"],
                )
                for row in connection.execute(query).mappings()
            ]

    def revoke_token(self, token_id: int, actor: str) -> User:
        """Ends a token; returns whose it was. Raises Missing where there is none that still works."""
        where = (_links.id == token_id) & _links.token & _links.revoked_at.is_(None)
        with self.writing() as connection:
            user_id = connection.scalar(sa.select(_links.user_id).where(where))
            if user_id is None:
                raise Missing("There is no such token any more.")
            _revoke(connection, where)
            user = user_in(connection, user_id)
            record_event(connection, actor, "took a token back", name=user.name, user=user_id)
        return user

    def user_of_token(self, secret: str) -> User:
        """The user whose token this is. Raises NotYours, saying why it does not work."""
        query = sa.select(t.links).where(_links.secret_sha256 == _token_sha256(secret))
        with self.reading() as connection:
            token = connection.execute(query).one_or_none()
            if token is None or token.revoked_at is not None:
                raise NotYours("This token is not known here, or was taken back.")
            if time.time() >= token.expires_at:
                raise NotYours("This token has run out: ask for a new one.")
            return _active_user(connection, token.user_id)


def _valid_link(connection: sa.Connection, secret: str) -> tuple[sa.Row[Any], User]:
    """A link that works now, and whom it lets in. Raises NotYours, saying why it does not work."""
    query = sa.select(t.links).where(_links.secret_sha256 == _link_sha256(secret))
    link = connection.execute(query).one_or_none()
    if link is None or link.revoked_at is not None:
        raise NotYours(WRONG_LINK)
    if link.once and link.used_at is not None:
        raise NotYours("This link worked once and has been used: ask for a new one.")
    if time.time() >= link.expires_at:
        raise NotYours("This link has run out: ask for a new one.")
    return link, _active_user(connection, link.user_id)


def _active_user(connection: sa.Connection, user_id: int) -> User:
    user = user_in(connection, user_id)
    if not user.active:
        raise NotYours(f"{user.name} has no access any more: ask the operator.")
    return user


def _add_link(connection: sa.Connection, user_id: int, once: bool, ttl_s: float) -> str:
    user_in(connection, user_id)
    secret = secrets.token_urlsafe(24)
    _add_secret(connection, user_id, _link_sha256(secret), ttl_s, token=False, once=once)
    return secret


def _add_secret(
    connection: sa.Connection, user_id: int, sha256: str, ttl_s: float, *, token: bool, once: bool
) -> None:
    row = {"user_id": user_id, "secret_sha256": sha256, "once": once, "token": token}
    now = time.time()
    connection.execute(t.links.insert().values(**row, created_at=now, expires_at=now + ttl_s))


def _revoke(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> None:
    where = sa.and_(_links.revoked_at.is_(None), *conditions)
    connection.execute(t.links.update().where(where).values(revoked_at=time.time()))


def _with_article(role: str) -> str:
    return f"an {role}" if role == "operator" else f"a {role}"


def _link_sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _token_sha256(secret: str) -> str:
    """Another hash than a link's: neither opens what the other does."""
    return _link_sha256(f"token {secret}")
