"""Rows out of files that people bring, one after the other, each with its place in the file.

JSON lines and CSV (also packed: .gz), Parquet, plain text, and folders and hub datasets through `datasets`. A file
that cannot be read at all is told as one sentence (BadInput); a row that cannot be read comes with a `fault`, so that
whoever imports may go on behind it. Nothing is held in memory but the rows at hand.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rater_data.csv_cells import unescape_cell
from rater_data.errors import NOTHING_IMPORTED, BadInput
from rater_data.files import explain_os_error

OUR_COLUMN = "completion_sha256"
OURS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        OUR_COLUMN,
        "prompt completion score raters",
        "prompt chosen rejected margin chosen_score rejected_score raters agreement",
        "prompt completion label score raters",
        "prompt response helpfulness correctness coherence complexity verbosity raters",
    )
)
"""A CSV with all columns of one of these was written by our export, whose cells are escaped."""
LONGEST_LINE = 32 * 2**20  # bytes; a line or a cell beyond that is no row but another kind of file
AT_ONCE = 1000  # rows of a Parquet file or dataset that are held at once
ROWS = (".jsonl", ".csv", ".jsonl.gz", ".csv.gz", ".parquet")
"""Forms with several columns, by how the name of a file ends."""
FORMS = (*ROWS, ".txt")

csv.field_size_limit(LONGEST_LINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a file and where it stands. `fault`: why it could not be read; then `values` says what was there.

    `cells`: all values are texts, as CSV has them, also where a list is meant.
    """

    file: str
    line: int
    values: dict[str, Any]
    unit: str = "line"
    fault: str = ""
    cells: bool = False

    @property
    def place(self) -> str:
        return f"{self.file}, {self.unit} {self.line}"

    def wrong(self, what: str) -> BadInput:
        """The error for this row. Nothing of the file is imported, and the sentence says so."""
        return BadInput(f"{self.place}: {what.rstrip('.')}. {NOTHING_IMPORTED}")

    def first(self, *names: str) -> Any:
        """The value of the first of these columns that is there and not empty."""
        for name in names:
            value = self.values.get(name)
            if value is not None and value != "":
                return value
        return None


def rows_of(path: Path, kinds: tuple[str, ...] = FORMS) -> list[Row]:
    """All rows of a file at once. Raises BadInput for the first that cannot be read, and as `read` does."""
    rows = list(read(path, kinds))
    for row in rows:
        if row.fault:
            raise row.wrong(row.fault)
    return rows


def read(path: Path, kinds: tuple[str, ...] = FORMS) -> Iterator[Row]:
    """The rows of a file by the end of its name, or of a dataset's folder.

    A plain text has one column, "prompt", and one row a line. Raises BadInput for a file that is not there, empty, of
    another kind or not to be read from some place on.
    """
    path = path.expanduser()
    rows = _folder(path) if path.is_dir() else _reader(path, kinds)(path)
    empty = True
    with _told(path):
        for row in rows:
            empty = False
            yield row
    if empty:
        raise BadInput(f"{path.name} is empty: it has no rows to import.")


def check_there(path: Path, kinds: tuple[str, ...] = FORMS) -> None:
    """Raises BadInput for a file that is not there or of another kind, as `read` does once it reads."""
    path = path.expanduser()
    if not path.is_dir():
        _reader(path, kinds)


def read_dataset(name: str, split: str | None = None, config: str | None = None) -> Iterator[Row]:
    """The rows of a dataset of the hub, or of a folder that `datasets` can read, from one of its splits (train)."""
    with _loading(name):
        import datasets  # two seconds to import: only those who want it wait

        datasets.disable_progress_bars()
        found = datasets.load_dataset(name, config, split=split or "train")
    empty = True
    for row in _dataset_rows(found, f"{name} ({split or 'train'})"):
        empty = False
        yield row
    if empty:
        raise BadInput(f"The dataset {name} has no rows in {split or 'train'}.")


