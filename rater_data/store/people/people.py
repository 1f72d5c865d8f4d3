"""Who rates and who operates."""

import secrets
import time
from typing import Any

import sqlalchemy as sa

from rater_data import checks
from rater_data.checksums import new_salt
from rater_data.errors import BadInput, Missing
from rater_data.names import check_name, clean_name, name_key
from rater_data.records import ROLES, User
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.database.rows import user_columns, user_of
from rater_data.store.rounds.events import record_event

SIGNED_OUT: dict[str, Any] = {"session_epoch": t.users.c.session_epoch + 1}
"""Ends every session that a person has: cookies hold the epoch they were begun in."""
KEPT_OUT: dict[str, Any] = {"active": False} | SIGNED_OUT


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
    check_name(name)
    checks.one_of("The role of a user", role, ROLES)
    name = clean_name(name)
    if connection.scalar(sa.select(t.users.c.id).where(t.users.c.name_key == name_key(name))) is not None:
        raise BadInput(f"There is somebody called {name} already: choose another name.")
    row = {
        "name": name,
        "name_key": name_key(name),
        "pseudonym": new_pseudonym(),
        "role": role,
        "active": True,
        "excluded": False,
        "created_at": now,
        "salt": new_salt(),
    }
    user_id = connection.execute(t.users.insert().values(row).returning(t.users.c.id)).scalar_one()
    return user_in(connection, user_id)


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
    users = connection.execute(sa.select(t.users.c.name_key, t.users.c.id).order_by(t.users.c.id.desc()))
    return {user.name_key: user.id for user in users if user.name_key in keys}


def new_pseudonym() -> str:
    return f"r-{secrets.token_hex(6)}"


class People(Database):
    """Users."""

    def add_user(self, name: str, role: str) -> User:
        """Raises BadInput when the name is taken (case does not matter)."""
        now = time.time()
        with self.writing() as connection:
            user = add_user_in(connection, name, role, now)
            record_event(connection, user.name, f"joined as {role}", now, user=user.id)
        return user

    def user(self, user_id: int) -> User:
        """Raises Missing."""
        with self.reading() as connection:
            return user_in(connection, user_id)

    def user_by_name(self, name: str) -> User:
        """Raises Missing. Case and extra blanks do not matter."""
        query = sa.select(*user_columns()).where(t.users.c.name_key == name_key(name))
        with self.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise Missing(f"There is nobody called {name}.")
        return user_of(row)

    def users(self) -> list[User]:
        """Everybody, in the order they joined."""
        with self.reading() as connection:
            rows = connection.execute(sa.select(*user_columns()).order_by(t.users.c.id)).mappings()
            return [user_of(row) for row in rows]

    def count_raters(self) -> int:
        """How many people may be expected to rate: raters who may come in and count, and operators who have rated."""
        u = t.users.c
        has_rated = sa.exists().where(t.ratings.c.rater_id == u.id, t.ratings.c.is_current)
        expected = u.active & ~u.excluded & ((u.role == "rater") | has_rated)
        with self.reading() as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(t.users).where(expected)) or 0

    def set_active(self, user_id: int, active: bool, actor: str) -> None:
        """Lets a person in, or keeps them out: their sessions end, what they hold goes back into the queue.

        Raises Missing.
        """
        values = {"active": True} if active else KEPT_OUT
        self._change(user_id, values, actor, "let somebody in" if active else "kept somebody out")

    def set_excluded(self, user_id: int, excluded: bool, actor: str) -> None:
        """Keeps a rater's ratings out of what is trained on, or takes them in again. Raises Missing."""
        what = "left somebody's ratings out" if excluded else "counts somebody's ratings again"
        self._change(user_id, {"excluded": excluded}, actor, what)

    def _change(self, user_id: int, values: dict[str, Any], actor: str, what: str) -> None:
        with self.writing() as connection:
            user = user_in(connection, user_id)
            connection.execute(t.users.update().where(t.users.c.id == user_id).values(values))
            if not values.get("active", True):
                connection.execute(t.leases.delete().where(t.leases.c.rater_id == user_id))
            record_event(connection, actor, what, name=user.name, user=user_id)
