"""A tab that is open for nine hours, with ninety minutes of lunch: nothing is lost, and the next key works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import fake_worker
from tests.app.helpers import Live, send_rating, serving

HOUR = 3600.0


class Clock:
    """The server's time, which can be moved on."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._real = time.time

    def time(self) -> float:
        return self._real() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(time, "time", moved.time)
    return moved


@pytest.fixture
def live(tmp_path: Path, clock: Clock) -> Iterator[Live]:
    with serving(tmp_path) as made:
        fake_worker.generate(made.store, {"quota": 64, "overlap": 1})
        yield made


def test_a_day_of_work(live: Live, clock: Clock) -> None:
    ann = live.store.add_user("ann", "rater")
    with live.client(ann) as client:
        card = client.get("/api/card").json()["card"]
        for hour in (0.0, 2.0, 4.0, 5.5, 7.0, 9.0):  # half past five is after lunch
            clock.ahead = hour * HOUR
            said = send_rating(client, card, 7)
            assert said.status_code == 200, said.text
            assert (said.json()["saved"]["response_id"], said.json()["me"]["name"]) == (
                card["response_id"],
                "ann",
            )
            card = said.json()["card"]
            assert client.post("/api/heartbeat", json={"response_id": card["response_id"]}).json() == {
                "yours": True
            }
        assert client.get("/api/news").status_code == 200
        assert client.post("/api/undo", json={}).json()["undone"] is not None
    assert live.store.count_ratings() == 5


def test_a_card_that_went_to_somebody_else_at_lunch(live: Live, clock: Clock) -> None:
    """The page looks when somebody is back; a key before that is told, and the next one works."""
    ann, ben = (live.store.add_user(name, "rater") for name in ("ann", "ben"))
    with live.client(ann) as client, live.client(ben) as other:
        left = client.get("/api/card").json()["card"]
        clock.ahead = 1.5 * HOUR
        # Ben has rated everything that was free, the one that Ann left too
        card = other.get("/api/card").json()["card"]
        while card["response_id"] != left["response_id"]:
            card = send_rating(other, card, 3).json()["card"]
        send_rating(other, card, 3)
        late = send_rating(client, left, 7)
        assert late.status_code == 410
        fresh = client.get("/api/card").json()["card"]
        assert fresh["response_id"] != left["response_id"]
        assert send_rating(client, fresh, 7).status_code == 200
    assert live.store.count_beyond_overlap() == 0