def _reader(path: Path, kinds: tuple[str, ...]) -> Callable[[Path], Iterator[Row]]:
    ends = [kind for kind in kinds if path.name.lower().endswith(kind)]
    if not ends:
        *some, last = kinds
        raise BadInput(f"{path.name} has to end in {', '.join(some)} or {last}, so that its form is known.")
    if not path.exists():
        raise BadInput(f"{path} does not exist.")
    return {".jsonl": _json_lines, ".csv": _csv, ".parquet": _parquet, ".txt": _lines}[
        ends[0].removesuffix(".gz")
    ]


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file as a whole into a sentence."""
    try:
        yield
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is not UTF-8 text: save it as UTF-8 and try again.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise BadInput(f"{path.name} is no whole .gz file: pack it again.") from None
    except OSError as error:
        raise (
            explain_os_error(error, path) or BadInput(f"{path.name} cannot be read ({_brief(error)}).")
        ) from error


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


# ---- text


def _byte_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with _opened(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise BadInput(
                    f"{path.name}, line {number}: the line is longer than {LONGEST_LINE >> 20} MB. {NOTHING_IMPORTED}"
                )
            # spreadsheets and editors on Windows put a mark at the start
            yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in _byte_lines(path):
        if line.strip():
            values, fault = _object(line)
            yield Row(file=path.name, line=number, values=values, fault=fault)


def _object(line: bytes) -> tuple[dict[str, Any], str]:
    """What a line of JSON holds, and what is wrong with it."""
    try:
        values = json.loads(line.decode())
    except UnicodeDecodeError:
        return {}, "this is not UTF-8 text: save the file as UTF-8"
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        return (
            {},
            f"this is no JSON ({'nested too deep' if deep else getattr(error, 'msg', 'a number is too long')})",
        )
    if not isinstance(values, dict):
        return {}, f"a row has to be an object in braces, not {type(values).__name__}"
    return values, ""


def _lines(path: Path) -> Iterator[Row]:
    for number, line in _byte_lines(path):
        if line.strip():
            try:
                yield Row(file=path.name, line=number, values={"prompt": line.decode().strip()})
            except UnicodeDecodeError:
                fault = "this is not UTF-8 text: save the file as UTF-8"
                yield Row(file=path.name, line=number, values={}, fault=fault)


def _csv(path: Path) -> Iterator[Row]:
    with _opened(path) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        header: list[str] | None = None
        escaped = False
        began = 1
        try:
            for cells in reader:
                line, began = began, reader.line_num + 1  # a cell may go over several lines
                if not any(cell.strip() for cell in cells):
                    continue
                if header is None:
                    header = _header(Row(file=path.name, line=line, values={}), cells)
                    escaped = any(names <= set(header) for names in OURS)
                    continue
                if len(cells) != len(header):
                    fault = f"there are {len(cells)} cells, but the header has {len(header)}"
                    yield Row(
                        file=path.name, line=line, values=dict(zip(header, cells, strict=False)), fault=fault
                    )
                    continue
                if escaped:
                    cells = [unescape_cell(cell) for cell in cells]
                values = dict(zip(header, cells, strict=True))
                yield Row(file=path.name, line=line, values=values, cells=True)
        except csv.Error as error:
            raise Row(file=path.name, line=began, values={}).wrong(f"this is no CSV ({error})") from None


def _header(row: Row, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if len(set(names)) < len(names):
        raise row.wrong("two columns have the same name")
    return names


# ---- columns


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=AT_ONCE):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(file=path.name, line=number, values=values, unit="row")
    except (pa.ArrowException, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        where = f"behind row {number}" if number else "at all"
        raise BadInput(
            f"{path.name} is no Parquet file that can be read {where} ({_brief(error)})."
        ) from None


def _folder(path: Path) -> Iterator[Row]:
    """The rows of all Parquet files of a folder, as our dataset export and many others have them, or of a saved one."""
    files = sorted([*path.glob("*.parquet"), *path.glob("data/*.parquet")])
    for file in files:
        yield from _parquet(file)
    if not files:
        if not (path / "state.json").is_file():
            raise BadInput(f"{path} is a folder without a dataset in it: name a file, or use --dataset.")
        with _loading(path.name):
            import datasets

            datasets.disable_progress_bars()
            found = datasets.load_from_disk(str(path))
        yield from _dataset_rows(found, path.name)


@contextmanager
def _loading(name: str) -> Iterator[None]:
    """`datasets` raises whatever its parts raise; all of it means that there is no such dataset to read."""
    try:
        yield
    except Exception as error:
        raise BadInput(f"The dataset {name} cannot be read: {_brief(error)}") from error


def _dataset_rows(found: Any, name: str) -> Iterator[Row]:
    number = 0
    batches: Iterable[dict[str, list[Any]]] = found.iter(batch_size=AT_ONCE)
    for batch in batches:
        for cells in zip(*batch.values(), strict=True):
            number += 1
            yield Row(file=name, line=number, values=dict(zip(batch, cells, strict=True)), unit="row")


def _brief(error: BaseException) -> str:
    """What an error of another library says, as a part of a sentence."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 200 else f"{said[:200]}…"
