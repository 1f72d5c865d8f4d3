"""What is answered while the store cannot be used: 503 and a sentence, as JSON to scripts, as a page to people."""

from __future__ import annotations

import logging

from starlette.responses import HTMLResponse, JSONResponse, Response

from app.access import pages
from rater_data.errors import Unavailable

SERVER_UNAVAILABLE = "The server cannot read or write its data just now: try again in a moment."
"""Where the data is kept is nobody's business who is not signed in."""
PAGES = ("/", "/rate", "/operator")
PAGES_BELOW = ("/join/", "/sign-out")
RETRY = {"Retry-After": "2"}  # seconds
log = logging.getLogger(__name__)


def unavailable(method: str, path: str, root: str, error: Unavailable, status: int = 503) -> Response:
    """The answer to a request for which the store was needed; the log has what hinders it.

    `path` without the `root` under which people reach the server. Where the data is kept is nobody's business who is
    not signed in, so the answer does not say it.
    """
    below = next((start for start in PAGES_BELOW if path.startswith(start)), None)
    log.error("%s %s: %s", method, below or path, error)  # what follows is somebody's secret
    if below or (path.rstrip("/") or "/") in PAGES:
        return HTMLResponse(pages.unavailable(root, SERVER_UNAVAILABLE), 503, headers=RETRY)
    return JSONResponse({"error": SERVER_UNAVAILABLE}, status, headers=RETRY)
