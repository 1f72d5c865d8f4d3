"""Which guidelines raters went by last, in a store."""

from tests.rater_data.store_world import make_world, rate_next


def test_the_latest_rating_counts(tmp_path):
    world = make_world(tmp_path / "home")
    world.store.add_user("never", "rater")
    assert world.store.guidelines_followed() == {}
    first = rate_next(world.store, world.rater)
    assert world.store.guidelines_followed() == {world.rater.id: first.guideline_version}
    newer = world.store.set_guideline("Be kind.", "op")
    rate_next(world.store, world.rater, guideline_version=newer)
    assert world.store.guidelines_followed() == {world.rater.id: newer}
    world.store.close()
