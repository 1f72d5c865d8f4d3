"""The token that opens /metrics and nothing else: a file in the home folder, which Prometheus can read as it is.

It is no person's token: whoever has it sees numbers, and no name, text or rating. Read anew for each scrape, so a new
one holds at once.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from app.access.auth import load_secret

FILE_NAME = "metrics.token"


def load_metrics_token(home: Path, *, new: bool = False) -> str:
    """The token, made where there is none, or anew. Raises RateloopError for a damaged file."""
    path = home / FILE_NAME
    if new:
        path.unlink(missing_ok=True)
    return load_secret(path, "ask for another with `python -m app metrics-token`")


def is_metrics_token(home: Path, authorization: str) -> bool:
    """Whether a header Authorization brings the token; False where nobody has asked for one yet."""
    kind, _, given = authorization.partition(" ")
    path = home / FILE_NAME
    if kind.lower() != "bearer" or not path.is_file():
        return False
    return secrets.compare_digest(given.strip().encode(), path.read_text().strip().encode())
