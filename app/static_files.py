"""Scripts and styles of our own: where they are, and addresses that change with them, so that browsers keep them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"
ICON_LINK = '<link rel="icon" href="../static/mark.svg" type="image/svg+xml">'


def static_version() -> str:
    """Changes when a static file does."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def stylesheet_links(version: str, page: str) -> str:
    """The icon and the style sheets of a Gradio page, whose own sheet is `page`.css.

    Addresses are relative to the page, which does not know under which path people reach the server.
    """
    sheets = [f"../static/{version}/{name}.css" for name in ("base", "gradio", page)]
    return ICON_LINK + "".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in sheets)


class ImmutableFiles(StaticFiles):
    """Files whose address has their version in it."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
