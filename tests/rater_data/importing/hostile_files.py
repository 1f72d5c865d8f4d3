"""Files made to fill the memory, to be computed or to be run. Imports each of them, and prints what was said of it and
by how many megabytes the memory grew at most. Run as a process of its own: the largest memory is a process's.
"""

import io
import json
import lzma
import random
import re
import resource
import sys
import zipfile
import zlib
from pathlib import Path

import openpyxl
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from rater_data.errors import RateloopError
from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from tests.rater_data.store_world import file_store

MB = 2**20
BLANK = (b" " * 1023 + b"\n") * 1024
ENTITIES = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
LAUGHS = f"<!DOCTYPE w [<!ENTITY a0 'ha'>{ENTITIES}]><w>&a11;</w>"


def gz(pieces: list[bytes]) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


def zst(pieces: list[bytes]) -> bytes:
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


def xz(pieces: list[bytes]) -> bytes:
    packer = lzma.LZMACompressor(preset=0)
    return b"".join(packer.compress(piece) for piece in pieces) + packer.flush()


def one_value(path: Path) -> None:
    """A text of 4 MB that stands once in the file and in a hundred rows of the table, which lacks the scores."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int32()), pa.array(["a" * 4 * MB]))
    table = pa.table({"prompt": texts, "response": ["r"] * 100})
    pq.write_table(table, path, compression="zstd")


def long_value(path: Path) -> None:
    table = pa.table({"prompt": ["a" * 80 * MB], "response": ["b"], "rating": [5]})
    pq.write_table(table, path, compression="zstd", use_dictionary=False)


def long_row(path: Path) -> None:
    """A text of 80 MB that cannot be packed, behind a row of everyday length."""
    noise = random.Random(0).randbytes(40 * MB).hex()
    table = pa.table({"prompt": ["a", noise], "response": ["b", "b"], "rating": [5, 5]})
    pq.write_table(table, path, compression="none", use_dictionary=False)


def reader_memory() -> int:
    """The most memory that the process had which reads tables, in MB; 0 without one."""
    sizes = [
        int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())[1])
        for child in psutil.Process().children()
    ]
    return max(sizes, default=0) // 1024


def workbook(path: Path, change: dict[str, bytes] | None = None, cells: tuple = ("p", "r", 5)) -> None:
    book = openpyxl.Workbook()
    for row in (("prompt", "response", "rating"), cells):
        book.active.append(row)
    made = io.BytesIO()
    book.save(made)
    with (
        zipfile.ZipFile(made) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for name in old.namelist():
            new.writestr(name, (change or {}).get(name, old.read(name)))


SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
FAR = (
    f'<worksheet {MAIN}><sheetData><row r="999999999999"><c r="A1"><v>1</v></c></row></sheetData></worksheet>'
)
HOSTILE = {
    "blank.jsonl.zst": zst([BLANK] * 80),
    "blank.csv.xz": xz([BLANK] * 80),
    "blank.json.gz": gz([BLANK] * 80),
    "line.jsonl.zst": zst([b'{"prompt": "', *[b"a" * MB] * 40]),
    "array.json.zst": zst([b'[{"prompt": "', *[b"a" * MB] * 40]),
    "object.json.zst": zst([b'{\n"prompt": "', *[b"a" * MB] * 40]),
    "cell.csv.zst": zst([b'prompt,response,rating\n"', *[b"a" * MB] * 40]),
    "header.csv.zst": zst([b"a," * (MB // 2)] * 40),
    "lines.csv.zst": zst([b'prompt,response,rating\n"', *[b"a\n" * (MB // 2)] * 40]),
    "wide.jsonl": b"\xff\xfe" + b"{" * 40 * MB,
    "deep.json": b"[" * MB,
    "deeper.json": b'{"a":' * MB,
    "deep.jsonl": b'{"prompt": "p", "response": ' + b"[" * MB + b"\n",
    "deep.csv": b'prompt,response,rating\np,"[{\'role\': ' + b"[" * MB + b'",5\n',
    "dictionary.parquet": one_value,
    "long.parquet": long_value,
    "row.parquet": long_row,
    "rows.xlsx": lambda path: workbook(path, {SHEET: b"<row/>" * (10 * MB)}),
    "far.xlsx": lambda path: workbook(path, {SHEET: FAR.encode()}),
    "laughs.xlsx": lambda path: workbook(path, {SHEET: LAUGHS.encode()}),
    "formula.xlsx": lambda path: workbook(path, cells=("p", "r", "=2+3")),
    "failed.xlsx": lambda path: workbook(path, cells=("p", "#N/A", 5)),
}  # fmt: skip


def main(folder: Path) -> None:
    store = file_store(folder / "home")
    for name, content in HOSTILE.items():
        path = folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            import_file(store, path, ImportOptions(kind="ratings"), keep_rejects=False)
            said = "came in"
        except RateloopError as error:
            said = str(error)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        print(
            json.dumps({"name": name, "said": said, "grown_mb": grown, "reader_mb": reader_memory()}),
            flush=True,
        )
        assert not store.prompts()
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
