"""Whether a request that changes something comes from a page of ours, and if not, what says so."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers

REFUSED = "This request came from another site, so it was refused."


def find_foreign_sign(headers: Headers, public_url: str = "") -> tuple[str, str] | None:
    """Why a request is refused and what to do about it; None for one from a page of ours.

    A browser says so itself in Sec-Fetch-Site, which no page can set and no proxy's Host can spoil; browsers leave it
    out over plain HTTP, and old ones always. Then Origin, which a browser sends with every POST, has to be the
    server's own address: `public_url`, or what Host says.
    """
    site, origin, host = (headers.get(name, "") for name in ("sec-fetch-site", "origin", "host"))
    if site:
        if site == "same-origin":
            return None
        return (
            REFUSED,
            f"Your browser calls it {site} (Sec-Fetch-Site). Open the page anew, and try again from there.",
        )
    if not origin:
        return (
            "This request does not say which page it came from, so it was refused.",
            "The header Origin is missing. A proxy in front has to pass it on; a script sends a token instead "
            "(Authorization: Bearer …, to the routes under /api).",
        )
    page = origin.partition("://")[2]
    if page and page in (host, urlsplit(public_url).netloc):
        return None
    said = f"Host says {host}" if host else "the header Host is missing"
    return REFUSED, (
        f"The page is at {origin} (Origin), and {said}: these do not agree. If you came here from Rateloop itself, a "
        "proxy in front changes Host or leaves out its port. Whoever runs it passes Host on as it is, or starts the "
        f"server with --public-url and the address that people use ({origin} and what follows)."
    )
