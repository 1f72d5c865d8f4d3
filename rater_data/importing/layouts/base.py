"""What every layout is made of: its declaration, the options that it parses rows by, and the mapping of columns."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import chain, islice
from typing import Any, Literal

from rater_data.errors import BadInput
from rater_data.importing.layouts.records import BadRow, Record
from rater_data.importing.readers.row import Row
from rater_data.scales import Scale

MAX_LISTED_COLUMNS = 20

Kind = Literal["prompts", "responses", "ratings"]
"""What an import brings in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseOptions:
    """How the rows of a file are parsed.

    `scale`: the home's. `source`: what is kept as the prompts' source. `split`: of prompts whose row names none.
    `chosen_score`, `rejected_score`: what the two of a preference are worth. `score_range`: (lowest, highest) score of
    the file, where that is not the home's scale. `columns`: our column = the file's column.
    """

    scale: Scale
    source: str
    split: str | None = None
    chosen_score: float | None = None
    rejected_score: float | None = None
    score_range: tuple[float, float] | None = None
    columns: dict[str, str] = field(default_factory=dict)


ParsedRows = Iterator[tuple[Row, Record]]
RowsParser = Callable[[Iterable[Row], ParseOptions], ParsedRows]


def _matches_nothing(_row: Row, _columns: set[str]) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way in which the rows of a file are laid out.

    `name`: as on the command line. `holds`: the kind of import it is for. `parse_rows`: finds what each row holds.
    `matches`: whether a file has this layout, going by its first row and the names of its columns (mapped ones too).
    `maps_columns`: whether `--map` renames its columns. `is_own_export`: whether its rows name their scale, and bring
    rounds and raters of another home.
    """

    name: str
    holds: Kind
    parse_rows: RowsParser
    matches: Callable[[Row, set[str]], bool] = _matches_nothing
    maps_columns: bool = True
    is_own_export: bool = False


def row_by_row(parse_row: Callable[[Row, ParseOptions], Record]) -> RowsParser:
    """The parser of a layout in which every row stands for itself."""

    def parse_rows(rows: Iterable[Row], options: ParseOptions) -> ParsedRows:
        for row in rows:
            try:
                yield row, BadRow(row.fault) if row.fault else parse_row(row, options)
            except BadInput as error:
                yield row, BadRow(str(error))

    return parse_rows


def map_columns(rows: Iterable[Row], columns: dict[str, str]) -> Iterator[Row]:
    """The rows with our columns added to the file's: {"prompt": "question"}.

    Raises BadInput for a column that the first row does not have.
    """
    rows = iter(rows)
    first = list(islice(rows, 1))
    for name, file_column in columns.items():
        if first and not first[0].fault and _column(first[0], file_column) not in first[0].values:
            existing = ", ".join(str(column) for column in list(first[0].values)[:MAX_LISTED_COLUMNS])
            raise BadInput(
                f"{first[0].file} has no column {file_column} to take as {name}: "
                f"its columns are {existing or 'none'}."
            )
    for row in chain(first, rows):
        if columns and not row.fault:
            mapped = {name: row.values.get(_column(row, column)) for name, column in columns.items()}
            row = replace(row, values={**row.values, **mapped})
        yield row


def _column(row: Row, name: str) -> str:
    """The name as the row has it, whose columns may have lost their case."""
    return name if name in row.values else name.strip().lower()


def lower_columns(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows with the names of their columns in lower case, as we look for them, unless that makes two of one."""
    for row in rows:
        lowered = _lowered(tuple(row.values))
        if lowered is not None:
            row = replace(row, values=dict(zip(lowered, row.values.values(), strict=True)))
        yield row


@lru_cache(maxsize=64)
def _lowered(names: tuple[Any, ...]) -> tuple[str, ...] | None:
    """The names in lower case; None where they are so already, or where two would be the same."""
    lowered = tuple(str(name).strip().lower() for name in names)
    return None if lowered == names or len(set(lowered)) < len(names) else lowered


PROMPT_NAMES = ("instruction", "question", "query", "input")
ANSWER_NAMES = ("answer", "output", "generation", "reply")
"""What people call a prompt and a response in other tools, where they name the fields themselves."""


def row_of_fields(row: Row, fields: Any, options: ParseOptions) -> Row:
    """The row with the fields of another tool's task as its columns, by our names; `--map` names those of its own.

    Raises BadInput for fields that are no object.
    """
    if not isinstance(fields, dict):
        raise BadInput("the fields of a task have to be an object of names and values")
    values = {str(name).lower(): value for name, value in fields.items()}
    values |= {name: values.get(column.lower()) for name, column in options.columns.items()}
    for name, others in (("prompt", PROMPT_NAMES), ("response", ANSWER_NAMES)):
        found = next((values[other] for other in others if values.get(other) not in (None, "")), None)
        if values.get(name) in (None, "") and found is not None:
            values[name] = found
    return replace(row, values=values)
