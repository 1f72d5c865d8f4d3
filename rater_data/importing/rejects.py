"""The bad rows of an import, kept in a file beside the one that was imported."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from rater_data import checks
from rater_data.checks import to_json_value
from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.files import explain_os_error, move_into_place
from rater_data.importing.readers.row import Row

SUFFIX = ".rejected.jsonl"


def rejects_path(path: Path) -> Path:
    """Where the bad rows of a file are kept."""
    return path.parent / (path.name + SUFFIX)


class RejectsFile:
    """Bad rows with the reason, in a file that exists once it is whole. Without a path nothing is written.

    Use it as a context, and `keep` what was written; otherwise it is gone afterwards.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            Path(self._file.name).unlink(missing_ok=True)

    def add(self, row: Row, reason: str) -> None:
        if self._path is None:
            return
        line = json.dumps({row.unit: row.line, "reason": reason, "row": _to_json(row.values)})
        try:
            if self._file is None:
                # named, because it is renamed in the end; private, because ratings are
                self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115
                    "w", encoding="utf-8", dir=self._path.parent, prefix=f".{self._path.name}.", delete=False
                )
            self._file.write(line + "\n")
        except OSError as error:
            raise self._explain(error) from error

    def keep(self) -> Path | None:
        """Gives the file its name, and returns that; None where nothing was written."""
        if self._file is None or self._path is None:
            return None
        try:
            self._file.close()
            move_into_place(Path(self._file.name), self._path)
        except OSError as error:
            raise self._explain(error) from error
        self._file = None
        return self._path

    def _explain(self, error: OSError) -> Exception:
        return explain_os_error(error, Path(self._path or "")) or BadInput(
            f"The bad rows cannot be kept in {self._path} ({error.strerror or error}). {NOTHING_IMPORTED}"
        )


def _to_json(values: dict[str, Any]) -> Any:
    """The row as JSON can hold it; what it cannot, in words."""
    try:
        return json.loads(json.dumps(to_json_value(values), default=str))
    except (ValueError, TypeError, RecursionError, AttributeError):
        return checks.quoted(values)
