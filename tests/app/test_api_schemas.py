"""What OpenAPI says of the JSON routes is what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app import api_schemas
from app.access import accounts
from app.round_schemas import RoundState
from rater_data.round_settings import QUESTIONS
from tests import fake_worker
from tests.app.helpers import Live, serving


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with serving(tmp_path) as server:
        fake_worker.generate(server.store, {"prompts": 6, "overlap": 20, "quota": 400})
        yield server


def bearer(live: Live, token: str) -> httpx.Client:
    return httpx.Client(base_url=live.url, headers={"Authorization": f"Bearer {token}"})


FILE_ROUTES = {"/api/export": 4, "/api/exports/{secret}/file": 4, "/api/versions/{number}/adapter": 1}
"""Routes that answer a file, and in how many forms."""


def test_every_answer_is_what_the_description_says(live: Live) -> None:
    """Models refuse what they do not name, so a field more or less in an answer fails here."""
    with (
        bearer(live, accounts.create_token(live.store, "op", "exact")) as bot,
        bearer(live, accounts.create_token(live.store, "op", "exact too", role="operator")) as script,
    ):
        live.store.set_setting(QUESTIONS, {"edits": True})
        openapi = script.get("/api/openapi.json").json()
        screen = api_schemas.Screen.model_validate(bot.get("/api/card").json())
        here = {"response_id": screen.card.response_id}
        assert api_schemas.Heartbeat.model_validate(bot.post("/api/heartbeat", json=here).json()).yours
        body = here | {"score": 7, "key": "exactly-this-one"}
        rated = api_schemas.Rated.model_validate(bot.post("/api/rate", json=body).json())
        wanted = {"response_id": screen.card.edits[0].response_id, "text": "Better.", "key": "its own key"}
        edit = api_schemas.EditSaved.model_validate(bot.post("/api/edits", json=wanted).json()).saved
        found = bot.get(f"/api/edits/{edit.response_id}").json()
        assert api_schemas.TextToEdit.model_validate(found).edit == edit
        recent = api_schemas.RecentList.model_validate(bot.get("/api/recent").json()).recent
        assert recent[0].edits[0].text == "Better."
        body = {"edit_id": edit.edit_id}
        api_schemas.EditTakenBack.model_validate(bot.post("/api/edits/take-back", json=body).json())
        assert recent[0].rating_id == rated.saved.rating_id
        change = {"rating_id": recent[0].rating_id, "score": 8}
        api_schemas.Revised.model_validate(bot.post("/api/revise", json=change).json())
        assert api_schemas.Undone.model_validate(bot.post("/api/undo", json=here).json()).undone.score == 8
        api_schemas.News.model_validate(bot.get("/api/news").json())
        api_schemas.Guidelines.model_validate(bot.get("/api/guidelines").json())
        RoundState.model_validate(script.get("/api/round").json())
        assert api_schemas.Versions.model_validate(script.get("/api/versions").json()).versions
        api_schemas.Link.model_validate(script.post("/api/invite", json={"name": "exact three"}).json())
        api_schemas.Token.model_validate(script.post("/api/token", json={"name": "exact four"}).json())
        begun = api_schemas.ExportStarted.model_validate(script.post("/api/exports").json())
        api_schemas.ExportState.model_validate(script.get(f"/api/exports/{begun.export}").json())
        for method, path in (("post", "/api/cancel"), ("post", "/api/rollback"), ("get", "/api/nothing")):
            refused = script.request(method, path, json={"to": 77} if "roll" in path else None)
            assert refused.status_code == 404
            api_schemas.Error.model_validate(refused.json())
    for path, methods in openapi["paths"].items():
        for responses in (operation["responses"] for operation in methods.values()):
            assert responses["422"]["content"]["application/json"]["schema"]["$ref"].endswith("/Error"), path
            if path in FILE_ROUTES:
                schemas = [kind["schema"] for kind in responses["200"]["content"].values()]
                assert schemas == [{"type": "string", "format": "binary"}] * FILE_ROUTES[path], path
            else:
                assert responses["200"]["content"]["application/json"]["schema"].keys() == {"$ref"}, path
