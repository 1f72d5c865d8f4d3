"""What a database can hold: checks that records use when they are built (each raises BadInput with a sentence), and
values made fit for it; and what an operator names: the address of a server, an experiment tracker."""

import importlib.util
import math
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from rater_data.errors import BadInput

TRACKERS = {
    "trackio": "trackio==0.43.0",
    "tensorboard": "tensorboard==2.21.0",
    "wandb": "wandb==0.31.0",
    "mlflow": "mlflow==3.17.2",
}
"""Experiment trackers, each with what pip installs for it."""
LARGEST_INT = 2**63 - 1  # what a database integer holds
LONGEST_QUOTE = 80  # characters
LATEST_SECOND = 253_402_300_799  # the end of the year 9999


def one_of(what: str, value: object, allowed: Collection[str]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise BadInput(f"{what} has to be one of {', '.join(allowed)}, not {quoted(value)}.")


def text(what: str, value: object, *, empty: bool = True) -> None:
    """Text that a database can hold: NUL ends a string in PostgreSQL, and lone surrogates are no UTF-8."""
    if not isinstance(value, str):
        raise BadInput(f"{what} has to be text, not {type(value).__name__}.")
    if not empty and not value.strip():
        raise BadInput(f"{what} is empty.")
    if "\0" in value:
        raise BadInput(f"{what} holds a NUL character, which cannot be kept.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadInput(f"{what} holds half of a character pair, which cannot be kept as UTF-8.") from None


def storable_text(value: str) -> str:
    """The text with what a database cannot hold replaced: for what nobody is there to correct."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def quoted(value: object) -> str:
    """A value as a sentence quotes it: never longer than a line, and whatever Python can hold."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits; nested too deep
        return f"a {type(value).__name__} that is too long"
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def is_number(value: object) -> bool:
    """Whether it is a number that a database can hold: finite, not true or false."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= LARGEST_INT if isinstance(value, int) else math.isfinite(value)


def whole(what: str, value: object, low: int = 0, high: int = LARGEST_INT) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{what} has to be a whole number, not {quoted(value)}.")
    if value < low:
        raise BadInput(f"{what} has to be at least {low}, not {quoted(value)}.")
    if value > high:
        raise BadInput(f"{what} has to be at most {high}, not {quoted(value)}.")


def number(what: str, value: object, low: float = -math.inf, high: float = math.inf) -> None:
    if not is_number(value) or not isinstance(value, int | float):
        raise BadInput(f"{what} has to be a finite number, not {quoted(value)}.")
    if not low <= value <= high:
        at_least, at_most = f"at least {low:g}", f"at most {high:g}"
        both = f"between {low:g} and {high:g}"
        wanted = at_most if low == -math.inf else at_least if high == math.inf else both
        raise BadInput(f"{what} has to be {wanted}, not {value:g}.")


def seconds(what: str, value: object) -> None:
    """A time as UTC epoch seconds. The bound catches milliseconds, which would lie in the far future."""
    number(f"{what}, in seconds since 1970,", value)
    if isinstance(value, int | float) and not 0 <= value <= LATEST_SECOND:
        raise BadInput(
            f"{what}, in seconds since 1970, has to lie from 1970 to the year 9999, not at {value:g}."
        )


def to_json_value(value: Any) -> Any:
    """The value as JSON can hold it: numbers that are not finite become null, numpy scalars plain numbers."""
    if isinstance(value, dict):
        return {str(k): to_json_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, str | int | float | bool):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def server_address(what: str, value: str, key_variable: str) -> str:
    """`http://host:8000`, however it was written (`…/`, `…/v1`). A key or password belongs into `key_variable`."""
    wrong = BadInput(f"{what} has to be like http://127.0.0.1:8000, not {quoted(value)}.")
    try:
        parts = urlsplit(value.strip())
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        raise wrong from None
    if "@" in parts.netloc:  # not shown again: it holds what nobody should read
        raise BadInput(f"{what} must hold no key or password: put it into {key_variable}.")
    if not known or parts.query or parts.fragment or not value.isascii() or " " in value.strip():
        raise wrong
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1')}"


def tracker(kind: str) -> None:
    """Raises BadInput for what is no experiment tracker that is known, or one that is not installed."""
    if kind not in TRACKERS:
        raise BadInput(f"--track is one of {', '.join(TRACKERS)}, or left out, not {quoted(kind)}.")
    found = importlib.util.find_spec(kind)
    # without an origin it is no package, but a folder of that name where the program was started
    if found is None or found.origin is None:
        raise BadInput(
            f"--track {kind} needs {kind}, which is not installed: pip install {TRACKERS[kind]} into this environment."
        )
