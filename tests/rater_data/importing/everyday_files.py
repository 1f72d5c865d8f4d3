"""Everyday files in many layouts, each with what it says: a prompt, an answer, a score and who gave it.

Every file says the same two things, as far as its layout can: Ann gave "Red." 8 and "Blue." 3 for "A colour?".
"""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

ASKED, GOOD, BAD = "A colour?", "Red.", "Blue."
ROWS = [
    {"prompt": ASKED, "response": GOOD, "rating": 8, "rater": "Ann"},
    {"prompt": ASKED, "response": BAD, "rating": 3, "rater": "Ann"},
]
USER = {"role": "user", "content": ASKED}
SAID = [("user: A colour?", GOOD, 8, "Ann"), ("user: A colour?", BAD, 3, "Ann")]
"""What is in the store then: the conversation, the response, the score, the rater."""
UNNAMED = [(*said[:3], "imported") for said in SAID]
WORTH = {"chosen_score": 8.0, "rejected_score": 3.0}


@dataclass(frozen=True)
class Everyday:
    """A file, how it is imported, and what is in the store then; or what is said of it, where it cannot be read.

    `content`: bytes, or a function that writes the file or folder of this path.
    """

    id: str
    name: str
    content: bytes | Callable[[Path], Any]
    said: Any = field(default_factory=lambda: SAID)
    options: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    def write(self, folder: Path) -> Path:
        path = folder / self.name
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content(path)
        return path


def lines(rows: list) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_csv(rows: list[dict], separator: str = ",") -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def with_chats(chat: Callable[[str, str], Any], **more: Any) -> list[dict]:
    """The rows with the prompt as a chat of one message, made by `chat(role, text)`."""
    return [{**row, "prompt": chat("user", ASKED), **more} for row in ROWS]


