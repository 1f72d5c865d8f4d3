"""The process that reads Parquet and Arrow files: `python -m rater_data.importing.readers.column_process`.

pyarrow checks much of a file, not all: on some damaged ones it ends the whole process. So it is this one that reads
them, and not the one that imports, serves or verifies. A line on its input asks for a table; on its output come the
table as an Arrow stream and, in a line behind that, what was wrong. Whole columns are checked before they are sent.
"""

import json
import os
import resource
import select
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rater_data.errors import BadInput
from rater_data.importing.readers.column_batches import IDLE_SECONDS
from rater_data.importing.readers.packing import LARGEST_RATIO, MOST_UNPACKED
from rater_data.importing.readers.row import shorten_error
from rater_data.importing.readers.text_files import LONGEST_LINE

BATCH_ROWS = 1000  # rows of a Parquet file or dataset that are held at once
BATCH_BYTES = 2**27  # of one column, of a batch whose rows all have the largest value of its dictionary
READ_BYTES = 2**20  # of a column that are read at once, of which a file may have gigabytes in a piece
MOST_UNPACKED_TIMES = 16  # memory, as times of a file's size: pages and a batch of what a packed file holds
LEAST_MEMORY = 2**30  # bytes, and twice that where `datasets` and what it imports are in it
HUB_MEMORY = 2**33  # bytes; nobody knows before how large a dataset of the hub is

Table = tuple[pa.Schema, Iterator[pa.RecordBatch]]


def main() -> None:
    wishes = sys.stdin.fileno()
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)  # whatever a library prints is no part of a table
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        while select.select([wishes], [], [], IDLE_SECONDS)[0] and (wish := sys.stdin.readline()):
            fault = _send_table(json.loads(wish), out)
            out.write(json.dumps(fault).encode() + b"\n")
            out.flush()


def _send_table(wish: dict[str, Any], out: IO[bytes]) -> dict[str, str]:
    """What was wrong: a `reason`, or a `sentence`; nothing where the table is whole."""
    stream: pa.RecordBatchStreamWriter | None = None
    try:
        with _explain_errors():
            schema, batches = _spelt_out(*_open_table(**wish))
        stream = pa.ipc.new_stream(out, schema)
        for batch in _explained(batches):
            for piece in _pieces(batch):
                stream.write_batch(piece)
    except BadInput as error:
        return {"sentence": str(error)}
    except _Unreadable as error:
        return {"reason": str(error)}
    finally:
        (stream or pa.ipc.new_stream(out, pa.schema([]))).close()
    return {}


class _Unreadable(Exception):
    """Its text is why."""


@contextmanager
def _explain_errors() -> Iterator[None]:
    """pyarrow and `datasets` raise whatever their parts raise; all of it means that the file is no table to read."""
    try:
        yield
    except (BadInput, BrokenPipeError):
        raise
    except Exception as error:
        raise _Unreadable(shorten_error(error)) from error


def _explained(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same, whole ones only, with the errors of reading them explained, and no others."""
    rest = iter(batches)
    while True:
        with _explain_errors():
            batch = next(rest, None)
            if batch is not None:
                batch.validate(full=True)
        if batch is None:
            return
        yield batch


def _spelt_out(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> Table:
    """The table without dictionaries, in which a long value stands once for many rows: as large as it will be."""
    plain = pa.schema([field.with_type(_value_type(field.type)) for field in schema])
    if plain.types == schema.types:
        return schema, batches
    return plain, (batch.cast(plain) for batch in batches)


def _value_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_value_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_value_type(field.type)) for field in kind])
    return kind


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch in parts of no more than a line of text may have. Raises _Unreadable for a row that is longer."""
    if batch.nbytes <= LONGEST_LINE:
        yield batch
    elif batch.num_rows == 1:
        raise _Unreadable(f"a row is longer than {LONGEST_LINE >> 20} MB")
    else:
        half = batch.num_rows // 2
        yield from _pieces(batch.slice(0, half))
        yield from _pieces(batch.slice(half))


def _open_table(kind: str, name: str, **options: Any) -> Table:
    if kind == "parquet":
        _limit_memory(LEAST_MEMORY + MOST_UNPACKED_TIMES * Path(name).stat().st_size)
        return _open_parquet(Path(name))
    if kind == "saved":
        size = sum(file.stat().st_size for file in Path(name).rglob("*") if file.is_file())
        _limit_memory(2 * LEAST_MEMORY + MOST_UNPACKED_TIMES * size)
    else:
        assert kind == "hub", kind
        _limit_memory(HUB_MEMORY)
    return _open_dataset(kind, name, **options)


def _limit_memory(size: int) -> None:
    """Beyond that there is no memory: what a few damaged bytes may ask for is more than any machine has."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (size if hard < 0 else min(size, hard), hard))


# ---- Parquet


def _open_parquet(path: Path) -> Table:
    file = pq.ParquetFile(path, buffer_size=READ_BYTES)
    rows = min(BATCH_ROWS, _check_sizes(file.metadata, path))
    return file.schema_arrow, file.iter_batches(batch_size=rows)


def _check_sizes(metadata: Any, path: Path) -> int:
    """How many rows fit into a batch. Raises BadInput for a file made to fill the memory: a gigabyte in a few bytes.

    A value that stands once in a column's dictionary may be that of every row: a dictionary of megabytes makes batches
    small. Others have none of more than one.
    """
    largest = 1
    with path.open("rb") as file:
        for group in range(metadata.num_row_groups):
            for column in range(metadata.num_columns):
                chunk = metadata.row_group(group).column(column)
                size = chunk.total_uncompressed_size
                if size > MOST_UNPACKED and size > LARGEST_RATIO * max(chunk.total_compressed_size, 1):
                    raise BadInput(
                        f"{path.name} unpacks to more than {LARGEST_RATIO} times its size: this is no file of rows."
                    )
                if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
                    file.seek(max(chunk.dictionary_page_offset, 0))
                    largest = max(largest, _page_size(file.read(16)))
    return max(1, BATCH_BYTES // largest)


def _page_size(header: bytes) -> int:
    """The size of a page, unpacked, by the header before it: the second of its fields. 0 for what is no header.

    Source: parquet-format, PageHeader, in Thrift's compact protocol: a field is 0x15 and a zigzag varint.
    """
    numbers: list[int] = []
    at = 0
    while len(numbers) < 2 and at < len(header) and header[at] == 0x15:
        number = shift = 0
        more = True
        while more and (at := at + 1) < len(header):
            number |= (header[at] & 0x7F) << shift
            shift, more = shift + 7, header[at] >= 0x80
        numbers.append(number >> 1)
        at += 1
    return numbers[1] if len(numbers) == 2 else 0


# ---- datasets


def _open_dataset(kind: str, name: str, split: str | None = None, config: str | None = None) -> Table:
    import datasets  # two seconds to import: only those who want it wait

    datasets.disable_progress_bars()
    dataset = (
        datasets.load_from_disk(name) if kind == "saved" else datasets.load_dataset(name, config, split=split)
    )
    # as columns: images and sound would be unpacked as rows
    tables = dataset.with_format("arrow").iter(batch_size=BATCH_ROWS)
    schema = dataset.features.arrow_schema
    return schema, (batch for table in tables for batch in table.cast(schema).to_batches())


if __name__ == "__main__":
    main()
