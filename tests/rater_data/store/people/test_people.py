"""People and what lets them in: names, links, secrets."""

import pytest
import sqlalchemy as sa

from rater_data.errors import BadInput, Missing, NotYours
from rater_data.store.database import schema as t
from tests.rater_data.store_world import make_world

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home")
    yield made
    made.store.close()


@pytest.fixture
def store(world):
    return world.store


def test_names_are_one_persons_whatever_their_case(store):
    anna = store.add_user("  Anna   Lee ", "rater")
    assert anna.name == "Anna Lee"
    assert store.user_by_name("anna lee") == anna
    with pytest.raises(BadInput, match="already"):
        store.add_user("ANNA LEE", "operator")
    with pytest.raises(BadInput, match="role"):
        store.add_user("Bob", "admin")
    with pytest.raises(BadInput):
        store.add_user("x" * 81, "rater")
    with pytest.raises(Missing):
        store.user_by_name("Bob")
    with pytest.raises(Missing):
        store.user(99)


def test_a_link_lets_in_once_or_until_it_runs_out(world, store):
    once = store.make_link(world.rater.id, once=True, ttl_s=60)
    assert store.redeem(once) == world.rater
    with pytest.raises(NotYours, match="has been used"):
        store.redeem(once)
    often = store.make_link(world.rater.id, once=False, ttl_s=60)
    assert store.redeem(often) == store.redeem(often) == world.rater
    store.sign_out(world.rater.id, "op", links=True)
    with pytest.raises(NotYours, match="not known"):
        store.redeem(often)
    late = store.make_link(world.rater.id, once=False, ttl_s=-1)
    with pytest.raises(NotYours, match="run out"):
        store.redeem(late)
    for wrong in ("", "guess", "\ud800"):
        with pytest.raises(NotYours):
            store.redeem(wrong)


def test_a_link_of_somebody_kept_out_does_not_work_and_is_not_used_up(world, store):
    link = store.make_link(world.rater.id, once=True, ttl_s=60)
    store.set_active(world.rater.id, False, "op")
    with pytest.raises(NotYours, match="no access"):
        store.redeem(link)
    store.set_active(world.rater.id, True, "op")
    assert store.redeem(link).id == world.rater.id


def test_secrets_are_not_in_the_database(world, store):
    secret = store.make_link(world.rater.id, once=True, ttl_s=60)
    with store.reading() as connection:
        kept = [list(connection.execute(sa.select(table))) for table in t.metadata.sorted_tables]
    assert world.rater.name in str(kept)
    assert secret not in str(kept)
    store.close()
    assert not any(secret.encode() in path.read_bytes() for path in store.home.iterdir() if path.is_file())
