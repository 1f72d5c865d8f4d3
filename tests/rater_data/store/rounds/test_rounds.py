"""Prompts, versions, rounds, seals, settings; what must not happen is refused and changes nothing."""

import dataclasses
import time

import pytest
import sqlalchemy as sa

from rater_data.errors import BadInput, Busy, Missing, Refused
from rater_data.lifecycle import Sample
from rater_data.records import Message, Prompt
from rater_data.scales import SCALES
from rater_data.store.cards.ratings import insert_rating
from rater_data.store.database import schema as t
from rater_data.store.rounds import snapshots
from rater_data.verify.home import verify
from tests.rater_data.store_world import (
    make_world,
    open_store,
    publish,
    rate_next,
    rating,
    response,
    start_round,
    version,
)

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home")
    yield made
    made.store.close()


@pytest.fixture
def store(world):
    return world.store


# ---- prompts


def test_prompts_are_stored_once(tmp_path):
    store = open_store(tmp_path / "home")
    chat = Prompt(messages=(Message(role="system", content="Brief."), Message(role="user", content="Hi?")))
    added = store.add_prompts([Prompt.of("Hi?"), chat, Prompt.of("Hi?", tags=("again",)), Prompt.of("Ho?")])
    assert added == (3, 1)
    assert store.add_prompts([chat, Prompt.of("Hü?")]) == (1, 1)
    assert [p.text for p in store.prompts()] == ["Hi?", "Hi?", "Ho?", "Hü?"]
    assert store.prompt(2).messages == chat.messages
    assert store.prompts(split="train") + store.prompts(split="holdout") != []
    with pytest.raises(Missing):
        store.prompt(99)
    with pytest.raises(BadInput):
        store.prompts(split="test")
    store.close()


# ---- versions and rounds


def test_versions(store):
    assert store.next_version_number() == 1
    with pytest.raises(BadInput, match="already"):
        store.add_version(version(0))
    with pytest.raises(BadInput, match="cannot come from"):
        store.add_version(version(7, parent=3))
    store.add_version(version(1, parent=0))
    assert store.current_version().number == 0
    store.add_version(version(2, parent=1, status="current"))
    assert [v.status for v in store.versions()] == ["kept", "candidate", "current"]
    with pytest.raises(Missing):
        store.version(9)


def test_rounds_follow_each_other(store):
    with pytest.raises(Busy, match="not over"):
        store.start_round({}, 0)
    publish(store)
    with pytest.raises(Missing):
        store.start_round({}, 9)
    assert store.start_round({"quota": 5}, 1).number == 2
    assert [r.number for r in store.rounds()] == [1, 2]
    assert store.round(7) is None


def test_the_newest_ratings_are_of_whole_prompts_those_of_the_round_first(tmp_path):
    """Two ratings of each of five prompts; then in round 2 one of the second, and in round 1 a late one of the
    fourth."""
    made = make_world(tmp_path / "home", prompts=5, k=3)
    store, (one, two) = made.store, made.raters
    of_prompt = {p.id: [r.id for r in store.responses(1) if r.prompt_id == p.id] for p in store.prompts()}
    ids = list(of_prompt)

    def give(*given):
        with store.writing() as connection:
            for response_id, rater in given:
                insert_rating(connection, rating(response_id, rater.id), 1.0)

    give(*((response_id, one) for own in of_prompt.values() for response_id in own[:2]))
    publish(store)
    store.start_round({"quota": 5}, 1)
    store.add_responses([response(ids[1], 0, round_number=2, version_number=1, text="another")])
    give((store.responses(2)[0].id, two), (of_prompt[ids[3]][2], two))

    def newest(most):
        rows, known = store.newest_ratings(most, 2)
        assert known == 12 and [r.rating.id for r in rows] == sorted(r.rating.id for r in rows)
        return [sum(r.response.prompt_id == i for r in rows) for i in ids]

    assert newest(12) == newest(99) == [2, 3, 2, 3, 2]
    assert newest(9) == [0, 3, 0, 3, 2] and newest(3) == [0, 3, 0, 0, 0]
    assert newest(2) == [0, 0, 0, 0, 2], "one that does not fit gives way to the next"
    store.set_excluded(one.id, True, "op")
    rows, known = store.newest_ratings(99, 2)
    assert len(rows) == known == 2
    store.close()


