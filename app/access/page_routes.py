"""The way in and out: the start page, sign in, personal links, sign out."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.access import pages
from app.access.auth import Guard, TooManyAttempts, client_address
from app.access.public_address import root_of
from rater_data.errors import NotYours
from rater_data.records import User


def page_routes(guard: Guard) -> APIRouter:
    router = APIRouter()

    def is_secure(request: Request) -> bool:
        # behind a TLS proxy that was not named, the page that posts still says where it came from
        return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")

    @router.get("/")
    def start(request: Request) -> Response:
        user = guard.find_user(request)
        if user is None:
            return RedirectResponse(f"{root_of(request)}/sign-in", 303)
        return RedirectResponse(first_page(request, user), 303)

    @router.get("/sign-in")
    def sign_in(request: Request) -> Response:
        return HTMLResponse(pages.sign_in(root_of(request)))

    @router.get("/join/{secret}")
    def join(request: Request, secret: str) -> Response:
        user = guard.find_user(request)
        return HTMLResponse(pages.join(root_of(request), user.name if user else None))

    @router.post("/join/{secret}")
    def redeem(request: Request, secret: str) -> Response:
        root = root_of(request)
        try:
            user = guard.redeem_link(secret, client_address(request))
        except TooManyAttempts as error:
            return HTMLResponse(pages.join_failed(root, str(error)), 429, headers={"Retry-After": "60"})
        except NotYours as error:
            return HTMLResponse(pages.join_failed(root, str(error)), 403)
        response = RedirectResponse(first_page(request, user), 303)
        guard.sign_in(response, user, root=root, secure=is_secure(request))
        return response

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        root = root_of(request)
        response = HTMLResponse(pages.signed_out(root, guard.sign_out_secret(request)))
        guard.sign_out(response, root=root, secure=is_secure(request))
        return response

    @router.post("/sign-out/{secret}")
    def sign_out_everywhere(request: Request, secret: str) -> Response:
        root = root_of(request)
        try:
            guard.sign_out_everywhere(secret)
        except NotYours as error:
            return HTMLResponse(pages.page(root, "Signed out here only", f"<p>{escape(str(error))}</p>"), 403)
        return HTMLResponse(pages.signed_out_everywhere(root))

    return router


def first_page(request: Request, user: User) -> str:
    """Where somebody begins who is signed in."""
    return f"{root_of(request)}/{'operator' if user.role == 'operator' else 'rate'}/"
