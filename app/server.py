"""The web server: FastAPI outside, the two Gradio pages mounted inside, one process, one port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import uvicorn
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry, ProcessCollector
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from app.access.auth import Guard, load_session_secret
from app.access.page_routes import page_routes
from app.access.public_address import PublicAddress
from app.access.security_middleware import GradioMount, SecurityMiddleware
from app.api import openapi_route, operator_routes, rater_routes
from app.api_errors import add_error_handlers
from app.exports.adapters import adapter_routes
from app.exports.pending_exports import PendingExports
from app.exports.routes import export_routes
from app.monitoring.request_times import RequestTimes
from app.monitoring.routes import monitoring_routes
from app.monitoring.store_metrics import StoreMetrics
from app.settings import Settings
from app.static_files import STATIC, ImmutableFiles, static_version
from app.trainer.supervisor import Supervisor
from rater_data.artifacts.artifacts import Artifacts
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.store import Store

# Read by gradio when it is imported and when it mounts.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False", GRADIO_MCP_SERVER="False")

import gradio as gr

from app.console import console_page
from app.console.state.round_verdicts import RoundVerdicts
from app.rating import rating_page


def build_app(
    settings: Settings, store: Store, supervisor: Supervisor, artifacts: Artifacts | None = None
) -> SecurityMiddleware:
    """The whole application. `supervisor` is stopped when the application shuts down.

    `artifacts`: where versions are kept, in the home by default.
    """

    async def build_in_loop() -> SecurityMiddleware:
        return _build_app(settings, store, supervisor, artifacts or FolderArtifacts(settings.home))

    # Outside of a running loop, Gradio makes loops of its own and leaves them behind.
    return asyncio.run(build_in_loop())


def _build_app(
    settings: Settings, store: Store, supervisor: Supervisor, artifacts: Artifacts
) -> SecurityMiddleware:
    pending_exports = PendingExports()
    verdicts = RoundVerdicts()
    framed = bool(settings.frame_parent)
    guard = Guard(store, load_session_secret(settings.home), settings.cookie_name, framed=framed)
    os.environ["GRADIO_TEMP_DIR"] = str(settings.home / "gradio")

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        pending_exports.close()
        supervisor.stop()

    app = FastAPI(title="Rateloop", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    add_error_handlers(app)
    app.include_router(rater_routes(store, guard, supervisor))
    app.include_router(operator_routes(store, guard, supervisor, verdicts))
    app.include_router(export_routes(store, guard, pending_exports))
    app.include_router(adapter_routes(store, artifacts, guard))
    app.include_router(openapi_route(app, guard))
    app.include_router(page_routes(guard))
    registry = CollectorRegistry()
    registry.register(StoreMetrics(store, supervisor))
    ProcessCollector(registry=registry)  # memory, CPU time and open files of this process
    app.include_router(monitoring_routes(store, guard, registry))
    version = static_version()
    app.mount(f"/static/{version}", ImmutableFiles(directory=STATIC))
    app.mount("/static", StaticFiles(directory=STATIC))
    mount_gradio(app, rating_page.build_page(version, store.scale()), "/rate", guard.rater_name)
    mount_gradio(
        app, console_page.build(store, guard, supervisor, verdicts), "/operator", guard.operator_name
    )
    mounts = {
        "/rate": GradioMount(role="rater", head=rating_page.head_html(version), has_handlers=False),
        "/operator": GradioMount(role="operator", head=console_page.head(version), has_handlers=True),
    }
    observe = RequestTimes(registry).observe
    return SecurityMiddleware(app, guard, mounts, PublicAddress(settings), observe, settings.frame_parent)


def mount_gradio(
    app: FastAPI, blocks: gr.Blocks, path: str, user_name: Callable[[Request], Awaitable[str | None]]
) -> None:
    gr.mount_gradio_app(
        app,
        blocks,
        path,
        auth_dependency=user_name,
        theme=plain_theme(),
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
    # Gradio polls its queue a thousand times a second, for ever; no event of ours goes through it (queue=False, and
    # the middleware lets nobody in), but the polling took a tenth of a core from the raters' requests
    blocks._queue.sleep_when_free = blocks._queue.progress_update_sleep_when_free = 1.0


def plain_theme() -> gr.themes.Base:
    """Gradio's plain theme with the system's own letters: nothing is fetched."""
    return gr.themes.Base(
        primary_hue="indigo",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def serve(
    app: SecurityMiddleware, server_socket: socket.socket, settings: Settings, on_ready: Callable[[], None]
) -> None:
    """Serve until stopped; `on_ready` is called once the port answers."""
    server = make_server(app)

    def make_first_requests() -> None:
        pause = threading.Event()
        while not server.started:
            if server.should_exit or pause.wait(0.02):
                return
        on_ready()
        warm_up(app.guard, settings.url)

    threading.Thread(target=make_first_requests, name="first requests", daemon=True).start()
    server.run(sockets=[server_socket])


def make_server(app: ASGIApp) -> uvicorn.Server:
    # One worker, always: Gradio keeps its sessions in memory and the store has one writer.
    config = uvicorn.Config(
        app,
        log_level="warning",
        workers=1,
        server_header=False,
        timeout_graceful_shutdown=3,
        ws="none",
        proxy_headers=False,  # app/access/public_address.py reads them, all of them and of named proxies alone
    )
    return uvicorn.Server(config)


def warm_up(guard: Guard, url: str) -> None:
    """Make the first, slow requests ourselves: templates are compiled and what statistics need is loaded by then."""
    operators = [user for user in guard.store.users() if user.role == "operator" and user.active]
    if not operators:
        return
    cookies = {guard.cookie_name: guard.session_cookie(operators[0])}
    with (
        contextlib.suppress(httpx.HTTPError),
        httpx.Client(
            base_url=url, headers={"Origin": url}, cookies=cookies, trust_env=False, timeout=60
        ) as client,
    ):
        for path in ("/rate/", "/operator/"):
            client.get(path)
        handlers = client.get("/operator/config").json()["dependencies"]
        tick_id = next(handler["id"] for handler in handlers if handler["api_name"] == "tick")
        tick = {"data": ["{}", None, None], "fn_index": tick_id, "session_hash": "first"}
        client.post("/operator/gradio_api/run/tick", json=tick)
