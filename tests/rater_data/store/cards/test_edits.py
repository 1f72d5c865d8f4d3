"""Better answers: who may write one, what a change keeps, what a seal freezes, and a random walk over all of it."""

import shutil
import uuid
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rater_data.cli.status_command import status_lines
from rater_data.errors import BadInput, Missing, NotYours, RateloopError
from rater_data.records import LONGEST_EDIT, Edit
from rater_data.store import Store
from rater_data.store.database import schema as t
from rater_data.store.transfer.copy import copy_store
from rater_data.verify.home import verify
from tests.rater_data.store_world import make_world, publish, rate, rate_next, start_round


@pytest.fixture
def world(backend, tmp_path):
    made = make_world(tmp_path / "home")
    yield made
    made.store.close()


@pytest.fixture
def store(world):
    return world.store


def an_edit(response_id, rater_id, text="A better one.", **changes):
    made = Edit(response_id=response_id, rater_id=rater_id, text=text, given_at=100.0, key=str(uuid.uuid4()))
    return replace(made, **changes)


def test_who_holds_the_card_writes_changes_and_takes_back(world, store):
    card = store.next_card(world.rater.id)
    first = store.save_edit(an_edit(card.response_id, world.rater.id, active_ms=7))
    assert (first.revision, first.is_current, first.active_ms) == (1, True, 7)
    assert store.save_edit(replace(first, id=None)) == first, "the same key again changes nothing"
    assert store.text_to_edit(world.rater.id, card.response_id) == (card.text, first)
    rate(store, world.rater, card, 4)  # an edit is beside a rating, not in place of it
    second = store.save_edit(an_edit(card.response_id, world.rater.id, "Better still."), replaces=first.id)
    assert (second.revision, second.text) == (2, "Better still.")
    assert store.own_edits(world.rater.id, [card.response_id])[card.response_id].edit == second
    store.take_back_edit(second.id, world.rater.id)
    store.take_back_edit(second.id, world.rater.id)
    assert store.own_edits(world.rater.id, [card.response_id]) == {} and store.count_edits() == 0
    third = store.save_edit(an_edit(card.response_id, world.rater.id, "Once more."))
    assert third.revision == 3 and [one.edit for one in store.edited(1)] == [third]
    assert store.edited(1)[0].response.text == card.text and store.edited(2) == []
    assert list(verify(store)) == []


def test_who_may_not_edit_and_what_is_no_edit(world, store):
    other = world.raters[1]
    card = store.next_card(world.rater.id)
    for edit, error, told in (
        (an_edit(card.response_id, other.id), NotYours, "not on your card"),
        (an_edit(999, world.rater.id), Missing, "no response 999"),
        (an_edit(card.response_id, 99), Missing, "no user 99"),
        (an_edit(card.response_id, world.rater.id, f" {card.text}\n"), BadInput, "as it was"),
    ):
        with pytest.raises(error, match=told):
            store.save_edit(edit)
    for text, told in (("  \n", "is empty"), ("x" * (LONGEST_EDIT + 1), "at most 40,000"), ("a\0b", "NUL")):
        with pytest.raises(BadInput, match=told):
            an_edit(card.response_id, world.rater.id, text)
    made = store.save_edit(an_edit(card.response_id, world.rater.id))
    with pytest.raises(BadInput, match="another window"):  # two windows, one did not see what the other saved
        store.save_edit(an_edit(card.response_id, world.rater.id, "Other."))
    with pytest.raises(BadInput, match="key"):
        store.save_edit(an_edit(card.response_id, world.rater.id, "Other.", key=made.key))
    with pytest.raises(NotYours):
        store.take_back_edit(made.id, other.id)
    with pytest.raises(NotYours):
        store.text_to_edit(other.id, card.response_id)
    with pytest.raises(Missing):
        store.take_back_edit(77, world.rater.id)
    store.set_active(world.rater.id, False, "operator")
    with pytest.raises(NotYours, match="no access"):
        store.save_edit(an_edit(card.response_id, world.rater.id, "Other."), replaces=made.id)
    assert [one.edit for one in store.edited(1)] == [made]


def test_a_seal_freezes_them_and_its_hash_tells_when_one_was_altered(world, store):
    cards = [store.next_card(world.rater.id)]
    first = store.save_edit(an_edit(cards[0].response_id, world.rater.id))
    given = rate(store, world.rater, cards[0], 4)
    distrusted = store.next_card(world.raters[1].id)
    store.save_edit(an_edit(distrusted.response_id, world.raters[1].id))
    store.set_excluded(world.raters[1].id, True, "operator")
    assert [one.edit for one in store.edits_to_seal()] == [first]
    store.seal(1, "operator")
    assert [one.edit for one in store.sealed_edits(1)] == [first]
    assert not store.own_edits(world.rater.id, [given.response_id])[given.response_id].is_open
    with pytest.raises(BadInput, match="sealed with round 1"):
        store.save_edit(an_edit(given.response_id, world.rater.id, "Late."), replaces=first.id)
    with pytest.raises(BadInput, match="sealed with round 1"):
        store.take_back_edit(first.id, world.rater.id)
    with pytest.raises(BadInput, match="was sealed"):  # nor can one be added to what was said before the seal
        with store.writing() as connection:
            connection.exec_driver_sql("UPDATE edits SET is_current = FALSE WHERE id = 1")
        store.save_edit(an_edit(given.response_id, world.rater.id, "Late."))
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE edits SET is_current = TRUE WHERE id = 1")
    assert list(verify(store)) == []
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE edits SET text = 'Never said.' WHERE id = 1")
    assert list(verify(store)) == [
        "The better answer 1 or its response was altered: together they do not have the hash of their seal."
    ]


