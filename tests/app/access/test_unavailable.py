"""While the database is away: a calm sentence with 503 everywhere, and everything as it was when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.access.unavailable import RETRY, SERVER_UNAVAILABLE
from rater_data.errors import Away
from rater_data.store import Store
from tests import fake_worker
from tests.app.helpers import send_rating, serving

PAGES = ("/", "/rate/", "/operator/", "/join/a-secret")
JSON = ("/api/card", "/api/round", "/rate/config")


def test_people_get_a_page_and_scripts_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_store: Store) -> None:
        raise Away("The database at postgresql://secret.example went away.")

    with serving(tmp_path) as live:
        fake_worker.generate(live.store, {})
        with live.client(live.store.add_user("op", "operator")) as client:
            card = client.get("/api/card").json()["card"]
            with monkeypatch.context() as patched:
                patched.setattr(Store, "reading", away)
                patched.setattr(Store, "writing", away)
                answers = {path: client.get(path) for path in PAGES + JSON}
                answers["/api/rate"] = send_rating(client, card, 5)
                tick = {"data": ["{}", None, None], "session_hash": "x"}
                answers["a tick"] = client.post("/operator/gradio_api/run/tick", json=tick)
            for path, answer in answers.items():
                assert (path, answer.status_code) == (path, 503)
                assert answer.headers["retry-after"] == RETRY["Retry-After"]
                assert SERVER_UNAVAILABLE in answer.text
                assert "secret.example" not in answer.text
                assert answer.headers["content-type"].startswith("text/html") == (path in PAGES)
            assert "secret.example" in caplog.text
            assert "a-secret" not in caplog.text, "a link's secret is in no log"
            assert send_rating(client, card, 5).status_code == 200
