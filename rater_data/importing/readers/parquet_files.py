"""Rows out of Parquet, and the values that only tables of columns have as plain ones."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.importing.readers.packing import LARGEST_RATIO, MOST_UNPACKED
from rater_data.importing.readers.row import Row, shorten_error

BATCH_ROWS = 1000  # rows of a Parquet file or dataset that are held at once
BATCH_BYTES = 2**26  # of one column, of a batch whose rows all have the largest value of its dictionary


def read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            rows = min(BATCH_ROWS, _check_sizes(file.metadata, path))
            is_plain = not needs_plain(file.schema_arrow)
            for batch in file.iter_batches(batch_size=rows):
                for values in batch.to_pylist():
                    number += 1
                    values = values if is_plain else to_plain(values)
                    yield Row(file=path.name, line=number, values=values, unit="row")
    except (pa.ArrowException, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        where = f"behind row {number}" if number else "at all"
        raise BadInput(
            f"{path.name} is no Parquet file that can be read {where} ({shorten_error(error)})."
        ) from None


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


def needs_plain(schema: Any) -> bool:
    """Whether a table has values that nothing else brings: decimals (DuckDB, Spark), or texts without their type."""
    names = str(schema)
    return "decimal" in names or "binary" in names


def to_plain(value: Any) -> Any:
    """Decimals as numbers, and bytes that are UTF-8 as texts, at any depth."""
    if isinstance(value, dict):
        return {name: to_plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [to_plain(one) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value