def test_a_purge_takes_the_text_and_leaves_the_seal(world, store):
    card = store.next_card(world.rater.id)
    store.save_edit(an_edit(card.response_id, world.rater.id, "The wolpertinger is a hare."))
    publish(store)
    traces = store.purge(world.rater.id, "operator", ratings=True)
    assert (traces.edits, traces.versions) == (1, (1,))
    assert store.sealed_edits(1) == [] and store.count_edits() == 0
    gone = ["The folder versions/0001 of version 1 is not there."]  # nothing was really trained
    assert list(verify(store)) == gone and store.traces(world.rater.id).edits == 0
    with store.reading() as connection:
        texts = connection.exec_driver_sql("SELECT text, sha256 FROM edits").all()
    assert texts[0][0] == "" and texts[0][1].startswith("2:")


def test_a_copy_has_them(world, store, tmp_path):
    card = store.next_card(world.rater.id)
    store.save_edit(an_edit(card.response_id, world.rater.id))
    publish(store)
    source = str(store.home) if store.is_file else store.engine.url.render_as_string(hide_password=False)
    counts = copy_store(source, str(tmp_path / "copy"))
    assert (counts["edits"], counts["snapshot_edits"]) == (1, 1)


def test_of_a_comparison_either_response_is_edited(backend, tmp_path):
    world = make_world(tmp_path / "pairs", prompts=1, k=3)
    store = world.store
    store.choose_scale("pair")
    card = store.next_card(world.rater.id)
    with store.reading() as connection:
        other = connection.exec_driver_sql("SELECT other_id FROM leases").scalar_one()
    store.save_edit(an_edit(other, world.rater.id))
    rate(store, world.rater, card, 1.0, scale="pair")
    store.save_edit(an_edit(card.response_id, world.rater.id))
    assert len(store.own_edits(world.rater.id, [other, card.response_id])) == 2
    store.close()


@pytest.fixture(scope="module")
def rated_home(tmp_path_factory):
    """Two raters have rated the same four responses."""
    home = tmp_path_factory.mktemp("rated") / "home"
    world = make_world(home, prompts=1, k=4, overlap=2, quota=99)
    for rater in world.raters:
        for _ in range(4):
            rate_next(world.store, rater, 5)
    world.store.close()
    return home, [rater.id for rater in world.raters]


@settings(max_examples=12, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 3)), max_size=25))
def test_whatever_raters_do_one_is_current_and_none_is_lost(rated_home, tmp_path_factory, steps):
    """Against a plain dict; rater, response, and what is done: write, change, take back, seal."""
    home, raters = rated_home
    store = Store.open(shutil.copytree(home, tmp_path_factory.mktemp("walk") / "home"))
    now, saved = {}, 0
    sealed = False
    for i, response, deed in steps:
        rater, key = raters[i], (i, response + 1)
        try:
            if deed == 3 and not sealed:
                store.seal(1, "operator")
                sealed = True
            elif deed == 2 and key in now:
                store.take_back_edit(now[key].id, rater)
                del now[key]
            elif deed < 2:
                text = f"text {saved} of {rater}"
                replaces = now[key].id if key in now else None
                now[key] = store.save_edit(an_edit(response + 1, rater, text), replaces=replaces)
                saved += 1
        except BadInput as error:
            assert sealed and "sealed" in str(error)
        else:
            assert deed == 3 or not sealed or (deed == 2 and key not in now)
    assert {(e.edit.rater_id, e.edit.response_id): e.edit for e in store.edited(1)} == {
        (edit.rater_id, edit.response_id): edit for edit in now.values()
    }
    with store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM edits").scalar_one() == saved
    assert list(verify(store)) == []
    store.close()


def test_the_next_round_takes_new_ones_and_its_seal_has_the_old(world, store):
    card = store.next_card(world.rater.id)
    old = store.save_edit(an_edit(card.response_id, world.rater.id))
    publish(store)
    start_round(store, 3, 2)
    card = store.next_card(world.raters[1].id)
    new = store.save_edit(an_edit(card.response_id, world.raters[1].id))
    rate(store, world.raters[1], card, 5)
    store.seal(2, "operator")
    assert [one.edit for one in store.sealed_edits(2)] == [old, new]
    assert ("Better answers", "2") in status_lines(store)
    with store.writing() as connection:
        connection.execute(t.rounds.update().where(t.rounds.c.number == 2).values(gate={"edits": 3}))
    assert "The gate of round 2 reports 3 better answers; its seal has 2." in list(verify(store))
    with pytest.raises(RateloopError, match="no round 9"):
        store.sealed_edits(9)
