"""Taking a person out: nothing of their name stays, what they said goes if they wish, and all else goes on."""

import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from rater_data import agreement
from rater_data.cli import app
from rater_data.errors import BadInput, Missing, NotYours
from rater_data.exporting import export
from rater_data.store import DATABASE, Store
from rater_data.store_sealing import snapshot_digest
from rater_data.verifying import verify
from tests.store_world import make_world, publish, rate_next, start_round

NAME = "Marlene Quist"


@pytest.fixture
def world(tmp_path):
    """Two rounds, the first one published; a third rater under a name that is nowhere else."""
    made = make_world(tmp_path / "home", prompts=1, k=3, overlap=2)
    store = made.store
    made.raters.append(store.add_user(NAME, "rater"))
    for rater, low in ((made.raters[2], 2), (made.rater, 4)):
        for i in range(3):
            rate_next(
                store, rater, low + i, comment="I, Marlene, say so.", flags=("made up",), attributes={"a": 5}
            )
    last = store.recent(made.raters[2].id)[0].rating
    store.revise(last.id, made.raters[2].id, score=9)
    publish(store)
    start_round(store, 1, 2)
    rate_next(store, made.raters[2], 1)
    store.log("operator", f"invited {NAME}", name=NAME, others=[NAME, f"{NAME}son"])
    store.set_guideline("Be kind.", NAME)
    store.enqueue("train", {"round": 2, "actor": NAME})
    store.next_card(made.raters[2].id)
    yield made
    store.close()


def differs(store: Store) -> list[str]:
    """What verify says, but that these worlds have no files of their versions."""
    return [one for one in verify(store) if not one.startswith("The folder versions/")]


def rows(store: Store, query: str) -> list[tuple]:
    with closing(sqlite3.connect(store.home / DATABASE)) as database:
        return database.execute(query).fetchall()


def test_a_name_is_gone_and_what_they_said_goes_on_counting(world):
    store, person = world.store, world.raters[2]
    link, token = (
        store.make_link(person.id, once=False, ttl_s=60),
        store.make_token(person.id, "op", ttl_s=60),
    )
    before = store.count_ratings(), store.round_progress().ratings, store.rated()
    found = store.purge(person.id, "operator")
    assert (found.user.name, found.links, found.current_ratings, found.ratings) == (NAME, 2, 4, 5)
    assert (found.sealed, found.versions, found.current) == (((1, 3, 1),), (1,), 1)
    assert (store.count_ratings(), store.round_progress().ratings, store.rated()) == before
    gone = store.user(person.id)
    assert (gone.name, gone.pseudonym, gone.active) == (person.pseudonym, person.pseudonym, False)
    with pytest.raises(Missing):
        store.user_by_name(NAME)
    for secret, door in ((link, store.redeem), (token, store.bearer)):
        with pytest.raises(NotYours):
            door(secret)
    events = {event.what: event for event in store.events()}
    said = events[f"invited {person.pseudonym}"].data
    assert said == {"name": person.pseudonym, "others": [person.pseudonym, f"{NAME}son"]}
    assert events["changed the guideline"].actor == person.pseudonym
    assert store.jobs()[0].payload["actor"] == person.pseudonym
    assert rows(store, "SELECT actor FROM guidelines") == [(person.pseudonym,)]
    assert rows(store, f"SELECT * FROM leases WHERE rater_id = {person.id}") == []
    assert differs(store) == []
    assert store.add_user(NAME, "rater").id != person.id  # the name is free


def test_the_name_is_gone_from_the_files(world):
    store, person = world.store, world.raters[2]
    store.set_guideline("x", "operator")
    rows(store, "SELECT 1")
    with store._write() as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{}' WHERE data LIKE '%Quistson%'")
    store.purge(person.id, "operator")
    store.close()
    for file in store.home.iterdir():
        if file.is_file():
            assert NAME.encode() not in file.read_bytes(), file.name
            assert NAME.casefold().encode() not in file.read_bytes(), file.name


