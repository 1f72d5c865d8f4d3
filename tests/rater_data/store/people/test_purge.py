"""Taking a person out: nothing of their name stays, what they said goes if they wish, and all else goes on."""

import json
import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.cli.purge_command import remaining_copies
from rater_data.errors import BadInput, Missing, NotYours
from rater_data.exporting.export import export
from rater_data.statistics import agreement
from rater_data.statistics.rater_effects import corrected_scores
from rater_data.store import DATABASE, Store
from rater_data.store.database import schema as t
from rater_data.store.people import purge
from rater_data.store.rounds.rating_hashes import hashed_rows_query, rating_hash
from rater_data.store.rounds.snapshots import snapshot_digest
from rater_data.verify.home import verify
from tests.rater_data.store_world import all_revisions, make_world, publish, rate_next, start_round

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
    with store.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_a_name_is_gone_and_what_they_said_goes_on_counting(backend, world):
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
    for secret, door in ((link, store.redeem), (token, store.user_of_token)):
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
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{}' WHERE data LIKE '%Quistson%'")
    store.purge(person.id, "operator")
    store.close()
    for file in store.home.iterdir():
        if file.is_file():
            assert NAME.encode() not in file.read_bytes(), file.name
            assert NAME.casefold().encode() not in file.read_bytes(), file.name


def test_what_they_said_is_blank_and_seals_can_still_be_checked(backend, world, tmp_path):
    store, person = world.store, world.raters[2]
    sealed = store.round(1).snapshot_sha256
    kept = {one.rating.id: one for one in store.snapshot(1)}
    assert store.round_progress().ratings == 1
    store.purge(person.id, "operator", ratings=True)
    mine = [one.rating for one in all_revisions(store) if one.rating.rater_id == person.id]
    assert len(mine) == 5
    assert {(r.score, r.verdict, r.comment, r.flags, str(r.attributes)) for r in mine} == {
        (None, "removed", "", (), "{}")
    }
    with store.reading() as connection:
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
    trained = corrected_scores(store.snapshot(1))
    assert set(trained) == {
        one.response.id for one in store.snapshot(1) if one.rating.rater_id == world.rater.id
    }
    assert agreement.krippendorff_alpha(store.rated()) is None
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


# ---- names in the journal


def test_a_name_is_gone_however_it_was_typed(backend, world):
    store, person = world.store, world.raters[2]
    store.log("operator", "invited a rater", name=" MARLENE   quist", by_name={"marlene Quist": 3})
    store.log("operator", "invited marlene  quist")
    store.purge(person.id, "operator")
    one, two = store.events(3)[2], store.events(2)[1]
    assert one.data == {"name": person.pseudonym, "by_name": {person.pseudonym: 3}}
    assert two.what == f"invited {person.pseudonym}"


def test_other_people_s_names_and_the_program_s_words_stay(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=2)
    store = world.store
    anna, _, round_, trainer = (
        store.add_user(name, "rater") for name in ("Anna", "Anna Berg", "round", "trainer")
    )
    store.log("Anna Berg", "invited Anna Berg", name="Anna Berg", others=["Anna Berg", "Anna"])
    store.log("operator", "looked", ratings=3, round=1)
    rate_next(store, anna, 3)
    store.seal(1, "operator")
    job = store.enqueue("train", {"round": 1, "actor": "round"})
    before = {event.id: event for event in store.events()}
    for person in (anna, round_, trainer):
        store.purge(person.id, "operator")
    after = {event.id: event for event in store.events()}
    changed = {i for i in before if before[i] != after[i]}
    assert all(before[i].actor in ("Anna", "round") or "Anna" in str(before[i].data) for i in changed)
    (berg_s,) = (event for event in after.values() if event.what.startswith("invited"))
    assert (berg_s.actor, berg_s.what) == ("Anna Berg", "invited Anna Berg")
    assert berg_s.data == {"name": "Anna Berg", "others": ["Anna Berg", anna.pseudonym]}
    assert any(event.what == "sealed round 1" and event.data["ratings"] == 1 for event in after.values())
    assert any(event.data == {"ratings": 3, "round": 1} for event in after.values())
    assert store.job(job.id).payload == {"round": 1, "actor": round_.pseudonym}
    assert any(
        event.actor == "trainer" and event.what.startswith("started round") for event in after.values()
    )
    assert differs(store) == []
    with store.writing() as connection:  # verify still finds the seal
        connection.exec_driver_sql(
            "UPDATE events SET data = '{\"ratings\": 9}' WHERE what = 'sealed round 1'"
        )
    assert [one[:50] for one in differs(store)] == ["The journal says that round 1 was sealed with 9 ra"]
    store.close()


# ---- what a kept hash gives away


def test_a_removed_score_cannot_be_found_by_trying(backend, world):
    """Everything in the hash but score and verdict is still there; without the salt, no try fits."""
    store, person = world.store, world.raters[2]
    (salt,) = [salt for (salt,) in rows(store, f"SELECT salt FROM users WHERE id = {person.id}")]
    with store.reading() as connection:
        query = hashed_rows_query().where(t.ratings.c.rater_id == person.id, t.ratings.c.sha256.is_not(None))
        before = {row.id: row for row in connection.execute(query)}
    assert all(rating_hash(row, salt) == row[-1] for row in before.values())
    store.purge(person.id, "operator", ratings=True)
    assert rows(store, f"SELECT salt FROM users WHERE id = {person.id}") == [(None,)]
    kept = dict(rows(store, f"SELECT id, sha256 FROM ratings WHERE rater_id = {person.id}"))
    assert {i: kept[i] for i in before if kept[i]} == {i: row[-1] for i, row in before.items() if kept[i]}
    for row in before.values():
        said = list(row)
        for score in range(1, 11):
            said[2] = float(score)
            for guess in (rating_hash(said, ""), rating_hash(said, "None"), first_digest(said)):
                assert guess != kept[row.id]


