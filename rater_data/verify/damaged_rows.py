"""How `verify` reads rows that may be damaged, and runs a check that may break down without ending the others."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from rater_data.errors import RateloopError

MAX_SENTENCES = 20  # of one check; how many more there are is said
BATCH_ROWS = 1000  # that are read at once
MAX_ERROR_LENGTH = 200

DAMAGE_ERRORS = (
    RateloopError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What building a record from damaged values raises."""

Check = Callable[[sa.Connection], Iterator[str]]


def run_check(what: str, connection: sa.Connection, check: Callable[[], Iterable[str]]) -> Iterator[str]:
    """The first sentences of one check, and one sentence where it breaks down. Others can run after it."""
    count = 0
    savepoint = connection.begin_nested()  # PostgreSQL takes nothing more in a transaction that failed
    try:
        for sentence in check():
            count += 1
            if count <= MAX_SENTENCES:
                yield sentence
    except Exception as error:
        if connection.invalidated:
            raise
        yield f"{what[0].upper()}{what[1:]} could not be checked: {explain_error(error)}"
    finally:
        if savepoint.is_active and not connection.invalidated:
            savepoint.rollback()
    if count > MAX_SENTENCES:
        yield f"And {count - MAX_SENTENCES} more of this kind."


def explain_error(error: Exception) -> str:
    """The message of an error in one line, as the end of a sentence."""
    message = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
    message = message[:MAX_ERROR_LENGTH].rstrip(".")
    if isinstance(error, RateloopError):
        return f"{message}."
    return f"{message or 'it is no value that can be read'} ({type(error).__name__})."


def stream_rows(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Mapping[str, Any]]:
    """Rows of a query, some at a time."""
    with connection.execute(query.execution_options(yield_per=BATCH_ROWS)) as rows:
        yield from rows.mappings()  # type: ignore[misc]  # its keys may be columns, too


def json_as_text(columns: Iterable[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    """The same columns, those with JSON as text: what is no JSON would break off the reading of all rows."""
    return [
        sa.cast(column, sa.Text).label(column.name) if isinstance(column.type, sa.JSON) else column
        for column in columns
    ]


def decode_json(row: Mapping[str, Any], columns: Iterable[sa.ColumnElement[Any]]) -> dict[str, Any]:
    """A row of `json_as_text`, its JSON parsed. Raises one of DAMAGE_ERRORS."""
    values: dict[str, Any] = dict(row)
    for column in columns:
        if isinstance(column.type, sa.JSON) and values[column.name] is not None:
            values[column.name] = json.loads(values[column.name])
    return values


def parse_json_or(text: str | None, kind: type, default: Any) -> Any:
    """The JSON of a text if it is of a kind, else the default; another check says what is wrong with the text."""
    try:
        value = None if text is None else json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return default
    return value if isinstance(value, kind) else default
