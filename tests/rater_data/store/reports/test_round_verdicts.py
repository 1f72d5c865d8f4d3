"""A round's verdict and the raters' drift as the store reads them."""

import dataclasses

import pytest

from rater_data.store.reports.round_verdicts import planned_control_ratings
from tests.rater_data.store_world import make_world, publish, rate_next, response

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def world(tmp_path):
    """A round of the first version, published; both raters have rated all of it."""
    made = make_world(tmp_path / "home", prompts=4, k=2, overlap=2)
    for rater in made.raters:
        for _ in range(8):
            rate_next(made.store, rater, 5.0)
    publish(made.store)
    yield made
    made.store.close()


def open_round(store, state="rating", quota=12, control_overlap=1):
    """Of version 1, with an answer of either version to each prompt and two anchors."""
    store.start_round({"quota": quota}, 1)
    prompts = store.prompts()
    answers = [
        dataclasses.replace(
            response(p.id, 2 * i + new),
            round_number=2,
            version_number=new,
            stratum="train" if new else "control",
            overlap=1 if new else control_overlap,
        )
        for i, p in enumerate(prompts)
        for new in (0, 1)
    ]
    anchors = [
        dataclasses.replace(one, id=None, round_number=2, slot=20 + i, stratum="anchor", overlap=2)
        for i, one in enumerate(store.responses(1)[:2])
    ]
    store.add_responses(answers + anchors)
    if state == "rating":
        store.set_round_state(2, "rating")


def rate_everything(world, scores, raters=None, cards=100):
    """`scores` by stratum; so many `cards` at most."""
    strata = {r.id: r.stratum for r in world.store.responses(2)}
    for rater in raters or world.raters:
        while cards and (card := world.store.next_card(rater.id)) is not None:
            rate_next(world.store, rater, scores[strata[card.response_id]])
            cards -= 1


def test_the_verdict_is_of_the_raters_who_count(world):
    open_round(world.store)
    rate_everything(world, {"train": 8.0, "control": 3.0, "anchor": 4.0})
    found = world.store.round_verdict(2)
    assert (found.word, found.blind, found.planned) == ("helped", 4, 4)
    assert found.gain.mean == pytest.approx(5, abs=0.01)
    for rater in world.raters:
        world.store.set_excluded(rater.id, True, "op")
    assert world.store.round_verdict(2).gain is None


def test_while_responses_are_written_there_is_no_look(world):
    """The first few control ratings are not taken for all of them."""
    open_round(world.store, "generating")
    rate_everything(world, {"train": 8.0, "control": 3.0, "anchor": 4.0})
    assert world.store.round_verdict(2).gain is None
    world.store.set_round_state(2, "rating")
    assert world.store.round_verdict(2).gain is not None


def test_the_plan_is_what_is_rated_when_the_quota_is_full(world):
    open_round(world.store)
    traits = world.store.response_traits(2)
    assert planned_control_ratings(traits, paired=False, quota=0) == 4
    assert planned_control_ratings(traits, paired=True, quota=0) == 8, "of comparisons, all on its prompts"
    cards = int(traits["overlap"].sum())
    assert planned_control_ratings(traits, paired=False, quota=cards // 2) == 2
    texts = {r.id: len(r.text) for r in world.store.responses(2)}
    assert dict(zip(traits["response_id"], traits["length"], strict=True)) == texts


def test_a_full_round_has_its_last_look_with_the_control_ratings_that_there_are(world):
    """The control arm is for two raters, and one has come."""
    open_round(world.store, quota=10, control_overlap=2)
    scores = {"train": 8.0, "control": 3.0, "anchor": 4.0}
    rate_everything(world, scores, raters=world.raters[:1], cards=9)
    before = world.store.round_verdict(2)
    assert (before.planned, before.is_last) == (5, False)
    rate_everything(world, scores, raters=world.raters[:1])
    full = world.store.round_verdict(2)
    assert (full.word, full.blind, full.gain.n, full.is_last) == ("helped", 4, 4, True)
    rate_everything(world, {"train": 1.0, "control": 9.0, "anchor": 4.0})
    assert world.store.round_verdict(2) == full, "what is rated beyond the quota is not looked at"


def test_a_round_that_is_left_has_its_last_look_and_a_sealed_one_goes_on(world):
    open_round(world.store)
    rate_everything(world, {"train": 8.0, "control": 3.0, "anchor": 4.0}, raters=world.raters[:1], cards=5)
    assert not world.store.round_verdict(2).is_last
    world.store.seal(2, "op")
    assert not world.store.round_verdict(2).is_last, "raters get cards until it is trained"
    world.store.set_round_state(2, "training")
    world.store.set_round_state(2, "refused")
    assert not world.store.round_verdict(2).is_last
    world.store.start_round({"quota": 12}, 1)
    left = world.store.round_verdict(2)
    assert left.is_last and left.blind < left.planned


def test_raters_drift_is_read_off_the_anchors(world):
    assert world.store.anchor_drift() is None
    open_round(world.store)
    rate_everything(world, {"train": 8.0, "control": 3.0, "anchor": 4.0})
    drift = world.store.anchor_drift()
    assert (drift.mean, drift.n) == (-1.0, 4), "each of two raters read two anchors again"
    world.store.set_excluded(world.rater.id, True, "op")
    assert world.store.anchor_drift() is None, "two pairs say nothing"


def test_the_drift_of_one_rater_is_known_after_some_rounds(tmp_path):
    """Two anchors are read once a round: all readings count, where the newest alone would never be more than two."""
    made = make_world(tmp_path / "home", prompts=2, k=2, raters=1)
    store = made.store
    for _ in range(4):
        rate_next(store, made.rater, 5.0)
    for number, (scores, known) in enumerate(
        (((6.0, 7.0), False), ((4.0, 8.0), True), ((6.0, 6.0), True)), 2
    ):
        publish(store)
        store.start_round({"quota": 2}, store.current_version().number)
        store.add_responses(
            [
                dataclasses.replace(one, id=None, round_number=number, slot=i, stratum="anchor")
                for i, one in enumerate(store.responses(1)[:2])
            ]
        )
        store.set_round_state(number, "rating")
        for score in scores:
            rate_next(store, made.rater, score)
        assert (store.anchor_drift() is not None) == known
    drift = store.anchor_drift()
    assert drift.n == 6 and drift.mean == pytest.approx(7 / 6) and drift.low < 0 < drift.high
    store.close()
