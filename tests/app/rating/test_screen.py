"""What the screen says while there is nothing to rate."""

from __future__ import annotations

from pathlib import Path

from tests import fake_worker
from tests.app.helpers import send_rating, serving


def test_a_round_that_was_stopped_is_not_said_to_be_rated(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {})
        with live.client(live.store.add_user("ann", "rater")) as client:
            assert send_rating(client, client.get("/api/card").json()["card"], 7).json()["card"] is not None
            live.store.start_training(1, "op")
            live.store.set_round_state(1, "training")
            live.store.set_round_state(1, "failed", decision="Out of memory.")
            screen = client.get("/api/card").json()
    assert screen["card"] is None and screen["title"] == "Round 1 was stopped"
    assert "until the operator decides" in screen["why"] and "rated all" not in screen["why"]


def test_who_waits_is_told_how_long(tmp_path: Path) -> None:
    with serving(tmp_path) as live:
        store = live.store
        fake_worker.generate(store, {"quota": 16, "overlap": 1})
        rater = store.add_user("ann", "rater")
        with live.client(rater) as client:
            card = client.get("/api/card").json()["card"]
            while card is not None:
                screen = send_rating(client, card, 7).json()
                card = screen["card"]
            assert screen["title"] == "You have rated everything" and screen["progress"]["left"] == ""
            store.start_training(1, "op")
            job = store.claim("fake")
            store.job_heartbeat(
                job.id, "fake", {"phase": "PPO on rollouts", "done": 2, "total": 6, "eta_s": 130}
            )
            screen = client.get("/api/card").json()
            assert screen["title"] == "Round 1 is being trained"
            assert screen["progress"] == {"done": 2, "total": 6, "left": "PPO on rollouts: about 2 min left"}


def test_a_failure_of_the_writer_is_not_said_to_be_writing(tmp_path: Path) -> None:
    with serving(tmp_path) as live, live.client(live.store.add_user("ann", "rater")) as client:
        store = live.store
        store.enqueue("generate", {})
        assert client.get("/api/card").json()["title"] == "The model is writing"
        store.fail(store.claim("fake").id, "fake", "The model does not fit.")
        screen = client.get("/api/card").json()
        assert screen["title"] == "The model has stopped writing" and "can start it again" in screen["why"]
        assert "does not fit" not in str(screen), "why is the operator's business"
        store.enqueue("generate", {})
        assert client.get("/api/card").json()["title"] == "The model is writing"
