"""Ratings: what a change keeps, the rater's last ones, and how each rater works."""

import pytest

from rater_data.errors import BadInput, Missing, NotYours
from tests.rater_data.store_world import (
    all_revisions,
    make_world,
    rate_next,
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


# ---- ratings


def test_a_revision_keeps_what_it_replaces(world, store):
    first = rate_next(store, world.rater, 3, comment="dull", flags=("short",))
    rate_next(store, world.rater, 7)
    new = store.revise(first.id, world.rater.id, score=None, verdict="unsafe")
    assert (new.revision, new.score, new.comment, new.flags) == (2, None, "dull", ("short",))
    # it keeps its place in the list, and asking again for the same changes nothing
    assert [r.rating.id for r in store.recent(world.rater.id)][1] == new.id
    assert store.revise(first.id, world.rater.id, score=None, verdict="unsafe") == new
    with pytest.raises(BadInput, match="changed or taken back"):
        store.revise(first.id, world.rater.id, score=9)
    with pytest.raises(NotYours):
        store.revise(new.id, world.raters[1].id, score=9)
    with pytest.raises(Missing):
        store.revise(999, world.rater.id, score=9)
    with pytest.raises(BadInput):
        store.revise(new.id, world.rater.id, score=12)
    assert [(r.rating.score, r.rating.is_current) for r in all_revisions(store)] == [
        (3, False),
        (7, True),
        (None, True),
    ]


def test_recent_and_counts(world, store):
    for score in range(1, 6):
        rate_next(store, world.rater, score)
    assert [r.rating.score for r in store.recent(world.rater.id, n=3)] == [5, 4, 3]
    assert store.count_ratings() == 5
    assert store.recent(world.raters[1].id) == []


def test_rater_stats(world, store):
    assert store.rater_stats() == []
    for score, verdict in ((4, "rated"), (8, "rated"), (None, "broken"), (None, "skip")):
        rate_next(store, world.rater, score, verdict=verdict)
    rate_next(store, world.raters[1], 6)
    one, two = store.rater_stats()
    assert (one.user, one.ratings, one.median_s) == (world.rater, 4, 4.0)
    assert one.mean == pytest.approx(13 / 3)  # broken counts as 1
    assert (two.mean, two.sd, two.agreement) == (6.0, None, None)