def test_a_seal_is_more_than_a_state(world, store):
    with pytest.raises(Refused, match="use seal"):
        store.set_round_state(1, "sealed")
    rate_next(store, world.rater)
    store.seal(1, "operator")
    store.set_round_state(1, "training")
    with pytest.raises(Refused, match="use publish"):
        store.set_round_state(1, "published")


@pytest.mark.parametrize("state", ["generating", "published", "training", "failed", "refused", "rating"])
def test_a_wrong_step_is_refused_and_changes_nothing(store, state):
    with pytest.raises(Refused, match="Round 1 is rating"):
        store.set_round_state(1, state)
    assert store.round().state == "rating"
    with pytest.raises(BadInput):
        store.set_round_state(1, "nowhere")
    with pytest.raises(Missing):
        store.set_round_state(5, "rating")


def test_responses_have_slots_so_writing_goes_on_where_it_stopped(store):
    publish(store)
    store.start_round({}, 1)
    some = [response(1, i, round_number=2, version_number=1) for i in range(3)]
    assert store.add_responses(some[:2]) == 2
    assert store.add_responses(some) == 1
    assert store.slots(2) == {0, 1, 2}
    assert [dataclasses.replace(r, id=None) for r in store.responses(2)] == some
    assert store.responses(2, stratum="control") == []
    fine = response(1, 8, round_number=2, version_number=1)
    for wrong in ({"prompt_id": 99}, {"version_number": 99}):
        with pytest.raises(BadInput, match="does not exist"):
            store.add_responses([fine, dataclasses.replace(fine, slot=9, **wrong)])
    assert store.slots(2) == {0, 1, 2}
    with pytest.raises(Missing):
        store.add_responses([response(1, 0, round_number=9)])
    with pytest.raises(Refused):
        store.add_responses([response(1, 99, round_number=1)])


def test_progress_counts_what_fills_the_quota(world, store):
    for score, verdict in ((3, "rated"), (9, "rated"), (9, "rated"), (None, "broken"), (None, "skip")):
        rate_next(store, world.rater, score, verdict=verdict)
    rate_next(store, world.raters[1], 5)
    progress = store.round_progress()
    assert (progress.ratings, progress.set_aside, progress.raters, progress.quota) == (5, 1, 2, 12)
    assert progress.scores == {"3": 1, "5": 1, "9": 2}
    assert progress.mean_score == 6.5
    assert progress.by_stratum == {"train": (5, 12)}
    assert (progress.responses, progress.expected_responses, progress.complete) == (12, 12, False)
    store.set_excluded(world.raters[1].id, True, "op")
    assert store.round_progress().ratings == 4


@pytest.mark.parametrize(
    ("ago", "pace"), [((7200,), 0), ((1800, 900, 10), 6), ((20, 10), 2 * 12), ((7200, 3500, 5), 2)]
)
def test_a_pace_counts_from_when_people_began(world, store, ago, pace):
    now = time.time()
    for seconds in ago:
        rate_next(store, world.rater, 5, shown_at=now - seconds - 3, submitted_at=now - seconds)
    assert store.round_progress().ratings_last_hour == pace


def test_progress_while_responses_are_written(store):
    publish(store)
    store.start_round({"quota": 8, "expected_responses": 20}, 1)
    store.add_responses([response(1, 0, round_number=2, version_number=1)])
    progress = store.round_progress()
    assert (progress.responses, progress.expected_responses, progress.mean_score) == (1, 20, None)


# ---- seal and publish


def test_the_snapshot_is_frozen(world, store):
    for score in (2, 9):
        rate_next(store, world.rater, score)
    sealed = store.seal(1, "operator")
    before = store.snapshot(1)
    assert [r.rating.score for r in before] == [2, 9]
    assert sealed.snapshot_sha256 == store.round(1).snapshot_sha256
    rate_next(store, world.rater, 5)
    store.set_excluded(world.rater.id, True, "op")
    assert store.snapshot(1) == before
    with pytest.raises(BadInput, match="sealed"):
        store.revise(before[0].rating.id, world.rater.id, score=10)
    with pytest.raises(Refused):
        store.seal(1, "operator")


def salted(store, salt):
    """Hashes are salted rater by rater, so that two stores never have the same; here they do."""
    with store.writing() as connection:
        connection.execute(t.users.update().values(salt=salt))


