"""The web server: FastAPI outside, the two Gradio pages mounted inside, one process, one port."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from html import escape

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from app.access import pages
from app.access.auth import Guard, TooMany, client_of, session_secret
from app.access.shield import Mount, Shield
from app.api import UNAVAILABLE, answer_errors, description_route, operator_routes, rater_routes
from app.exports.pending import Shelf
from app.exports.routes import export_routes
from app.settings import Settings
from app.static_files import STATIC, ImmutableFiles, static_version
from app.trainer.supervisor import Supervisor
from rater_data.errors import NotYours, Unavailable
from rater_data.store import Store

# Read by gradio when it is imported and when it mounts.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False", GRADIO_MCP_SERVER="False")

import gradio as gr

from app.console import console_page
from app.rating import rating_page

log = logging.getLogger(__name__)


def build(settings: Settings, store: Store, supervisor: Supervisor) -> Shield:
    """The whole application. `supervisor` is stopped when the application shuts down."""

    async def within_a_loop() -> Shield:
        return assemble(settings, store, supervisor)

    # Outside of a running loop, Gradio makes loops of its own and leaves them behind.
    return asyncio.run(within_a_loop())


def assemble(settings: Settings, store: Store, supervisor: Supervisor) -> Shield:
    shelf = Shelf()
    guard = Guard(store, session_secret(settings.home), settings.cookie_name)
    os.environ["GRADIO_TEMP_DIR"] = str(settings.home / "gradio")

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        shelf.close()
        supervisor.stop()

    app = FastAPI(title="Rateloop", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life)
    answer_errors(app)
    app.include_router(rater_routes(store, guard, supervisor))
    app.include_router(operator_routes(store, guard, supervisor, settings.url))
    app.include_router(export_routes(store, guard, shelf))
    app.include_router(description_route(app, guard))
    add_pages(app, guard)
    version = static_version()
    app.mount(f"/static/{version}", ImmutableFiles(directory=STATIC))
    app.mount("/static", StaticFiles(directory=STATIC))
    mount(app, rating_page.build(version, store.scale()), "/rate", guard.rater_name)
    mount(app, console_page.build(store, guard, supervisor), "/operator", guard.operator_name)
    mounts = {
        "/rate": Mount(role="rater", head=rating_page.head(version), handlers=False),
        "/operator": Mount(role="operator", head=console_page.head(version), handlers=True),
    }
    return Shield(app, guard, mounts)


def mount(app: FastAPI, blocks: gr.Blocks, path: str, who: Callable) -> None:
    gr.mount_gradio_app(
        app,
        blocks,
        path,
        auth_dependency=who,
        theme=theme(),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        allowed_paths=[],
    )
    # Gradio looks into its queue a thousand times a second, for ever; no event of ours goes through it (queue=False,
    # and the shield lets nobody in), but the looking took a tenth of a core from the raters' requests
    blocks._queue.sleep_when_free = blocks._queue.progress_update_sleep_when_free = 1.0


def theme() -> gr.themes.Base:
    """Gradio's plain theme with the system's own letters: nothing is fetched."""
    return gr.themes.Base(
        primary_hue="indigo",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def add_pages(app: FastAPI, guard: Guard) -> None:
    def secure(request: Request) -> bool:
        # behind a TLS proxy that was not named, the page that posts still says where it came from
        return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")

    @app.get("/")
    def start(request: Request) -> Response:
        user = guard.user(request)
        if user is None:
            return RedirectResponse("/sign-in", 303)
        return RedirectResponse("/operator/" if user.role == "operator" else "/rate/", 303)

    @app.get("/sign-in")
    def sign_in() -> Response:
        return HTMLResponse(pages.sign_in())

    @app.get("/join/{secret}")
    def join(request: Request, secret: str) -> Response:
        user = guard.user(request)
        return HTMLResponse(pages.join(user.name if user else None))

    @app.post("/join/{secret}")
    def redeem(request: Request, secret: str) -> Response:
        try:
            user = guard.redeem(secret, client_of(request))
        except TooMany as error:
            return HTMLResponse(pages.join_failed(str(error)), 429, headers={"Retry-After": "60"})
        except NotYours as error:
            return HTMLResponse(pages.join_failed(str(error)), 403)
        except Unavailable as error:
            log.error("%s /join: %s", request.method, error)
            return HTMLResponse(pages.trouble(UNAVAILABLE), 503, headers={"Retry-After": "2"})
        response = RedirectResponse("/operator/" if user.role == "operator" else "/rate/", 303)
        guard.sign_in(response, user, secure=secure(request))
        return response

    @app.post("/sign-out")
    def sign_out(request: Request) -> Response:
        response = HTMLResponse(pages.signed_out(guard.leave(request)))
        guard.sign_out(response, secure=secure(request))
        return response

    @app.post("/sign-out/{secret}")
    def sign_out_everywhere(secret: str) -> Response:
        try:
            guard.sign_out_everywhere(secret)
        except NotYours as error:
            return HTMLResponse(pages.page("Signed out here only", f"<p>{escape(str(error))}</p>"), 403)
        return HTMLResponse(pages.signed_out_everywhere())


def run(app: Shield, server_socket: socket.socket, settings: Settings, on_ready: Callable[[], None]) -> None:
    """Serve until stopped; `on_ready` is called once the port answers."""
    server = make_server(app, settings.proxy)

    def begin() -> None:
        pause = threading.Event()
        while not server.started:
            if server.should_exit or pause.wait(0.02):
                return
        on_ready()
        warm_up(app.guard, settings.url)

    threading.Thread(target=begin, name="first requests", daemon=True).start()
    server.run(sockets=[server_socket])


def make_server(app: ASGIApp, proxy: str = "") -> uvicorn.Server:
    """Believes X-Forwarded-… headers, who asks and over what, of the proxies named and of nobody else."""
    # One worker, always: Gradio keeps its sessions in memory and the store has one writer.
    config = uvicorn.Config(
        app,
        log_level="warning",
        workers=1,
        server_header=False,
        timeout_graceful_shutdown=3,
        ws="none",
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or [],
    )
    return uvicorn.Server(config)


def warm_up(guard: Guard, url: str) -> None:
    """Make the first, slow requests ourselves: templates are compiled and what statistics need is loaded by then."""
    operators = [user for user in guard.store.users() if user.role == "operator" and user.active]
    if not operators:
        return
    cookies = {guard.cookie_name: guard.session(operators[0])}
    with (
        contextlib.suppress(httpx.HTTPError),
        httpx.Client(
            base_url=url, headers={"Origin": url}, cookies=cookies, trust_env=False, timeout=60
        ) as client,
    ):
        for path in ("/rate/", "/operator/"):
            client.get(path)
        handlers = client.get("/operator/config").json()["dependencies"]
        first = next(handler["id"] for handler in handlers if handler["api_name"] == "tick")
        tick = {"data": ["{}", None, None], "fn_index": first, "session_hash": "first"}
        client.post("/operator/gradio_api/run/tick", json=tick)