def workbook(*sheets: list[list], **hidden: list[list]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, cells in [*((f"Sheet{i}", cells) for i, cells in enumerate(sheets)), *hidden.items()]:
            sheet = book.create_sheet(title)
            for row in cells:
                sheet.append(row)
            if title in hidden:
                sheet.sheet_state = "hidden"
        book.save(path)

    return write


CELLS = [list(ROWS[0]), *(list(row.values()) for row in ROWS)]
TEXT = as_csv(ROWS)
JSONL = lines(ROWS)


def parquet(rows: list[dict], schema: Any = None) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    return sink.getvalue()


def folder_of(files: dict[str, bytes]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)

    return write


CONTAINERS = [
    Everyday("lines", "a.jsonl", JSONL),
    Everyday("ndjson", "a.ndjson", JSONL),
    Everyday("json of lines", "a.json", JSONL),
    Everyday("json array", "a.json", json.dumps(ROWS).encode()),
    Everyday("json array, indented", "a.json", json.dumps(ROWS, indent=2).encode()),
    Everyday("array in jsonl", "a.jsonl", json.dumps(ROWS).encode()),
    Everyday("json under data", "a.json", json.dumps({"data": ROWS}).encode()),
    Everyday("json of columns", "a.json", pd.DataFrame(ROWS).to_json().encode()),
    Everyday(
        "json of lists", "a.json", json.dumps({key: [r[key] for r in ROWS] for key in ROWS[0]}).encode()
    ),
    Everyday("json of rows by their number", "a.json", pd.DataFrame(ROWS).to_json(orient="index").encode()),
    Everyday("json, split", "a.json", pd.DataFrame(ROWS).to_json(orient="split").encode()),
    Everyday("json, table", "a.json", pd.DataFrame(ROWS).to_json(orient="table").encode()),
    Everyday("json under results", "a.json", json.dumps({"results": ROWS, "total": 2}).encode()),
    Everyday("objects behind each other", "a.json", "".join(map(json.dumps, ROWS)).encode()),
    Everyday("jq's objects", "a.json", "\n".join(json.dumps(row, indent=2) for row in ROWS).encode()),
    Everyday("jsonl with Windows' line ends", "a.jsonl", JSONL.replace(b"\n", b"\r\n")),
    Everyday("one object", "a.json", json.dumps(ROWS[0], indent=1).encode(), SAID[:1]),
    Everyday("jsonl.gz", "a.jsonl.gz", gzip.compress(JSONL)),
    Everyday("gzip under another name", "a.jsonl", gzip.compress(JSONL)),
    Everyday("unpacked, and still called .gz", "a.csv.gz", TEXT.encode()),
    Everyday("jsonl.zst", "a.jsonl.zst", zstandard.compress(JSONL)),
    Everyday("csv.zst", "a.csv.zst", zstandard.compress(TEXT.encode())),
    Everyday("zst in two frames", "a.jsonl.zst", b"".join(zstandard.compress(lines([row])) for row in ROWS)),
    Everyday("jsonl.bz2", "a.jsonl.bz2", bz2.compress(JSONL)),
    Everyday("jsonl.xz", "a.jsonl.xz", lzma.compress(JSONL)),
    Everyday("json.xz in two streams", "a.jsonl.xz", b"".join(lzma.compress(lines([row])) for row in ROWS)),
    Everyday("csv in UTF-16", "a.csv", TEXT.encode("utf-16")),
    Everyday("csv in UTF-16 without a mark", "a.csv", TEXT.encode("utf-16-le")),
    Everyday("jsonl in UTF-16, big end first", "a.jsonl", b"\xfe\xff" + JSONL.decode().encode("utf-16-be")),
    Everyday("json in UTF-16, packed", "a.json.gz", gzip.compress(json.dumps(ROWS).encode("utf-16"))),
    Everyday("csv in UTF-32", "a.csv", TEXT.encode("utf-32")),
    Everyday("csv with a mark", "a.csv", TEXT.encode("utf-8-sig")),
    Everyday(
        "csv with two marks", "a.csv", TEXT.encode("utf-8-sig").replace(b"\xef", b"\xef\xbb\xbf\xef", 1)
    ),
    Everyday("names with unseen signs", "a.csv", TEXT.replace("prompt", "\u200bprompt\xa0").encode()),
    Everyday("csv with old Macs' line ends", "a.csv", TEXT.replace("\r\n", "\r").encode()),
    Everyday("blanks behind commas", "a.csv", TEXT.replace(",", ", ").encode()),
    Everyday(
        "blanks and quotes",
        "a.csv",
        b'"prompt", "response", "rating"\n"A, colour?", "Red.", "8"\n',
        [("user: A, colour?", GOOD, 8, "imported")],
    ),
    Everyday("bars", "a.csv", as_csv(ROWS, "|").encode()),
    Everyday(
        "lines in a cell",
        "a.csv",
        as_csv([{**ROWS[0], "response": "Red.\n\nVery\r\nred."}]).encode(),
        [(SAID[0][0], "Red.\n\nVery\r\nred.", *SAID[0][2:])],
    ),
    Everyday("semicolons", "a.csv", as_csv(ROWS, ";").encode()),
    Everyday("tabs", "a.csv", as_csv(ROWS, "\t").encode()),
    Everyday("tsv", "a.tsv", as_csv(ROWS, "\t").encode()),
    Everyday("sep=;", "a.csv", b"sep=;\r\n" + as_csv(ROWS, ";").encode()),
    Everyday("sep=, in UTF-16", "a.csv", ("sep=,\r\n" + TEXT).encode("utf-16")),
    Everyday(
        "decimal comma", "a.csv", as_csv(ROWS, ";").replace(";8;", ";8,0;").replace(";3;", ';"3,0";').encode()
    ),
    Everyday("empty columns at the end", "a.csv", TEXT.replace("\r\n", ",,,\r\n").encode()),
    Everyday("empty cells at the end of rows", "a.csv", TEXT.replace("Ann\r\n", "Ann,,\r\n").encode()),
    Everyday("pandas' index", "a.csv", pd.DataFrame(ROWS).to_csv().encode()),
    Everyday(
        "names in another case", "a.jsonl", lines([{k.title(): v for k, v in row.items()} for row in ROWS])
    ),
    Everyday(
        "names in capitals", "a.parquet", parquet([{k.upper(): v for k, v in row.items()} for row in ROWS])
    ),
    Everyday(
        "workbook with Excel's signs",
        "a.xlsx",
        workbook([CELLS[0], [f"{ASKED}_x000D_\nOne.", *CELLS[1][1:]]]),
        [(f"{SAID[0][0]}\r\nOne.", *SAID[0][1:])],
    ),
    Everyday("workbook", "a.xlsx", workbook(CELLS)),
    Everyday(
        "workbook with an empty sheet and a hidden one", "a.xlsx", workbook(CELLS, [], Lists=[["x"], ["y"]])
    ),
    Everyday(
        "workbook, one sheet of two",
        "a.xlsx",
        workbook([["prompt"], ["x"]], CELLS),
        options={"config": "Sheet1"},
    ),
    Everyday(
        "workbook of two sheets", "a.xlsx", workbook(CELLS, CELLS), error="several sheets, Sheet0, Sheet1"
    ),
    Everyday(
        "a cell more than names",
        "a.csv",
        TEXT.replace("Ann\r\n", "Ann,x\r\n").encode(),
        error="5 cells, but the header has 4",
    ),
    Everyday("cut zst", "a.jsonl.zst", zstandard.compress(JSONL * 50)[:-9], error="no whole .zst file"),
    Everyday("cut xz", "a.jsonl.xz", lzma.compress(JSONL)[:-9], error="no whole .xz file"),
    Everyday("cut bz2", "a.jsonl.bz2", bz2.compress(JSONL)[:-9], error="no whole .bz2 file"),
    Everyday("cut array", "a.json", json.dumps(ROWS).encode()[:-9], error="a.json, row 2: this is no JSON"),
    Everyday(
        "Latin 1", "a.csv", as_csv([{**ROWS[0], "response": "Röt"}]).encode("latin-1"), error="is not UTF-8"
    ),
    Everyday(
        "a page that asks to sign in", "a.csv", b"<!DOCTYPE html><html></html>", error="no rows to import"
    ),
    Everyday(
        "a pointer of Git LFS",
        "a.parquet",
        b"version https://git-lfs.github.com/spec/v1\n",
        error="no Parquet",
    ),
    Everyday(
        "two columns of a name",
        "a.csv",
        b"prompt,rating,rating\nA,8,9\n",
        error="two columns have the same name",
    ),
    Everyday(
        "a title above the names", "a.csv", b"March\n" + TEXT.encode(), error="4 cells, but the header has 1"
    ),
    Everyday(
        "a sum below the rows", "a.csv", TEXT.encode() + b"Sum,,11,\r\n", error="line 4: there is no response"
    ),
    Everyday("two arrays", "a.json", json.dumps(ROWS).encode() * 2, error="behind the closing bracket"),
]
