"""One row of a file, whatever kind of file it comes from."""

from dataclasses import dataclass
from typing import Any

from rater_data.errors import NOTHING_IMPORTED, BadInput

NOT_UTF8 = "this is not UTF-8 text: save the file as UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row and its place in the file. `fault`: why it could not be read; `values` then has what could be read of it.

    `text_only`: every value is a text, as in CSV, even where a list is meant. `decimal_comma`: 7,5 is a number, as
    where semicolons part the columns. `split`: ours, by the part of the dataset that the row is in; empty without one.
    """

    file: str
    line: int
    values: dict[str, Any]
    unit: str = "line"
    fault: str = ""
    text_only: bool = False
    decimal_comma: bool = False
    split: str = ""

    @property
    def place(self) -> str:
        return f"{self.file}, {self.unit} {self.line}"

    def error(self, reason: str) -> BadInput:
        """The error that ends the import because of this row. Its sentence says that nothing was imported."""
        return BadInput(f"{self.place}: {reason.rstrip('.')}. {NOTHING_IMPORTED}")

    def first(self, *columns: str) -> Any:
        """The value of the first of these columns that exists and is not empty (NaN is how pandas writes empty)."""
        for column in columns:
            value = self.values.get(column)
            if value is not None and value != "" and not (type(value) is float and value != value):
                return value
        return None


def column_name(cell: str) -> str:
    """The name of a column as we look for it, without what editors and web pages leave around it unseen."""
    return cell.strip().strip("\ufeff\u200b\u200e").strip().lower()


def shorten_error(error: BaseException) -> str:
    """The message of another library's error, in one line and short enough to be part of a sentence.

    An error that was raised because of another one says less than that: the first cause stands behind it.
    """
    message = _one_line(error)
    cause = error
    while (
        before := cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    ) is not None:
        cause = before
    if cause is not error and _one_line(cause) not in message:
        return f"{message.rstrip('.')}: {_one_line(cause)}"
    return message


def _one_line(error: BaseException) -> str:
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= 200 else f"{message[:200]}…"
