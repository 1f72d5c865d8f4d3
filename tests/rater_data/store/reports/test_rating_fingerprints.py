"""Whoever keeps what they computed of ratings sees every change of what counts, and nothing else."""

import pytest

from rater_data.store import Store
from tests.rater_data.store_world import make_world, publish, rate_next, start_round

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture
def world(tmp_path):
    """Two rounds, the first one published and rated by both raters."""
    made = make_world(tmp_path / "home", prompts=2, k=2, overlap=2)
    for rater in made.raters:
        for score in (3.0, 4.0, 5.0):
            rate_next(made.store, rater, score)
    publish(made.store)
    start_round(made.store, 2, 2, overlap=2)
    yield made
    made.store.close()


def signs(store: Store):
    return store.change_mark(), store.rating_fingerprints()


def test_counts_of_rounds_with_ratings(world):
    fingerprints = world.store.rating_fingerprints()
    assert {number: count for number, (count, _) in fingerprints.items()} == {1: 6}
    rate_next(world.store, world.rater)
    assert world.store.rating_fingerprints()[2][0] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda store, rater, rating: rate_next(store, rater),
        lambda store, rater, rating: store.revise(rating.id, rater.id, score=9.0),
        lambda store, rater, rating: store.undo(rater.id),
        lambda store, rater, rating: store.set_excluded(rater.id, True, "op"),
        lambda store, rater, rating: store.purge(rater.id, "op", ratings=True),
    ],
    ids=["rate", "revise", "undo", "exclude", "purge"],
)
def test_every_change_of_what_counts_is_seen(world, change):
    store = world.store
    rating = rate_next(store, world.rater)
    mark, fingerprints = signs(store)
    change(store, world.rater, rating)
    new_mark, new_fingerprints = signs(store)
    assert new_mark != mark
    assert new_fingerprints.get(2) != fingerprints[2]


def test_a_rater_who_counts_again_leaves_no_trace_in_the_fingerprint(world):
    store = world.store
    mark, fingerprints = signs(store)
    store.set_excluded(world.rater.id, True, "op")
    assert store.rating_fingerprints()[1] != fingerprints[1]
    store.set_excluded(world.rater.id, False, "op")
    assert store.rating_fingerprints() == fingerprints
    assert store.change_mark() != mark
