"""Times and sentences as people read them: raters and operators the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

MIN_HOURLY_RATINGS = 5
"""Ratings in the last hour from which a time to the quota is worth saying."""


def format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 5400:
        return f"about {round(seconds / 60)} min"
    if seconds < 36 * 3600:
        return f"about {round(seconds / 3600)} h"
    return f"about {round(seconds / 86400)} days"


def format_range(low: float, high: float) -> str:
    """From … to seconds, as in 6 to 9 minutes; about 6 minutes where both are nearly the same."""
    unit, name = (1, "second") if high < 90 else (60, "minute") if high < 5400 else (3600, "hour")
    first, last = max(1, round(low / unit)), max(1, round(high / unit))
    if first == last:
        return f"about {last} {name}{'s' * (last != 1)}"
    return f"{first} to {last} {name}s"


def format_datetime(timestamp: float) -> str:
    """A time of which the day and the year matter."""
    return f"{datetime.fromtimestamp(timestamp):%Y-%m-%d %H:%M}"


def format_time_to_quota(missing: int, ratings_last_hour: float) -> str | None:
    """How long the missing ratings of a round take at the pace of the last hour; None where that says too little."""
    if missing <= 0 or ratings_last_hour < MIN_HOURLY_RATINGS:
        return None
    return format_duration(3600 * missing / ratings_last_hour)


def end_with_period(text: str) -> str:
    """The text without blanks around it, ended as a sentence is."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def join_names(names: Sequence[str]) -> str:
    """As in Ada, Ben and Cy."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
