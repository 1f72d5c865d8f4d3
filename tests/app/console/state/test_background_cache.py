"""What is slow to compute runs in a thread, and a request gets the value from before meanwhile."""

import threading
import time

import pytest

from app.console.state import background_cache
from app.console.state.background_cache import BackgroundCache
from tests.app.helpers import wait_until


def test_what_is_quick_is_always_computed_anew():
    cache, numbers = BackgroundCache(-1), iter(range(9))
    assert [cache.get(lambda: next(numbers)) for _ in range(3)] == [0, 1, 2]


@pytest.fixture
def slow(monkeypatch):
    """Everything counts as slow, and is due again at once."""
    monkeypatch.setattr(background_cache, "QUICK", -1.0)
    monkeypatch.setattr(background_cache, "SHARE", 0)


def test_what_is_slow_is_computed_in_a_thread_and_once(slow):
    cache, go, started = BackgroundCache("none"), threading.Event(), []
    assert cache.get(lambda: "first") == "first"

    def compute():
        started.append(1)
        assert go.wait(30)
        return "second"

    assert [cache.get(compute) for _ in range(3)] == ["first"] * 3
    wait_until(lambda: started, "the computation")
    go.set()
    wait_until(lambda: cache.get(lambda: "third") != "first", "the second value")
    assert len(started) == 1


def test_a_request_does_not_wait_for_a_slow_first_value(monkeypatch):
    monkeypatch.setattr(background_cache, "FIRST_WAIT", 0.0)
    cache, go = BackgroundCache("none yet"), threading.Event()

    def compute():
        assert go.wait(30)
        return "first"

    assert [cache.get(compute) for _ in range(2)] == ["none yet"] * 2
    go.set()
    wait_until(lambda: cache.get(compute) == "first", "the first value")


def test_slow_work_takes_a_part_of_the_time_only(monkeypatch):
    monkeypatch.setattr(background_cache, "QUICK", -1.0)
    cache, numbers = BackgroundCache(-1), iter(range(9))

    def compute():
        time.sleep(0.05)
        return next(numbers)

    assert cache.get(compute) == 0
    assert {cache.get(compute) for _ in range(100)} == {0}, "its pause is twenty times as long as it took"


def test_a_computation_that_fails_leaves_the_last_value(slow, caplog):
    cache = BackgroundCache("none")
    cache.get(lambda: "first")
    assert cache.get(lambda: 1 / 0) == "first"
    wait_until(lambda: "Counting failed" in caplog.text, "the warning")
    wait_until(lambda: cache.get(lambda: "second") == "second", "the next try")
