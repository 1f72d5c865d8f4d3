"""Rows out of a file, by the ending of its name: one after the other, each with its place in the file.

A file that cannot be read at all is one sentence (BadInput); a row that cannot be read has a `fault`, so that whoever
imports may go on behind it. Nothing is held in memory but the current rows.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rater_data.errors import BadInput
from rater_data.files import explain_os_error
from rater_data.importing.readers.column_files import read_parquet
from rater_data.importing.readers.csv_files import read_csv, separator_of
from rater_data.importing.readers.folders import part_names, read_folder
from rater_data.importing.readers.packing import PACKED_SUFFIXES, NotWhole, forms_of
from rater_data.importing.readers.row import Row, shorten_error
from rater_data.importing.readers.text_files import read_json, read_json_lines, read_text_lines
from rater_data.importing.readers.workbooks import read_workbook

_PACKABLE: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_text_lines,
}
_WORKBOOK = ".xlsx"
_READERS = _PACKABLE | {".parquet": read_parquet, _WORKBOOK: read_workbook}

TABLE_SUFFIXES = (".jsonl", ".csv", ".parquet", ".json", ".ndjson", ".tsv", ".xlsx")
"""Endings of files with several columns. Text files may be packed, too, and end in one of PACKED_SUFFIXES then."""
FILE_SUFFIXES = (*TABLE_SUFFIXES, ".txt")
_NAMES = {
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".json": "JSON",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "lines of text",
    ".parquet": "Parquet",
    ".xlsx": "a workbook",
}
_SEPARATORS = {";": " with semicolons", "\t": " with tabs", "|": " with bars"}


def read_file(
    path: Path,
    suffixes: tuple[str, ...] = FILE_SUFFIXES,
    split: str | None = None,
    config: str | None = None,
) -> Iterator[Row]:
    """The rows of a file by the ending of its name, or of a dataset's folder.

    `split`: which part of a folder's dataset. `config`: which configuration of it, or which sheet of a workbook. A
    plain text has one column, "prompt", and one row a line. Raises BadInput for a file that does not exist, is empty,
    of another kind or not readable from some place on.
    """
    path = path.expanduser()
    empty = True
    with _explain_errors(path):
        for row in _rows(path, suffixes, split, config):
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


def check_readable(
    path: Path,
    suffixes: tuple[str, ...] = FILE_SUFFIXES,
    split: str | None = None,
    config: str | None = None,
) -> None:
    """Raises BadInput for a file that does not exist, is of another kind or has no such parts, before it is read."""
    path = path.expanduser()
    if path.is_dir():
        return
    reader = _find_reader(path, suffixes)
    if split is not None:
        raise BadInput("--split chooses a part of a dataset's folder or of a --dataset: a file has none.")
    if config is not None and reader is not read_workbook:
        raise BadInput(
            "--config is for datasets and, naming a sheet, for .xlsx: this file has nothing to choose."
        )


def parts_of(path: Path, config: str | None = None) -> list[str]:
    """The named parts of a folder's dataset (train, test, …). Of a file none."""
    path = path.expanduser()
    return part_names(path, config, _is_table) if path.is_dir() else []


def form_of(path: Path) -> str:
    """What a file or folder that was read has been taken for: "CSV with semicolons, UTF-16, packed as .gz"."""
    path = path.expanduser()
    ending = _ending(path, FILE_SUFFIXES)
    if path.is_dir():
        return "a dataset's folder"
    if ending is None or not path.is_file():  # a pipe cannot be looked at again
        return ""
    form = _NAMES[ending]
    if ending in _PACKABLE:
        separator = _SEPARATORS.get(separator_of(path), "") if _NAMES[ending] == "CSV" else ""
        form = ", ".join([form + separator, *forms_of(path)])
    return form


def ending_of(name: str, suffixes: tuple[str, ...] = FILE_SUFFIXES) -> str:
    """How a file's name ends, as far as it says what the file is: ".jsonl.gz". Empty for one that is not read."""
    ending = _ending(Path(name), suffixes)
    return "" if ending is None else name.lower()[name.lower().rindex(ending) :]


def _rows(path: Path, suffixes: tuple[str, ...], split: str | None, config: str | None) -> Iterator[Row]:
    if path.is_dir():
        return read_folder(
            path, split, config, _is_table, lambda file: _find_reader(file, TABLE_SUFFIXES)(file)
        )
    check_readable(path, suffixes, split, config)
    reader = _find_reader(path, suffixes)
    return read_workbook(path, config) if reader is read_workbook else reader(path)


def _is_table(path: Path) -> bool:
    return _ending(path, TABLE_SUFFIXES) is not None


def _ending(path: Path, suffixes: tuple[str, ...]) -> str | None:
    """Which of these a file's name ends in, before an ending that says that it is packed."""
    name = path.name.lower()
    packed = next((suffix for suffix in PACKED_SUFFIXES if name.endswith(suffix)), "")
    ending = next((suffix for suffix in suffixes if name.removesuffix(packed).endswith(suffix)), None)
    return None if packed and ending not in _PACKABLE else ending


def _find_reader(path: Path, suffixes: tuple[str, ...]) -> Callable[[Path], Iterator[Row]]:
    ending = _ending(path, suffixes)
    if ending is None:
        *others, last = suffixes
        packed = f"; text files also packed, as {', '.join(PACKED_SUFFIXES)}"
        raise BadInput(
            f"{path.name} has to end in {', '.join(others)} or {last}, so that its form is known{packed}."
        )
    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    return _READERS[ending]


@contextmanager
def _explain_errors(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file as a whole into a sentence."""
    try:
        yield
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8 text: save it as UTF-8 and try again.") from None
    except NotWhole as error:
        raise BadInput(f"{path.name} is no whole {error} file: pack it again.") from None
    except OSError as error:
        raise (
            explain_os_error(error, path) or BadInput(f"{path.name} cannot be read ({shorten_error(error)}).")
        ) from error
