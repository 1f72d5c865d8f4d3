"""One row of a file, whatever kind of file it comes from."""

from dataclasses import dataclass
from typing import Any

from rater_data.errors import NOTHING_IMPORTED, BadInput

NOT_UTF8 = "this is not UTF-8 text: save the file as UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row and its place in the file. `fault`: why it could not be read; `values` then has what could be read of it.

    `text_only`: every value is a text, as in CSV, even where a list is meant.
    """

    file: str
    line: int
    values: dict[str, Any]
    unit: str = "line"
    fault: str = ""
    text_only: bool = False

    @property
    def place(self) -> str:
        return f"{self.file}, {self.unit} {self.line}"

    def error(self, reason: str) -> BadInput:
        """The error that ends the import because of this row. Its sentence says that nothing was imported."""
        return BadInput(f"{self.place}: {reason.rstrip('.')}. {NOTHING_IMPORTED}")

    def first(self, *columns: str) -> Any:
        """The value of the first of these columns that exists and is not empty."""
        for column in columns:
            value = self.values.get(column)
            if value is not None and value != "":
                return value
        return None


def shorten_error(error: BaseException) -> str:
    """The message of another library's error, in one line and short enough to be part of a sentence."""
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= 200 else f"{message[:200]}…"
