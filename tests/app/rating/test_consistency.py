"""A rater's line on their own consistency: of what they saw again, of nobody else, and cheap where cards are dealt."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.rating import history
from rater_data.store import Store
from rater_data.store.reports.rater_repeats import RaterRepeats
from tests.app.helpers import send_rating, serving
from tests.rater_data.store.reports.test_rater_repeats import open_round_with_anchors, rate_all
from tests.rater_data.store_world import make_world, publish


@pytest.mark.parametrize(
    ("scale", "says"),
    [
        ("score_1_10", "You gave the same score, or one beside it, 4 of the 4 times that you saw an answer again."),
        ("thumbs", "You gave the same score 4 of the 4 times that you saw an answer again."),
        ("pair", "You gave the same answer 4 of the 4 times that you saw two answers side by side again."),
    ],
)  # fmt: skip
def test_it_is_told_from_four_repeats_on_and_of_the_own_ones_alone(
    tmp_path: Path, scale: str, says: str
) -> None:
    world = make_world(tmp_path, prompts=1, k=2, overlap=2)
    store, (ann, ben) = world.store, world.raters
    store.choose_scale(scale)
    rate_all(store, ann, lambda _: 1.0 if scale != "pair" else 0.0)
    for number in range(2, 6 if scale == "pair" else 4):
        assert history.consistency_sentence(store, ann) is None, "too few"
        publish(store)
        open_round_with_anchors(store, number, anchors=2)
        rate_all(store, ann, lambda _: 1.0 if scale != "pair" else 0.0)
    assert history.consistency_sentence(store, ann) == says
    assert history.consistency_sentence(store, ben) is None
    store.close()


def test_it_is_counted_when_a_page_is_loaded_and_not_when_a_card_is_dealt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    real = RaterRepeats.rater_repeats
    monkeypatch.setattr(
        Store, "rater_repeats", lambda store, rater=None: asked.append(rater) or real(store, rater)
    )
    world = make_world(tmp_path)
    world.store.close()
    with serving(tmp_path) as live, live.client(world.rater) as client:
        assert client.get("/api/news").json() == {"news": None, "consistency": None}
        assert asked == [world.rater.id]
        send_rating(client, client.get("/api/card").json()["card"], 7)
        assert asked == [world.rater.id]