def test_the_same_ratings_have_the_same_hash_and_others_another(tmp_path):
    hashes = []
    for i, (salt, *scores) in enumerate((("x", 2, 9), ("x", 2, 9), ("x", 2, 8), ("y", 2, 9))):
        world = make_world(tmp_path / str(i))
        salted(world.store, salt)
        for score in scores:
            rate_next(world.store, world.rater, score)
        hashes.append(world.store.seal(1, "operator").snapshot_sha256)
        with world.store.reading() as connection:
            assert snapshots.snapshot_digest(connection, 1) == hashes[-1]
        world.store.close()
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_what_was_hashed_ahead_makes_the_same_seal(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "HASHED_AT_ONCE", 2)
    hashes, handfuls, keep = [], [], snapshots.keep_hashes
    monkeypatch.setattr(snapshots, "keep_hashes", lambda c, rows: (handfuls.append(len(rows)), keep(c, rows)))
    for name, ahead in (("ahead", True), ("all at once", False)):
        world = make_world(tmp_path / name, prompts=2)
        store = world.store
        salted(store, "x")
        handfuls.clear()
        for score in (2, 9, 4):
            rate_next(store, world.rater, score)
        if ahead:
            store.hash_ahead()
            assert handfuls == [2, 1]
            handfuls.clear()
        rate_next(store, world.rater, 7)
        hashes.append(store.seal(1, "operator").snapshot_sha256)
        assert sum(handfuls) == (1 if ahead else 4)
        assert list(verify(store)) == []
        store.close()
    assert hashes[0] == hashes[1]


def test_a_snapshot_has_the_current_ratings_of_all_rounds_by_those_who_count(world, store):
    rate_next(store, world.rater, 3)
    revised = store.revise(store.recent(world.rater.id)[0].rating.id, world.rater.id, score=4)
    out = store.add_user("Out", "rater")
    rate_next(store, out, 1)
    store.set_excluded(out.id, True, "op")
    publish(store)
    start_round(store, 3, 4)
    rate_next(store, world.rater, 8)
    store.seal(2, "operator")
    assert [(r.rating.score, r.response.round_number) for r in store.snapshot(2)] == [(4, 1), (8, 2)]
    assert revised.revision == 2


def test_a_round_without_ratings_is_not_sealed(store):
    with pytest.raises(Refused, match="no ratings"):
        store.seal(1, "operator")
    with pytest.raises(Refused, match="no ratings"):
        store.start_training(1, "operator")
    assert store.round().state == "rating"
    assert store.active_job() is None


def test_publish_is_all_or_nothing(world, store):
    rate_next(store, world.rater)
    store.seal(1, "operator")
    new = version(1, parent=0)
    with pytest.raises(Refused):
        store.publish(1, new, gate={}, decision="", samples=[])
    store.set_round_state(1, "training")
    bad = Sample(version_number=1, prompt_id=99, seed=1, text="x")
    with pytest.raises(BadInput):
        store.publish(1, new, gate={}, decision="", samples=[bad])
    assert (store.round().state, store.current_version().number, len(store.versions())) == ("training", 0, 1)
    good = dataclasses.replace(bad, prompt_id=1)
    store.publish(1, new, gate={"r": float("nan")}, decision="Fine.", samples=[good])
    found = store.round()
    assert (found.state, found.gate, found.decision, found.published_version) == (
        "published",
        {"r": None},
        "Fine.",
        1,
    )
    assert [(v.number, v.status) for v in store.versions()] == [(0, "kept"), (1, "current")]
    assert store.samples(1) == [good]


def test_training_starts_in_one_step_and_once(world, store):
    rate_next(store, world.rater)
    job = store.start_training(1, "Olga")
    assert (job.kind, job.payload) == ("train", {"round": 1, "override": False, "actor": "Olga"})
    assert store.round().state == "sealed"
    with pytest.raises(Busy):
        store.start_training(1, "Olga")
    store.cancel(job.id, "Olga")
    assert store.round().state == "failed"
    assert store.start_training(1, "Olga").state == "queued"
    assert (store.round().state, len(store.snapshot(1))) == ("sealed", 1)


