"""Whether raters say the same of what they see again: anchors, on any scale; a change is no repeat."""

import dataclasses

import pytest

from rater_data.store.reports.rater_repeats import Repeats
from tests.rater_data.store_world import make_world, publish, rate_next, rating, response

pytestmark = pytest.mark.usefixtures("backend")


def open_round_with_anchors(store, number, anchors):
    """A round of answers of its own to the first prompt, and the same `anchors` answers of round 1."""
    store.start_round({"quota": 12}, store.current_version().number)
    again = [
        dataclasses.replace(one, id=None, round_number=number, slot=20 + i, stratum="anchor", overlap=2)
        for i, one in enumerate(store.responses(1)[:anchors])
    ]
    fresh = response(store.prompts()[-1].id, 0, round_number=number, text=f"new {number}")
    store.add_responses([*again, dataclasses.replace(fresh, overlap=2)])
    store.set_round_state(number, "rating")


def rate_all(store, rater, score_of):
    """`score_of`: of a response by its text."""
    while (card := store.next_card(rater.id)) is not None:
        store.submit(rating(card.response_id, rater.id, score_of(card.text), scale=store.scale().name))


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home", prompts=2, k=2, overlap=2)
    yield made
    made.store.close()


def test_anchors_seen_again_are_repeats_and_changes_are_none(world):
    store, (ann, ben) = world.store, world.raters
    for rater in (ann, ben):
        rate_all(store, rater, lambda _: 5.0)
    first, second = store.responses(1)[:2]
    change = next(r.rating for r in store.recent(ann.id) if r.response.id == second.id)
    store.revise(change.id, ann.id, score=9.0)
    assert store.rater_repeats() == {}, "nobody saw anything twice"
    publish(store)
    open_round_with_anchors(store, 2, anchors=2)
    rate_all(store, ann, lambda text: 7.0 if text == first.text else 8.0)
    # Two away is not near; one beside what was said last is; Ben has not come back
    assert store.rater_repeats() == {ann.id: Repeats(times=2, near=1)}
    assert store.rater_repeats(ben.id) == {} and store.rater_repeats(ann.id) == store.rater_repeats()
    publish(store)
    open_round_with_anchors(store, 3, anchors=2)
    rate_all(store, ann, lambda _: 8.0)
    assert store.rater_repeats()[ann.id] == Repeats(times=4, near=3), "each is compared with the one before"


def test_what_teaches_nothing_is_no_repeat(world):
    store, (ann, _) = world.store, world.raters
    rate_all(store, ann, lambda _: 5.0)
    publish(store)
    open_round_with_anchors(store, 2, anchors=2)
    for _ in range(3):
        rate_next(store, ann, None, verdict="skip")
    assert store.rater_repeats() == {}


@pytest.mark.parametrize("scale", ["thumbs", "pair"])
def test_thumbs_and_pairs_are_the_same_or_not(tmp_path, scale):
    world = make_world(tmp_path / "other", prompts=1, k=2, overlap=2)
    store, ann = world.store, world.rater
    store.choose_scale(scale)
    lower = min(r.text for r in store.responses(1))
    answers = {1: lambda text: 1.0, 2: lambda text: 1.0, 3: lambda text: 0.0}
    if scale == "pair":  # the score is of the first response's side, whichever comes first
        answers = {1: sided(lower, 1), 2: sided(lower, 1), 3: sided(lower, 0)}
    for number, score_of in answers.items():
        if number > 1:
            publish(store)
            open_round_with_anchors(store, number, anchors=2)
        rate_all(store, ann, score_of)
    seen = 2 if scale == "pair" else 4
    assert store.rater_repeats() == {ann.id: Repeats(times=seen, near=seen // 2)}
    store.close()


def sided(lower, better):
    """A score that says the same of a pair whichever of the two is the first."""
    return lambda text: float(better if text == lower else -better)


def test_the_share_by_chance_is_of_ones_own_scores(world):
    store, (ann, ben) = world.store, world.raters
    scores = iter([1.0, 2.0, 9.0, 9.0])
    rate_all(store, ann, lambda _: next(scores))
    rate_all(store, ben, lambda _: 7.0)
    # Of Ann's sixteen pairs: 1 with 1 and 2, 2 with 2 and 1, 9 with 9 four times
    assert store.repeats_by_chance() == {ann.id: 8 / 16, ben.id: 1.0}
