"""Errors as JSON: each one that a person can cause is a sentence with a fitting status."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from app.access.auth import SignedOut, TooManyAttempts, WrongRole
from app.access.public_address import root_of, route_path
from app.access.unavailable import unavailable
from rater_data import errors

STATUS_OF = {
    SignedOut: 401,
    WrongRole: 403,
    TooManyAttempts: 429,
    errors.BadInput: 422,
    errors.NotYours: 403,
    errors.LeaseExpired: 410,
    errors.AlreadyRated: 409,
    errors.Busy: 409,
    errors.Refused: 409,
    errors.Missing: 404,
    errors.Unavailable: 503,
    errors.DiskFull: 507,
}


def add_error_handlers(app: FastAPI) -> None:
    """Every error becomes {"error": a sentence}; a page that cannot be made just now stays a page."""

    @app.exception_handler(errors.RateloopError)
    def on_rateloop_error(request: Request, error: errors.RateloopError) -> Response:
        status = next((STATUS_OF[cls] for cls in type(error).__mro__ if cls in STATUS_OF), 400)
        if isinstance(error, errors.Unavailable):
            return unavailable(request.method, route_path(request.scope), root_of(request), error, status)
        return JSONResponse({"error": str(error)}, status)

    @app.exception_handler(HTTPException)
    def on_http_error(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(
            {"error": f"{error.detail}: {request.url.path}."}, error.status_code, error.headers
        )

    @app.exception_handler(RequestValidationError)
    def on_invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part not in ("body", "int", "float"))
        return JSONResponse(
            {"error": f"The request is not right at {place or 'its body'}: {first['msg']}."}, 422
        )

    @app.exception_handler(Exception)
    def on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": "The server met an error of its own; it is in the server's log."}, 500)