def test_what_is_given_during_a_training_can_be_changed_until_the_next_seal(world, store):
    rate_next(store, world.rater, 3)
    store.start_training(1, "Olga")
    sealed = store.recent(world.rater.id)[0].rating
    with pytest.raises(BadInput, match="sealed with round 1: it cannot be changed"):
        store.revise(sealed.id, world.rater.id, score=9)
    with pytest.raises(BadInput, match="cannot be taken back"):
        store.undo(world.rater.id)
    later = rate_next(store, world.rater, 4)
    assert store.changeable([sealed, later]) == {later.id}
    assert store.screen_context(world.rater.id, 0.0).last_open
    assert store.undo(world.rater.id).response_id == later.response_id
    later = rate_next(store, world.rater, 5)
    later = store.revise(later.id, world.rater.id, score=6)
    assert [one.rating.score for one in store.snapshot(1)] == [3]
    store.claim("worker")
    store.set_round_state(1, "training")
    store.publish(1, version(1, parent=0), gate={}, decision="", samples=[])
    # its cards are gone, so it cannot be taken back; the answer can still be changed
    assert not store.screen_context(world.rater.id, 0.0).last_open
    with pytest.raises(BadInput, match="deals no cards"):
        store.undo(world.rater.id)
    assert store.revise(later.id, world.rater.id, score=7).score == 7


def test_somebody_who_does_not_count_any_more_is_not_in_a_training_that_is_begun_again(world, store):
    rate_next(store, world.rater)
    out = store.add_user("Out", "rater")
    rate_next(store, out)
    job = store.start_training(1, "Olga")
    first = store.round().snapshot_sha256
    store.cancel(job.id, "Olga")
    store.set_excluded(out.id, True, "op")
    store.start_training(1, "Olga")
    assert [one.rating.rater_id for one in store.snapshot(1)] == [world.rater.id]
    assert store.round().snapshot_sha256 != first


def test_a_refused_round_is_trained_only_with_override(world, store):
    rate_next(store, world.rater)
    job = store.start_training(1, "Olga")
    store.claim("worker")
    store.set_round_state(1, "training")
    store.set_round_state(1, "refused", gate={"passed": False}, decision="It cannot be told from chance.")
    store.finish(job.id, "worker")
    with pytest.raises(Refused, match="cannot be told from chance"):
        store.start_training(1, "Olga")
    # more ratings, then again: the new seal replaces the old one
    store.set_round_state(1, "rating")
    rate_next(store, world.rater)
    job = store.start_training(1, "Olga")
    assert len(store.snapshot(1)) == 2
    store.claim("worker")
    store.set_round_state(1, "training")
    store.set_round_state(1, "refused")
    store.finish(job.id, "worker")
    assert store.start_training(1, "Olga", override=True).payload["override"] is True


def test_a_round_after_which_another_began_is_not_trained(world, store):
    rate_next(store, world.rater)
    publish(store)
    start_round(store, 1, 1)
    with pytest.raises(Refused, match="round 2 has begun"):
        store.start_training(1, "Olga")
    with pytest.raises(Refused, match="Round 2 is rating"):
        store.set_round_state(2, "published")


# ---- roll back


def test_roll_back_leaves_versions_behind_and_takes_them_up_again(world, store):
    for _ in range(2):
        rate_next(store, world.rater)
        publish(store)
        start_round(store, 3, 4)
    assert store.current_version().number == 2
    job = store.enqueue("generate", {})
    assert store.roll_back(0, "Olga").status == "current"
    assert [v.status for v in store.versions()] == ["current", "rolled_back", "rolled_back"]
    # the open round was written by a version that is left behind
    assert [r.state for r in store.rounds()] == ["rolled_back"] * 3
    assert store.job(job.id).state == "cancelled"
    with pytest.raises(Refused, match="already"):
        store.roll_back(0, "Olga")
    with pytest.raises(Missing):
        store.roll_back(9, "Olga")
    store.roll_back(2, "Olga")
    assert [v.status for v in store.versions()] == ["kept", "kept", "current"]
    assert [r.state for r in store.rounds()] == ["published", "published", "rolled_back"]
    assert store.start_round({}, 2).number == 4


def test_a_version_that_hurt_goes_out_of_use_once(world, store):
    """It is logged with the evidence, can be taken back, and then stays taken back."""
    for _ in range(2):
        rate_next(store, world.rater)
        publish(store)
        start_round(store, 3, 4)
    ratings = store.count_ratings()
    for wrong in (0, 1):
        with pytest.raises(Refused, match="it stays"):
            store.return_from(wrong, "automatic return")
    assert store.return_from(2, "automatic return", round=3, gain=-1.5).number == 1
    assert [v.status for v in store.versions()] == ["kept", "current", "rolled_back"]
    assert store.count_ratings() == ratings, "nothing is deleted"
    event = store.events(1)[0]
    assert (event.actor, event.what) == ("automatic return", "rolled back to version 1")
    assert event.data == {"to": 1, "abandoned": [2], "round": 3, "gain": -1.5}
    store.roll_back(2, "Olga")
    assert store.current_version().number == 2
    with pytest.raises(Refused, match="by hand"):
        store.return_from(2, "automatic return")
    assert store.current_version().number == 2


