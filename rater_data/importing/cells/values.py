"""Numbers, scores, raters, tags and times in the cells of a row."""

import math
import re
from datetime import UTC, datetime
from typing import Any

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.importing.cells.chats import parse_list
from rater_data.importing.readers.row import Row

DEFAULT_RATER = "imported"
SCORE_COLUMNS = ("rating", "score", "reward")
THUMB_COLUMN = "label"  # TRL's name, in data for KTO
DECIMAL = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
"""What we take for a number: Python would also take 1_0 and digits of other scripts. Our CSV writes 1e-05."""
THUMBS = {"true": True, "false": False}
LABELS = THUMBS | {"1": True, "1.0": True, "0": False, "0.0": False}
LARGEST_EXACT = 2**53  # beyond it not every whole number is a float
NO_NAMES = frozenset(("nan", "NaN", "None", "null", "NULL", "<NA>", "NaT", "NA", "N/A", "n/a", "#N/A", "\\N"))
"""How tables write that there is no value: pandas, R, spreadsheets and databases."""
RATER_COLUMNS = (
    "rater",
    "rater_id",
    "annotator",
    "annotator_id",
    "worker_id",
    "labeler",
    "evaluator",
    "reviewer",
)
"""Who rated, as other tools call it. (A user may be the one who asked.)"""
_WRITTEN_FLOAT = re.compile(r"-?\d+\.0*|-?\d(\.\d+)?e\+\d+", re.ASCII | re.IGNORECASE)
"""A whole number as tables write it among others that are none: 1.0, 1.2e+18. (3e8 may be somebody's code.)"""
TIME_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""From a number on it is no count of seconds (1e11 is in the year 5138) but of parts: (number, parts in a second)."""


# ---- numbers and scores


def parse_decimal(what: str, value: Any, *, comma: bool = False) -> Any:
    """The number that a text is; anything else as it is. `what` names it in the error. `comma`: 7,5 is one."""
    if not isinstance(value, str):
        return value
    text = value.replace(",", ".") if comma and value.count(",") == 1 else value
    if not DECIMAL.fullmatch(text):
        raise BadInput(f"the {what} {checks.quoted(value)} is no number")
    return float(text)


def parse_score(row: Row, *columns: str) -> float:
    """The score in the first of these columns that is filled. Raises BadInput where none is, or it is no number."""
    value = row.first(*columns)
    if value is None:
        *others, last = columns
        listed = f"{', '.join(others)} or {last}" if others else last
        raise BadInput(f"there is no score: name the column {listed}, and fill it")
    value = parse_decimal("score", value, comma=row.decimal_comma)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"the score {value} is no number on the scale")
    checks.number("the score", value)
    return value


def parse_rating(row: Row) -> float | bool:
    """The score of a row, or its thumb: true is up. A label without a score is a thumb (1 and 0 too), as for KTO."""
    value = row.first(*SCORE_COLUMNS)
    if value is None:
        label = LABELS.get(str(row.first(THUMB_COLUMN)).strip().lower())
        return parse_score(row, *SCORE_COLUMNS) if label is None else label
    thumb = (
        value
        if isinstance(value, bool)
        else THUMBS.get(value.strip().lower())
        if isinstance(value, str)
        else None
    )
    return parse_score(row, *SCORE_COLUMNS) if thumb is None else thumb


# ---- raters and tags


def parse_rater(row: Row, *columns: str) -> str:
    """Who rated, by the first of these columns (RATER_COLUMNS) that is filled; DEFAULT_RATER where none is."""
    rater = row.first(*(columns or RATER_COLUMNS))
    if rater is None or (isinstance(rater, str) and (not rater.strip() or rater.strip() in NO_NAMES)):
        return DEFAULT_RATER
    # true and false are answers and nobody's name, in a table's cell as in JSON
    if not isinstance(rater, str | int | float) or str(rater).strip().lower() in THUMBS:
        raise BadInput(f"the rater has to be a name or a number, not {checks.quoted(rater)}")
    return name_of_number(rater)


def parse_comment(row: Row) -> Any:
    """What the rater said; nothing where a table says that there is no value."""
    comment = row.first("comment")
    return "" if isinstance(comment, str) and comment in NO_NAMES else comment or ""


def name_of_number(value: Any) -> str:
    """A name as a text. A number is the same person as 1, 1.0, "1" and "1.0": tables change one into the other.

    Raises BadInput for a number so large that a table has rounded it: it may have been somebody else's.
    """
    if isinstance(value, str):
        if not _WRITTEN_FLOAT.fullmatch(value.strip()):
            return value
        value = float(value)
    if isinstance(value, float) and value.is_integer():
        if abs(value) > LARGEST_EXACT:
            raise BadInput(f"the number {value:g} was rounded by a table: write numbers of raters as texts")
        return str(int(value))
    return str(value)


def parse_tags(row: Row) -> tuple[str, ...]:
    tags = row.first("tags")
    if tags is None:
        return ()
    if isinstance(tags, str):
        listed = parse_list(tags) if tags.startswith(("[", "array(")) else None
        tags = listed if isinstance(listed, list) else tags.replace(";", ",").split(",")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BadInput("tags have to be a list of words, or words with commas between")
    return tuple(tag.strip() for tag in tags if tag.strip())


# ---- times


def parse_time(what: str, value: Any) -> float | None:
    """A time (ISO 8601, a datetime, or seconds or parts of them since 1970) as UTC epoch seconds; None for None."""
    try:
        if isinstance(value, str):
            is_count = DECIMAL.fullmatch(value) and len(value.strip()) > len("20240101")
            value = float(value) if is_count else datetime.fromisoformat(value)
        if isinstance(value, datetime):
            # a time without a zone is UTC, as all times of an export are; Python would take it for this machine's
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadInput(f"the {what} {checks.quoted(value)} is no time") from None
    if checks.is_number(value):
        value = next((value / parts for least, parts in TIME_UNITS if value >= least), value)
    if value is not None:
        checks.seconds(f"The {what}", value)
    return value
