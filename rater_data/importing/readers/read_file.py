"""Rows out of a file, by the ending of its name: one after the other, each with its place in the file.

A file that cannot be read at all is one sentence (BadInput); a row that cannot be read has a `fault`, so that whoever
imports may go on behind it. Nothing is held in memory but the current rows.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rater_data.errors import BadInput
from rater_data.files import explain_os_error
from rater_data.importing.readers.column_files import read_folder, read_parquet
from rater_data.importing.readers.row import Row, shorten_error
from rater_data.importing.readers.text_files import read_csv, read_json_lines, read_text_lines

TABLE_SUFFIXES = (".jsonl", ".csv", ".jsonl.gz", ".csv.gz", ".parquet")
"""Endings of files with several columns."""
FILE_SUFFIXES = (*TABLE_SUFFIXES, ".txt")

_READERS: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": read_json_lines,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".txt": read_text_lines,
}


def read_file(path: Path, suffixes: tuple[str, ...] = FILE_SUFFIXES) -> Iterator[Row]:
    """The rows of a file by the ending of its name, or of a dataset's folder.

    A plain text has one column, "prompt", and one row a line. Raises BadInput for a file that does not exist, is empty,
    of another kind or not readable from some place on.
    """
    path = path.expanduser()
    rows = read_folder(path) if path.is_dir() else _find_reader(path, suffixes)(path)
    empty = True
    with _explain_errors(path):
        for row in rows:
            empty = False
            yield row
    if empty:
        raise BadInput(f"{path.name} is empty: it has no rows to import.")


def read_all(path: Path, suffixes: tuple[str, ...] = FILE_SUFFIXES) -> list[Row]:
    """All rows of a file at once. Raises BadInput for the first that cannot be read, and as `read_file` does."""
    rows = list(read_file(path, suffixes))
    for row in rows:
        if row.fault:
            raise row.error(row.fault)
    return rows


def check_readable(path: Path, suffixes: tuple[str, ...] = FILE_SUFFIXES) -> None:
    """Raises BadInput for a file that does not exist or is of another kind, before any of it is read."""
    path = path.expanduser()
    if not path.is_dir():
        _find_reader(path, suffixes)


def _find_reader(path: Path, suffixes: tuple[str, ...]) -> Callable[[Path], Iterator[Row]]:
    suffix = next((suffix for suffix in suffixes if path.name.lower().endswith(suffix)), None)
    if suffix is None:
        *others, last = suffixes
        raise BadInput(f"{path.name} has to end in {', '.join(others)} or {last}, so that its form is known.")
    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    return _READERS[suffix.removesuffix(".gz")]


@contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file as a whole into a sentence."""
    try:
        yield
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8 text: save it as UTF-8 and try again.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise BadInput(f"{path.name} is no whole .gz file: pack it again.") from None
    except OSError as error:
        raise (
            explain_os_error(error, path) or BadInput(f"{path.name} cannot be read ({shorten_error(error)}).")
        ) from error
