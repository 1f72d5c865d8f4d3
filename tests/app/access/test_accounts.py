"""Links, tokens and access: who is let in, by which name, and who is kept out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import accounts
from rater_data.errors import BadInput, Missing, NotYours, Refused
from rater_data.records import User
from rater_data.store import Store
from tests.rater_data.store_world import file_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = file_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def op(store: Store) -> User:
    return store.add_user("op", "operator")


def test_names_of_raters(store: Store, op: User) -> None:
    for bad in ("", "   ", "x" * 61):
        with pytest.raises(BadInput, match="1 to 60"):
            accounts.invite(store, op.name, bad, "http://x")
    with pytest.raises(BadInput, match="op is an operator here: choose another name for a rater"):
        accounts.invite(store, op.name, "op", "http://x")
    with pytest.raises(BadInput, match="character pair"):
        accounts.invite(store, op.name, "\ud800", "http://x")
    accounts.invite(store, op.name, "ann", "http://x")
    with pytest.raises(BadInput, match="ann is a rater here: choose another name for an operator"):
        accounts.invite(store, op.name, "ann", "http://x", "operator")
    with pytest.raises(BadInput, match="role"):
        accounts.invite(store, op.name, "bob", "http://x", "king")
    assert [user.name for user in store.users()] == ["op", "ann"]


def test_a_second_operator_is_invited(store: Store, op: User) -> None:
    link = accounts.invite(store, op.name, "eve", "http://x", "operator")
    secret = link.removeprefix("http://x/join/")
    assert (store.redeem(secret).name, store.user_by_name("eve").role) == ("eve", "operator")
    with pytest.raises(NotYours, match="worked once"):
        store.redeem(secret)
    newest = store.events(1)[0]
    assert (newest.actor, newest.what, newest.data["name"]) == ("op", "invited an operator", "eve")


def test_the_start_signs_a_person_in_and_no_script(store: Store) -> None:
    accounts.create_token(store, "terminal", "script", role="operator")
    first = accounts.get_or_create_operator(store)
    assert (first.name, first.role) == ("operator", "operator")
    assert accounts.get_or_create_operator(store) == first, "made once"
    eve = store.add_user("eve", "operator")
    accounts.invite(store, "operator", "eve", role="operator")
    assert accounts.get_or_create_operator(store) == first
    store.set_active(first.id, False, "eve")
    assert accounts.get_or_create_operator(store).name == "eve"
    store.set_active(eve.id, False, "operator")
    assert accounts.get_or_create_operator(store).name == "operator 2", (
        "the name is taken; whoever has a shell gets in"
    )


def test_a_link_for_whom_is_known(store: Store, op: User) -> None:
    ann, old = store.add_user("ann", "rater"), accounts.create_link(store, "op")
    new = accounts.create_link(store, " OP ", "https://rate.example/")
    assert new.startswith("https://rate.example/join/")
    with pytest.raises(NotYours, match="not known"):  # unused earlier ones are gone
        store.redeem(old.split("/join/")[1])
    assert store.redeem(new.split("/join/")[1]).name == "op"
    personal = store.make_link(ann.id, once=False, ttl_s=60)
    assert store.redeem(accounts.create_link(store, "ann").split("/join/")[1]).name == "ann"
    assert store.redeem(personal) == ann, "links that work often stay"
    with pytest.raises(Missing, match="nobody called zoe"):
        accounts.create_link(store, "zoe")
    store.set_active(ann.id, False, "op")
    with pytest.raises(Refused, match="kept out"):
        accounts.create_link(store, "ann")
    with pytest.raises(Refused, match="kept out"):
        accounts.create_token(store, "op", "ann")


def test_access_is_changed_and_undone(store: Store) -> None:
    operator, ann = store.add_user("op", "operator"), store.add_user("ann", "rater")
    for what, field, value in (
        ("off", "active", False),
        ("on", "active", True),
        ("exclude", "excluded", True),
        ("include", "excluded", False),
    ):
        assert "ann" in accounts.change_access(store, operator, ann.id, what)
        assert getattr(store.user(ann.id), field) is value
        newest = store.events(1)[0]
        assert (newest.actor, newest.data["name"]) == ("op", "ann"), "who did it, and to whom"
    with pytest.raises(BadInput):
        accounts.change_access(store, operator, ann.id, "delete")
    with pytest.raises(Refused, match="yourself"):
        accounts.change_access(store, operator, operator.id, "off")
    with pytest.raises(Missing):
        accounts.change_access(store, operator, 999, "off")
