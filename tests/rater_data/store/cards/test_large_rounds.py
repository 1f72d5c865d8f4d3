"""In a large round open prompts are told as they were a moment ago: what holds of cards holds there, too."""

import threading
from collections import namedtuple

import pytest

from rater_data.store.cards import card_order, large_rounds, screen_context
from tests.rater_data.store.cards.test_card_properties import test_raters
from tests.rater_data.store.cards.test_cards import (
    deal,
    pairs,
    test_a_card_held_too_long_goes_to_another,
    test_every_response_is_the_first_of_one_comparison,
    test_nobody_compares_the_same_two_twice,
    test_one_rater_sees_everything_once_and_prompts_back_to_back,
    test_orders_differ_between_raters_and_stay_the_same_for_one,
    test_what_an_excluded_rater_said_is_rated_again,
    world,
)
from tests.rater_data.store_world import make_world, rate

__all__ = [
    "pairs",
    "test_a_card_held_too_long_goes_to_another",
    "test_every_response_is_the_first_of_one_comparison",
    "test_nobody_compares_the_same_two_twice",
    "test_one_rater_sees_everything_once_and_prompts_back_to_back",
    "test_orders_differ_between_raters_and_stay_the_same_for_one",
    "test_raters",
    "test_what_an_excluded_rater_said_is_rated_again",
    "world",
]

pytestmark = pytest.mark.usefixtures("backend")


@pytest.fixture(autouse=True)
def large(monkeypatch):
    for module in (card_order, screen_context):
        monkeypatch.setattr(module, "is_large", lambda *_: True)


def test_a_round_is_large_from_500_responses_on(world, monkeypatch):
    for size, large in ((12, True), (13, False)):  # it has 12
        where = large_rounds._IS_LARGE.offset(size - 1)
        monkeypatch.setattr(large_rounds, "_IS_LARGE", where)
        with world.store.reading() as connection:
            assert large_rounds.is_large(connection, 1) is large
            assert large_rounds.is_large(connection, 2) is False


def test_all_is_rated_though_what_was_open_a_moment_ago_is_not_any_more(tmp_path):
    """Twelve at once, three for each response: the list that they begin with is never asked for anew."""
    world = make_world(tmp_path / "home", prompts=6, k=2, raters=12, overlap=3, quota=36)
    world.store.recent_answers._kept_s = 1e9
    dealt = []
    threads = [
        threading.Thread(target=lambda r=rater: dealt.append(deal(world.store, r))) for rater in world.raters
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [(r.rating.rater_id, r.rating.response_id) for r in world.store.rated()]
    assert len(given) == len(set(given)) == sum(map(len, dealt)) == 36
    assert world.store.count_beyond_overlap() == 0
    world.store.close()


def test_of_many_prompts_some_are_drawn_and_begun_ones_come_first(monkeypatch):
    row = namedtuple("row", "prompt_id wanted new taken")
    rows = [row(n, 1, 1, int(n >= 10)) for n in range(12)]
    found = large_rounds.OpenPrompts.of(rows)
    assert found.candidates([]) == dict.fromkeys(rows[:10], 1), "as long as there are untouched ones"
    assert found.candidates([3, 11, 99]) == dict.fromkeys(rows[:10], 1) | {rows[3]: 0, rows[11]: 0}
    monkeypatch.setattr(large_rounds, "DRAWN", 4)
    draws = [found.candidates([11]) for _ in range(20)]
    assert all(len(draw) == 5 and draw[rows[11]] == 0 for draw in draws)
    assert set().union(*draws) == {*rows[:10], rows[11]}


def test_how_full_the_round_is_is_known_a_moment_later(world):
    clock = [0.0]
    world.store.recent_answers._clock = lambda: clock[0]
    rater = world.raters[0]

    def shown():
        return world.store.screen_context(rater.id, 0.0).ratings

    assert shown() == 0
    rate(world.store, rater, world.store.next_card(rater.id))
    assert shown() == 0
    clock[0] = 1.5
    assert shown() == 1
    world.store.close()
