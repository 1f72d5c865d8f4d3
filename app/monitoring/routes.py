"""/livez, /healthz and /metrics. The first two are for everybody and say one word; numbers need a token."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from app.access.auth import Guard, SignedOut, client_address
from app.monitoring.health import OK, Health
from app.monitoring.metrics_token import is_metrics_token
from rater_data.store import Store


def monitoring_routes(store: Store, guard: Guard, registry: CollectorRegistry) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    health = Health(store)
    look_ups = ["GET", "HEAD"]

    @router.api_route("/livez", methods=look_ups, response_class=PlainTextResponse)
    async def alive() -> str:
        """The process answers. Asks nothing of the store: a database that is away is no reason to start anew."""
        return OK

    @router.api_route("/healthz", methods=look_ups, response_class=PlainTextResponse)
    def healthy() -> PlainTextResponse:
        word = health.word()
        return PlainTextResponse(word, 200 if word == OK else 503)

    @router.api_route("/metrics", methods=look_ups, response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        require_reader(request)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def require_reader(request: Request) -> None:
        """Lets the token of /metrics in, and signed-in operators. Raises SignedOut, WrongRole, TooManyAttempts."""
        authorization = request.headers.get("authorization")
        if authorization is None:
            guard.require_operator(request)
        elif not is_metrics_token(store.home, authorization):
            guard.throttle.record_failure(client_address(request))
            raise SignedOut("This is not the token of /metrics: `python -m app metrics-token` prints it.")

    return router