def test_hashes_of_an_older_release_give_the_score_away_and_that_is_told(world):
    store, person = world.store, world.raters[2]
    with store.writing() as connection:
        for row in connection.execute(hashed_rows_query().where(t.ratings.c.sha256.is_not(None))).all():
            connection.execute(
                t.ratings.update().where(t.ratings.c.id == row.id).values(sha256=first_digest(row))
            )
    (left,) = store.purge(person.id, "operator", ratings=True).remaining
    assert left.startswith("Of 3 removed ratings an older release made the hash that is kept")


def test_hashes_are_kept_of_what_snapshots_hold_and_of_nothing_else(backend, world):
    store, person = world.store, world.raters[2]
    store.hash_ahead()
    store.purge(person.id, "operator", ratings=True)
    found = rows(
        store,
        "SELECT g.sha256 IS NOT NULL, EXISTS (SELECT 1 FROM snapshot_ratings s WHERE s.rating_id = g.id) "
        f"FROM ratings g WHERE rater_id = {person.id}",
    )
    assert sorted(found) == [(0, 0), (0, 0), (1, 1), (1, 1), (1, 1)]
    store.hash_ahead()  # what was removed is not hashed again
    assert len(rows(store, f"SELECT 1 FROM ratings WHERE sha256 IS NULL AND rater_id = {person.id}")) == 2
    assert differs(store) == []


def first_digest(row) -> str:
    """As the first release hashed."""
    line = json.dumps(list(row[:12]), ensure_ascii=False, separators=(",", ":"))
    return sha256(line.encode()).hexdigest()


# ---- the file


def test_a_reader_keeps_the_name_in_the_file_and_that_is_told(world, monkeypatch):
    store, person = world.store, world.raters[2]
    monkeypatch.setattr(purge, "REWRITE_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(store.home / DATABASE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM users").fetchone()
        found = store.purge(person.id, "operator")
        assert len(found.remaining) == 1
        assert "the name is still in the file until the server stops: run purge again" in found.remaining[0]
        assert any(NAME.encode() in file.read_bytes() for file in store.home.glob(f"{DATABASE}*"))
    assert store.user(person.id).name == person.pseudonym
    assert store.purge(person.id, "operator").remaining == ()
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE events SET data = '{}' WHERE data LIKE '%Quistson%'")
    store.purge(person.id, "operator")
    assert not any(NAME.encode() in file.read_bytes() for file in store.home.glob(f"{DATABASE}*"))


def test_the_lock_is_free_while_readers_are_waited_for(world, monkeypatch):
    store, held = world.store, []
    real = Store._outside_transactions

    def looked(self, command):
        held.append((command.split(" ")[0], self._lock.locked()))
        return real(self, command)

    monkeypatch.setattr(Store, "_outside_transactions", looked)
    store.purge(world.raters[2].id, "operator")
    assert held == [("VACUUM", True), ("PRAGMA", False)]


def test_a_file_that_cannot_be_written_anew_is_told_and_the_purge_is_done(world, monkeypatch):
    store, person = world.store, world.raters[2]

    def full(self, command):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(Store, "_outside_transactions", full)
    (left,) = store.purge(person.id, "operator").remaining
    assert left.startswith("The purge is done, but the database file could not be written anew")
    assert "There is no room left on the disk" in left
    assert store.user(person.id).name == person.pseudonym


def test_copies_that_still_have_everything_are_named(world, tmp_path):
    store = world.store
    (store.home / "rateloop.db.before-0003").touch()
    assert [copy.name for copy in store.old_copies()] == ["rateloop.db.before-0003"]
    other = tmp_path / "other" / "b.db"
    other.parent.mkdir()
    elsewhere = Store.open(store.home, f"sqlite:///{other}")
    (other.parent / "b.db.before-0002").touch()
    said = " ".join(remaining_copies(elsewhere))
    for name in (
        DATABASE,
        "rateloop.db.before-0003",
        str(other.parent / "b.db.before-0002"),
        "rejected.jsonl",
    ):
        assert name in said
    assert "VACUUM FULL" not in said
    elsewhere.close()


def test_a_server_s_own_copies_are_named(tmp_path, server):
    store = Store.open(tmp_path, address := server.new())
    said = " ".join(remaining_copies(store))
    assert "VACUUM FULL" in said and "WAL" in said and "replicas" in said
    store.close()
    server.drop(address)


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
    assert any(line.startswith(f"{NAME} 4 ") and line.endswith(" – – 4.0") for line in lines), shown
    assert any(line.startswith(f"{NAME}: ") for line in lines), "in words, too"
    assert "1 train 3 3 3 6 6" in lines
    assert "2 train 2 1 1 1 2" in lines
    assert NAME not in run("stats", "--pseudonyms").stdout
    assert world.raters[2].pseudonym in run("stats", "--pseudonyms").stdout
