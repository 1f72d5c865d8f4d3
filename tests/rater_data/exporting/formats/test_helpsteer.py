"""Further qualities in HelpSteer's columns."""

from tests.rater_data.exporting.helpers import rows_of
from tests.rater_data.store_world import (
    rate_next,
    rating,
)


def test_qualities_are_helpsteers(world):
    store = world.store
    first = rate_next(store, world.raters[0], 7, attributes={"helpful": 4, "Verbose": 1, "wit": 5})
    for rater in (world.raters[1],):
        while True:
            card = store.next_card(rater.id)
            if card.response_id == first.response_id:
                break
            rate_next(store, rater, verdict="skip")
        store.submit(rating(card.response_id, rater.id, 9, attributes={"helpful": 5, "prompt": 2}))
    (row,) = rows_of(store, format="helpsteer")
    assert row["response"] == store.response(first.response_id).text
    numbers = {name: row[name] for name in row if name not in ("prompt", "response", "raters")}
    assert numbers == {
        "helpfulness": 4,  # 4 and 5 are 4.5, less 1 is 3.5
        "correctness": None,
        "coherence": None,
        "complexity": None,
        "verbosity": 0,
        "quality prompt": 1,
        "wit": 4,
    }
    assert len(row["raters"]) == 2
