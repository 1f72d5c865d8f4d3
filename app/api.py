"""The JSON routes. The rating card uses the same ones as any script; each checks who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr
from starlette.responses import JSONResponse

from app import api_schemas
from app.access import accounts
from app.access.auth import Guard, SignedOut
from app.access.public_address import address_of, root_of
from app.api_schemas import PathId, json_responses
from app.console.state import actions
from app.console.state.round_verdicts import RoundVerdicts, judgement_as_json
from app.console.state.version_list import versions_as_json
from app.rating import better_answers, decisions, history, screen
from app.round_schemas import RoundState
from app.safe_html import render_markdown
from app.trainer.supervisor import Supervisor
from rater_data.names import LONGEST_INVITED_NAME
from rater_data.overview.round_overview import overview_as_json
from rater_data.records import LONGEST_EDIT, User
from rater_data.store import Store

Id = Annotated[StrictInt, Field(ge=0, le=2**53)]
Key = Annotated[StrictStr, Field(min_length=8, max_length=80)]
ActiveMs = Annotated[StrictInt, Field(ge=0, le=2**53)]
Score = StrictInt | StrictFloat | None
Comment = Annotated[StrictStr, Field(max_length=4000)]
Verdict = Annotated[StrictStr, Field(max_length=40)]
Flags = Annotated[list[Annotated[StrictStr, Field(max_length=40)]], Field(max_length=16)]
Attributes = Annotated[dict[Annotated[StrictStr, Field(max_length=40)], StrictInt], Field(max_length=16)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PageBody(Body):
    """Whom the page was for when the request was made. Refused where somebody else is signed in by now."""

    home: Annotated[StrictStr, Field(max_length=80)] | None = None
    user_id: Id | None = None


class RateBody(PageBody):
    response_id: Id
    score: Score = None
    verdict: Verdict = "rated"
    key: Key
    active_ms: ActiveMs = 0
    position: Annotated[StrictInt, Field(ge=1, le=10_000)] = 1
    shown_at: Annotated[StrictInt | StrictFloat, Field(ge=0)] | None = None
    comment: Comment = ""
    flags: Flags = []
    attributes: Attributes = {}
    guideline_version: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)] | None = None


class UndoBody(PageBody):
    response_id: Id | None = None


class EditBody(PageBody):
    response_id: Id
    text: Annotated[StrictStr, Field(max_length=LONGEST_EDIT)]
    key: Key
    active_ms: ActiveMs = 0
    replaces: Id | None = None


class TakeBackBody(PageBody):
    edit_id: Id


class CardBody(Body):
    response_id: Id


class ReviseBody(Body):
    rating_id: Id
    score: Score = None
    verdict: Verdict = "rated"
    comment: Comment | None = None
    flags: Flags | None = None
    attributes: Attributes | None = None


class TrainBody(Body):
    override: StrictBool = False


class RollBackBody(Body):
    to: Id


class InviteBody(Body):
    name: Annotated[StrictStr, Field(min_length=1, max_length=LONGEST_INVITED_NAME)]
    operator: StrictBool = False

    @property
    def role(self) -> str:
        return "operator" if self.operator else "rater"


class TokenBody(InviteBody):
    days: StrictInt | StrictFloat = accounts.DEFAULT_TOKEN_DAYS


def rater_routes(store: Store, guard: Guard, supervisor: Supervisor) -> APIRouter:
    router = APIRouter(prefix="/api")
    rater = Depends(guard.require_rater)

    home = screen.load_home_id(store)

    def current_screen(user: User) -> dict[str, Any]:
        return screen.build_screen(store, user, supervisor.status.is_down) | {"home": home}

    def check_same_person(body: PageBody, user: User) -> None:
        if body.user_id not in (None, user.id) or body.home not in (None, home):
            raise SignedOut("Somebody else is signed in by now: this was not sent as theirs.")

    @router.get("/card", response_model=None, responses=json_responses(api_schemas.Screen))
    def card(user: User = rater) -> dict[str, Any]:
        return current_screen(user)

    @router.post("/rate", response_model=None, responses=json_responses(api_schemas.Rated, 404, 409, 410))
    def rate(body: RateBody, user: User = rater) -> JSONResponse:
        check_same_person(body, user)
        fields = body.model_dump(exclude={"flags", "home", "user_id"})
        decision = decisions.Decision(**fields, flags=tuple(body.flags))
        saved, next_card = decisions.submit(store, user, decision)
        next_screen = screen.build_screen_with(store, user, next_card, supervisor.status.is_down)
        # made here: FastAPI would first go through all of it, looking for what is no JSON
        return JSONResponse(next_screen | {"home": home, "saved": saved})

    @router.post("/undo", response_model=None, responses=json_responses(api_schemas.Undone))
    def undo(body: UndoBody | None = None, user: User = rater) -> dict[str, Any]:
        body = body or UndoBody()
        check_same_person(body, user)
        undone = decisions.undo(store, user, body.response_id)
        return current_screen(user) | {"undone": undone}

    @router.post("/heartbeat", response_model=None, responses=json_responses(api_schemas.Heartbeat))
    def heartbeat(body: CardBody, user: User = rater) -> dict[str, Any]:
        return {"yours": decisions.extend_lease(store, user, body.response_id)}

    @router.get("/recent", response_model=None, responses=json_responses(api_schemas.RecentList))
    def recent(user: User = rater) -> dict[str, Any]:
        return {"recent": history.recent_ratings(store, user)}

    @router.post("/revise", response_model=None, responses=json_responses(api_schemas.Revised, 404))
    def revise(body: ReviseBody, user: User = rater) -> dict[str, Any]:
        return {"saved": decisions.revise(store, user, decisions.Revision(**body.model_dump()))}

    edit_routes(router, store, rater, check_same_person)

    @router.get("/news", response_model=None, responses=json_responses(api_schemas.News))
    def news(user: User = rater) -> dict[str, Any]:
        return {
            "news": screen.version_news(store, user),
            "consistency": history.consistency_sentence(store, user),
        }

    @router.get("/guidelines", response_model=None, responses=json_responses(api_schemas.Guidelines))
    def guidelines(user: User = rater) -> dict[str, Any]:
        version, text = store.guideline()
        return {"version": version, "text": text, "html": render_markdown(text)}

    return router


def edit_routes(
    router: APIRouter, store: Store, rater: Any, check_same_person: Callable[[PageBody, User], None]
) -> None:
    """Better answers: what the editor begins with, saving one, taking it back."""

    @router.get(
        "/edits/{response_id}", response_model=None, responses=json_responses(api_schemas.TextToEdit, 404)
    )
    def text_to_edit(response_id: PathId, user: User = rater) -> dict[str, Any]:
        return better_answers.text_to_edit(store, user, response_id)

    @router.post("/edits", response_model=None, responses=json_responses(api_schemas.EditSaved, 404, 409))
    def save_edit(body: EditBody, user: User = rater) -> dict[str, Any]:
        check_same_person(body, user)
        draft = better_answers.Draft(**body.model_dump(exclude={"home", "user_id"}))
        return {"saved": better_answers.save(store, user, draft)}

    @router.post(
        "/edits/take-back", response_model=None, responses=json_responses(api_schemas.EditTakenBack, 404)
    )
    def take_back_edit(body: TakeBackBody, user: User = rater) -> dict[str, Any]:
        check_same_person(body, user)
        store.take_back_edit(body.edit_id, user.id)
        return {"taken_back": body.edit_id}


def operator_routes(store: Store, guard: Guard, supervisor: Supervisor, verdicts: RoundVerdicts) -> APIRouter:
    router = APIRouter(prefix="/api")
    operator = Depends(guard.require_operator)

    def current_state() -> dict[str, Any]:
        judgement = judgement_as_json(verdicts.read(store), store.scale())
        return overview_as_json(store, supervisor.status) | judgement

    @router.get("/round", response_model=None, responses=json_responses(RoundState))
    def round_(user: User = operator) -> dict[str, Any]:
        return current_state()

    @router.post("/train", response_model=None, responses=json_responses(RoundState, 409))
    def train(body: TrainBody, user: User = operator) -> dict[str, Any]:
        actions.train(store, user, override=body.override)
        return current_state()

    @router.post("/cancel", response_model=None, responses=json_responses(RoundState, 404))
    def cancel(user: User = operator) -> dict[str, Any]:
        actions.cancel_training(store, user)
        return current_state()

    @router.post("/rollback", response_model=None, responses=json_responses(RoundState, 404, 409))
    def roll_back(body: RollBackBody, user: User = operator) -> dict[str, Any]:
        actions.roll_back(store, user, body.to)
        return current_state()

    @router.post("/invite", response_model=None, responses=json_responses(api_schemas.Link))
    def invite(body: InviteBody, request: Request, user: User = operator) -> dict[str, Any]:
        return {"link": accounts.invite(store, user.name, body.name, address_of(request), body.role)}

    @router.post("/token", response_model=None, responses=json_responses(api_schemas.Token, 409))
    def token(body: TokenBody, user: User = operator) -> dict[str, Any]:
        return {"token": accounts.create_token(store, user.name, body.name, role=body.role, days=body.days)}

    @router.get("/versions", response_model=None, responses=json_responses(api_schemas.Versions))
    def versions(user: User = operator) -> dict[str, Any]:
        return {"versions": versions_as_json(store)}

    return router


def openapi_route(app: FastAPI, guard: Guard) -> APIRouter:
    """What the JSON routes take and give, in OpenAPI, for those who may call them."""
    router = APIRouter(prefix="/api", include_in_schema=False)
    rater = Depends(guard.require_rater)

    @router.get("/openapi.json")
    def openapi(request: Request, user: User = rater) -> dict[str, Any]:
        schema = app.openapi() | {"servers": [{"url": root_of(request) or "/"}]}
        schema["paths"] = {path: item for path, item in schema["paths"].items() if path.startswith("/api/")}
        schema["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"token": []}]
        return schema

    return router
