"""The outermost layer: who may reach which path, where a POST may come from, and the headers of every answer.

Gradio opens many routes for every mount (uploads, file cache, proxy, run by name, monitoring …). Only those
its page needs are let through; each needs a signed-in user of the mount's role. The mounts' own
`auth_dependency` and the handlers check the role again.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access import pages
from app.access.auth import Guard
from app.access.public_address import PUBLIC, ROOT, PublicAddress, route_path
from app.access.same_origin import find_foreign_sign
from app.access.unavailable import unavailable
from rater_data.errors import Unavailable

SAFE_METHODS = ("GET", "HEAD")
GRADIO_GETS = re.compile(
    r"/(config|theme\.css|gradio_api/(info|startup-events|app_id|heartbeat/\w+)|(assets|static)/.+)?/?"
)
GRADIO_POSTS = re.compile(r"/gradio_api/run/\w+/?")
MAX_BODY = 200_000  # bytes
GRADIO_ASSETS = re.compile(r"^/(rate|operator)/assets/")
PUBLIC_ASSETS = re.compile(r"/(assets|static)/.+")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; frame-src 'none'; frame-ancestors {parents}; base-uri 'self'; "
    "form-action 'self'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": with that a browser sends "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


Observe = Callable[[Scope, int, float], None]
"""Told of every answer: the request, its status, and the seconds until its head was there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradioMount:
    """One Gradio page: the role it asks for, what its <head> gets, whether it has Python handlers."""

    role: str
    head: str
    has_handlers: bool


class SecurityMiddleware:
    def __init__(
        self,
        app: ASGIApp,
        guard: Guard,
        mounts: dict[str, GradioMount],
        address: PublicAddress,
        observe: Observe,
        frame_parent: str = "",
    ) -> None:
        """`mounts`: by path, without the slash at the end; `observe` is told of every answer; `frame_parent`: the site
        whose pages may show raters' pages in a frame."""
        self.app, self.guard, self.mounts = app, guard, mounts
        self.address, self.observe, self.frame_parent = address, observe, frame_parent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = self.address.rewrite(scope)
        nonce = secrets.token_urlsafe(16)
        send = add_headers(send, scope, nonce, self.observe, self.frame_parent)
        try:
            refusal = await self.find_refusal(scope)
        except Unavailable as error:  # of the store, which was asked who this is
            refusal = unavailable(scope["method"], route_path(scope), scope[ROOT], error)
        if refusal is not None:
            await refusal(scope, receive, send)
        elif (mount := route_path(scope).rstrip("/")) in self.mounts and scope["method"] == "GET":
            await send_gradio_page(self.app, scope, receive, send, nonce, self.mounts[mount].head)
        else:
            await self.app(scope, receive, send)

    async def find_refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that goes no further, or None."""
        method, path, root = scope["method"], route_path(scope), scope[ROOT]
        headers = Headers(scope=scope)
        if method not in SAFE_METHODS:
            # A script's token is no cookie: no other site can make a browser send it
            is_script = path.startswith("/api/") and "authorization" in headers
            if not is_script and (sign := find_foreign_sign(headers, scope[PUBLIC])) is not None:
                return refusal(headers, root, *sign)
            if not headers.get("content-length", "0").isdigit() or "transfer-encoding" in headers:
                return error_response("Send the request in one piece, with its length.", 411)
            if int(headers.get("content-length", "0")) > MAX_BODY:
                return error_response(f"The request is too long: {MAX_BODY} bytes is the most.", 413)
        mount = next((m for m in self.mounts if path == m or path.startswith(f"{m}/")), None)
        if mount is None:
            return None
        rest = path[len(mount) :]
        posts = GRADIO_POSTS if method == "POST" and self.mounts[mount].has_handlers else None
        allowed = GRADIO_GETS if method in SAFE_METHODS else posts
        if allowed is None or not allowed.fullmatch(rest or "/"):
            return error_response("There is nothing here.", 404)
        if PUBLIC_ASSETS.fullmatch(rest):
            return None
        user = await run_in_threadpool(self.guard.find_user, HTTPConnection(scope))
        is_page = rest in ("", "/")
        if user is None:
            return (
                RedirectResponse(f"{root}/sign-in", 303)
                if is_page
                else error_response("You are signed out.", 401)
            )
        if self.mounts[mount].role == "operator" and user.role != "operator":
            if is_page:
                return HTMLResponse(pages.operators_only(root, user.name), 403)
            return error_response("Only an operator may do this.", 403)
        if rest == "":  # Gradio's page has relative addresses
            return RedirectResponse(f"{root}{mount}/", 307)
        return None


def error_response(sentence: str, status: int) -> JSONResponse:
    return JSONResponse({"error": sentence}, status)


def refusal(headers: Headers, root: str, sentence: str, advice: str) -> Response:
    """A page where a browser's form asked, else JSON."""
    if "text/html" in headers.get("accept", ""):
        return HTMLResponse(pages.refused(root, sentence, advice), 403)
    return error_response(f"{sentence} {advice}", 403)


def add_headers(send: Send, scope: Scope, nonce: str, observe: Observe, frame_parent: str = "") -> Send:
    began = time.perf_counter()
    path = route_path(scope)
    # not the console: whoever could lay something over it would press its buttons with an operator's hand
    framed = frame_parent and not path.startswith("/operator")
    policy = CONTENT_SECURITY_POLICY.format(nonce=nonce, parents=frame_parent if framed else "'none'")

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]  # Gradio lets other sites in where the host is not localhost
            for name, value in HEADERS.items():
                headers[name] = value
            headers["Content-Security-Policy"] = policy
            if framed:
                del headers["X-Frame-Options"]  # it cannot name anybody
            if scope["scheme"] == "https":
                headers["Strict-Transport-Security"] = "max-age=31536000"
            seconds = time.perf_counter() - began
            observe(scope, message["status"], seconds)
            if path.startswith("/api/"):
                headers["Server-Timing"] = f"app;dur={1000 * seconds:.1f}"
            if GRADIO_ASSETS.search(path) and message["status"] == 200:
                headers["Cache-Control"] = "public, max-age=31536000, immutable"  # their names have a hash
            elif "cache-control" not in headers:
                headers["Cache-Control"] = "no-store"
        await send(message)

    return send_with_headers


FOREIGN_META = re.compile(rb'<meta\s+(property|name)="(og|twitter):[^>]*>|<link rel="manifest"[^>]*>')


async def send_gradio_page(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, nonce: str, head: str
) -> None:
    """Gradio's page with our styles in its head and without its pointers to other sites.

    Its own inline scripts are marked with the nonce; no other inline script ever runs.
    """
    scope = {**scope, "headers": [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]}
    start: Message = {}
    body = bytearray()

    async def collect(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        body.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        page = bytes(body)
        if b"text/html" in dict(start["headers"]).get(b"content-type", b""):
            page = FOREIGN_META.sub(b"", page).replace(b"<script", f'<script nonce="{nonce}"'.encode())
            page = page.replace(b"</head>", head.encode() + b"</head>", 1)
        MutableHeaders(scope=start)["content-length"] = str(len(page))
        await send(start)
        await send({"type": "http.response.body", "body": page})

    await app(scope, receive, collect)
