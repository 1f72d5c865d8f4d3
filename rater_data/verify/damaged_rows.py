"""How `verify` looks: JSON as the text that is there, and a check that breaks down says so and lets others go on."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from rater_data.errors import RateloopError

MOST_OF_A_KIND = 20  # sentences of one check; how many more there are is said
AT_ONCE = 1000  # rows that are read at once
LONGEST = 200  # of what is told of an error

BROKEN = (
    RateloopError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What building something from damaged values raises."""

Check = Callable[[sa.Connection], Iterator[str]]


def looked(what: str, connection: sa.Connection, found: Callable[[], Iterable[str]]) -> Iterator[str]:
    """The sentences of one check, the first of many; when looking breaks down, that. Others can look on after it."""
    count = 0
    point = connection.begin_nested()  # PostgreSQL takes nothing more in a transaction that failed
    try:
        for sentence in found():
            count += 1
            if count <= MOST_OF_A_KIND:
                yield sentence
    except Exception as error:
        if connection.invalidated:
            raise
        yield f"{what[0].upper()}{what[1:]} could not be checked: {told(error)}"
    finally:
        if point.is_active and not connection.invalidated:
            point.rollback()
    if count > MOST_OF_A_KIND:
        yield f"And {count - MOST_OF_A_KIND} more of this kind."


def told(error: Exception) -> str:
    """What an error says, as the end of a sentence in one line."""
    said = str(getattr(error, "orig", None) or error).strip().split("\n")[0][:LONGEST].rstrip(".")
    if isinstance(error, RateloopError):
        return f"{said}."
    return f"{said or 'it is no value that can be read'} ({type(error).__name__})."


def rows_of(connection: sa.Connection, query: sa.Select) -> Iterator[Any]:
    """Rows of a query, some at a time."""
    with connection.execute(query.execution_options(yield_per=AT_ONCE)) as rows:
        yield from rows.mappings()


def texts(columns: Iterable[sa.ColumnElement[Any]]) -> list[sa.ColumnElement[Any]]:
    """The same columns, those with JSON as their text: what is no JSON would break off the reading of all rows."""
    return [sa.cast(c, sa.Text).label(c.name) if isinstance(c.type, sa.JSON) else c for c in columns]


def decoded(row: Any, columns: Iterable[sa.ColumnElement[Any]]) -> dict[str, Any]:
    """A row of `texts`, its JSON read. Raises one of BROKEN."""
    values = dict(row)
    for column in columns:
        if isinstance(column.type, sa.JSON) and values[column.name] is not None:
            values[column.name] = json.loads(values[column.name])
    return values


def read_or(text: str | None, kind: type, otherwise: Any) -> Any:
    """The JSON of a text if it is of a kind, else something else; what is wrong with it is told elsewhere."""
    try:
        value = None if text is None else json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return otherwise
    return value if isinstance(value, kind) else otherwise