def test_what_they_said_is_blank_and_seals_can_still_be_checked(world, tmp_path):
    store, person = world.store, world.raters[2]
    sealed = store.round(1).snapshot_sha256
    kept = {one.rating.id: one for one in store.snapshot(1)}
    assert store.round_progress().ratings == 1
    store.purge(person.id, "operator", ratings=True)
    mine = [one.rating for one in store.revisions() if one.rating.rater_id == person.id]
    assert len(mine) == 5
    assert {(r.score, r.verdict, r.comment, r.flags, str(r.attributes)) for r in mine} == {
        (None, "removed", "", (), "{}")
    }
    with store._read() as connection:
        assert snapshot_digest(connection, 1) == sealed
    assert differs(store) == []
    # of others, everything is as it was
    for one in store.snapshot(1):
        if one.rating.rater_id != person.id:
            assert one == kept[one.rating.id]
    # nothing counts any more
    assert store.round_progress().ratings == store.round_progress().set_aside == 0
    assert [stats.user.id for stats in store.rater_stats()] == [world.rater.id]
    assert store.count_ratings() == 3
    trained = agreement.corrected_scores(store.snapshot(1))
    assert set(trained) == {
        one.response.id for one in store.snapshot(1) if one.rating.rater_id == world.rater.id
    }
    assert agreement.alpha(store.rated()) is None
    with pytest.raises(BadInput, match="removed"):
        store.set_active(person.id, True, "op")
        store.revise(mine[-1].id, person.id, score=5)
    export(store, tmp_path / "out.jsonl")
    assert "Marlene" in (tmp_path / "out.jsonl").read_text()  # the other rater's own words
    again = store.purge(person.id, "operator", ratings=True)
    assert (again.ratings, again.links) == (0, 0)
    assert differs(store) == []


def test_cards_of_removed_ratings_are_free_for_others(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=1, raters=2)
    store, (one, two) = world.store, world.raters
    rate_next(store, one, 5)
    assert store.next_card(two.id) is None
    store.purge(one.id, "operator", ratings=True)
    rate_next(store, two, 7)
    store.seal(1, "operator")
    assert [r.rating.score for r in store.snapshot(1)] == [7]
    store.close()


def test_a_purged_home_can_be_trained_again_and_sealed_anew(world):
    store, person = world.store, world.raters[2]
    store.purge(person.id, "operator", ratings=True)
    rate_next(store, world.rater, 3)
    store.seal(2, "operator")
    assert person.id not in {one.rating.rater_id for one in store.snapshot(2)}
    assert differs(store) == []


# ---- the commands


@pytest.fixture
def run(world, monkeypatch):
    monkeypatch.setenv("RATELOOP_HOME", str(world.store.home))
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words, answer=None):
        return CliRunner().invoke(app, [str(word) for word in words], input=answer)

    return call


def test_purge_asks_first_and_says_what_was_learned(world, run):
    refused = run("purge", "--rater", NAME, answer="n\n")
    assert (refused.exit_code, world.store.user_by_name(NAME).name) == (1, NAME)
    assert "Round 1 was sealed with 3 of their ratings; version 1 came of it." in refused.stdout
    assert "Learned from them, directly or through a parent: version 1." in refused.stdout
    assert "Version 1 is in use: roll back" in refused.stdout
    done = run("purge", "--rater", NAME, "--ratings", "--yes")
    assert done.exit_code == 0, done.stderr
    assert f"{NAME} is {world.raters[2].pseudonym} from now on." in done.stdout
    assert "What they said was removed." in done.stdout
    assert run("purge", "--rater", world.raters[2].pseudonym, "--yes").exit_code == 0
    nobody = run("purge", "--rater", "Nobody", "--yes")
    assert (nobody.exit_code, nobody.stderr) == (1, "There is nobody called Nobody.\n")


def test_stats(world, run):
    shown = run("stats").stdout
    assert "Agreement: Krippendorff's alpha" in shown
    assert "on n = 3 responses with two or more raters." in shown
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert any(line.startswith(f"{NAME} 4 4.0 3.75 ") for line in lines), shown
    assert "1 train 3 3 3 6 6" in lines
    assert "2 train 2 1 1 1 2" in lines
    assert NAME not in run("stats", "--pseudonyms").stdout
    assert world.raters[2].pseudonym in run("stats", "--pseudonyms").stdout
