"""An answer is kept for a moment, and asked anew by one thread at a time."""

import threading

import pytest

from rater_data.store.database.recent_answers import RecentAnswers


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_an_answer_is_kept_for_a_moment_and_each_question_has_its_own():
    clock, asked = Clock(), []
    recent = RecentAnswers(1.0, clock)

    def ask(name):
        return recent.get(name, lambda: asked.append(name) or len(asked))

    assert [ask("a"), ask("a"), ask("b")] == [1, 1, 2]
    clock.now += 0.9
    assert ask("a") == 1
    clock.now += 0.2
    assert [ask("a"), ask("b"), ask("a")] == [3, 4, 3]


def test_others_take_the_old_answer_while_one_asks():
    clock = Clock()
    recent = RecentAnswers(1.0, clock)
    recent.get("a", lambda: "old")
    clock.now += 2
    begun, go = threading.Event(), threading.Event()

    def slowly():
        begun.set()
        assert go.wait(30)
        return "new"

    found = []
    thread = threading.Thread(target=lambda: found.append(recent.get("a", slowly)))
    thread.start()
    assert begun.wait(30)
    assert recent.get("a", lambda: pytest.fail("asked twice")) == "old"
    go.set()
    thread.join()
    assert found == ["new"] and recent.get("a", lambda: pytest.fail("asked again")) == "new"


def test_a_question_that_fails_is_asked_again():
    recent = RecentAnswers(1.0, Clock())
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 / 0)
    assert recent.get("a", lambda: 5) == 5
