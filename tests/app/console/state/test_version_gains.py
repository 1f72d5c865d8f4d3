"""What is slow to count is counted beside, and the page has the last numbers meanwhile."""

import threading

import pytest

from app.console.state import version_gains as version_comparison
from app.console.state.version_gains import Helped, Kept
from rater_data.statistics.version_gain import version_gain
from tests.app.helpers import until
from tests.rater_data.store_world import make_world, publish, rate_next, start_round


def test_what_is_quick_is_always_counted_anew():
    kept, numbers = Kept(), iter(range(9))
    assert [kept.get(lambda: next(numbers)) for _ in range(3)] == [0, 1, 2]


def test_what_is_slow_is_counted_beside_and_once(monkeypatch):
    monkeypatch.setattr(version_comparison, "QUICK", -1.0)
    monkeypatch.setattr(version_comparison, "SHARE", 0)
    kept, go, begun = Kept(), threading.Event(), []
    assert kept.get(lambda: "first") == "first"

    def slow():
        begun.append(1)
        assert go.wait(30)
        return "second"

    assert [kept.get(slow) for _ in range(3)] == ["first"] * 3
    until(lambda: begun, "the count")
    go.set()
    until(lambda: kept.get(lambda: "third") != "first", "the second count")
    assert len(begun) == 1


def test_a_count_that_fails_leaves_the_last(monkeypatch, caplog):
    monkeypatch.setattr(version_comparison, "QUICK", -1.0)
    monkeypatch.setattr(version_comparison, "SHARE", 0)
    kept = Kept()
    kept.get(lambda: "first")
    assert kept.get(lambda: 1 / 0) == "first"
    until(lambda: "Counting failed" in caplog.text, "the warning")
    until(lambda: kept.get(lambda: "second") == "second", "the next try")


@pytest.mark.parametrize("scale", ["score_1_10", "pair"])
def test_rounds_are_counted_newest_first_and_the_rest_later(tmp_path, monkeypatch, scale):
    world = make_world(tmp_path / "home", prompts=4, k=2)
    store = world.store
    store.choose_scale(scale)
    publish_scored(store, world, scale)
    for _ in range(2):
        start_round(store, 4, 2)
        with store.writing() as connection:  # half of what is rated comes from the version before
            connection.exec_driver_sql(
                "UPDATE responses SET version_number = version_number - 1, stratum = 'control'"
                " WHERE slot % 2 = 1 AND round_number = (SELECT max(number) FROM rounds)"
            )
        publish_scored(store, world, scale)
    whole = Helped().of(store)
    assert set(whole) == {1, 2}
    assert whole[2] == version_gain(store.rated(3), 3)
    monkeypatch.setattr(version_comparison, "AT_ONCE", 0.0)
    slow = iter(range(1000))
    monkeypatch.setattr(version_comparison.time, "monotonic", lambda: float(next(slow) // 3))
    helped = Helped()
    seen = [set(helped.of(store)) for _ in range(6)]
    assert seen[-1] == {1, 2}
    assert seen == sorted(seen, key=len)
    store.close()


def publish_scored(store, world, scale):
    for turn in range(8):
        score = (2 + turn % 7) if scale == "score_1_10" else (-1, 0, 1)[turn % 3]
        rate_next(store, world.rater, float(score), scale=scale)
    publish(store)