def test_no_roll_back_while_a_round_is_trained(world, store):
    rate_next(store, world.rater)
    publish(store)
    start_round(store, 3, 4)
    rate_next(store, world.rater)
    store.seal(2, "Olga")
    store.set_round_state(2, "training")
    with pytest.raises(Busy, match="cancel it first"):
        store.roll_back(0, "Olga")
    assert store.current_version().number == 1


# ---- the journal


def test_journal(store):
    assert store.setting("model") is None
    store.set_setting("model", {"name": "tiny", "x": float("inf")})
    store.set_setting("model", {"name": "tiny2"})
    assert store.setting("model") == {"name": "tiny2"}
    number, text = store.guideline()
    assert (number, text[:1]) == (1, "#")
    assert store.set_guideline("Be kind.", "Olga") == 2
    assert store.guideline() == (2, "Be kind.")
    with pytest.raises(BadInput):
        store.set_guideline("  ", "Olga")
    store.add_step(1, 0, {"kl": 0.5, "loss": float("nan")})
    store.add_step(1, 0, {"kl": 0.7})
    store.add_step(1, 1, {"kl": 0.9})
    assert store.steps(1) == [{"step": 0, "kl": 0.7}, {"step": 1, "kl": 0.9}]
    store.clear_steps(1)
    assert store.steps(1) == []
    sample = Sample(version_number=0, prompt_id=1, seed=3, text="hello")
    store.add_samples([sample, sample])
    store.add_samples([sample])
    assert store.samples(0) == [sample]
    store.log("Olga", "looked", at=1)
    newest = store.events(limit=1)[0]
    assert (newest.actor, newest.what, newest.data) == ("Olga", "looked", {"at": 1})


def test_the_scale_is_chosen_before_there_are_ratings(store):
    assert store.scale().name == "score_1_10"
    with pytest.raises(BadInput, match="not known"):
        store.choose_scale("stars")
    for name in SCALES:
        assert store.choose_scale(name) == store.scale() == SCALES[name]


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_every_scale_is_kept_in_its_range(store, scale):
    """By the database too, whoever writes to it."""
    store.choose_scale(scale.name)
    rater = store.add_user("Olga", "rater").id
    card = store.next_card(rater)
    store.submit(rating(card.response_id, rater, float(scale.high), scale=scale.name))
    off = t.ratings.update().values(score=scale.high + 1)
    with pytest.raises(sa.exc.IntegrityError), store.writing() as connection:
        connection.execute(off)


def test_what_the_head_said_is_kept_beside_the_responses_of_its_round(store):
    first, second, *rest = store.responses(1)
    store.set_head_scores(1, {first.id: 0.5, second.id: -1.25})
    assert [r.head_score for r in store.responses(1)] == [0.5, -1.25, *[None] * len(rest)]
    store.set_head_scores(1, {first.id: 2.0})
    assert store.response(first.id).head_score == 2.0
    for wrong, told in (
        ({second.id: 1.0, 999: 1.0}, "999 is none of round 1"),
        ({second.id: float("nan")}, "finite"),
    ):
        with pytest.raises(BadInput, match=told):
            store.set_head_scores(1, wrong)
    assert store.response(second.id).head_score == -1.25
    with pytest.raises(Missing):
        store.set_head_scores(7, {})


def test_what_somebody_said_counts_on_after_they_were_kept_out(world, store):
    rate_next(store, world.rater, 7)
    store.set_active(world.rater.id, False, "op")
    assert store.round_progress().ratings == 1
    store.seal(1, "operator")
    assert [one.rating.score for one in store.snapshot(1)] == [7]


def test_a_home_keeps_its_base_model(tmp_path, monkeypatch):
    store = open_store(tmp_path / "home")
    folder = tmp_path / "model"
    folder.mkdir()
    assert store.base_model() is None and store.base_model("anything") is None
    store.add_version(dataclasses.replace(version(0, None, "current"), base_model=str(folder)))
    assert store.base_model() == store.base_model(str(folder)) == str(folder)
    monkeypatch.chdir(tmp_path)
    assert store.base_model("model") == str(folder), "a folder is named by any way to it"
    with pytest.raises(BadInput, match="begun with the model"):
        store.base_model("another/model")
    store.close()
