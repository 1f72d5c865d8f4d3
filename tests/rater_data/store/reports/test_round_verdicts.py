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


def open_round(store, state="rating"):
    """Of version 1, with an answer of either version to each prompt and two anchors."""
    store.start_round({"quota": 12}, 1)
    prompts = store.prompts()
    answers = [
        dataclasses.replace(
            response(p.id, 2 * i + new),
            round_number=2,
            version_number=new,
            stratum="train" if new else "control",
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


def rate_everything(world, scores):
    """`scores` by stratum."""
    strata = {r.id: r.stratum for r in world.store.responses(2)}
    for rater in world.raters:
        while (card := world.store.next_card(rater.id)) is not None:
            rate_next(world.store, rater, scores[strata[card.response_id]])


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
