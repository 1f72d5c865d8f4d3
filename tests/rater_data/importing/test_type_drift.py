"""The same rows, whichever library wrote them: the store is equal every time."""

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rater_data.importing.import_files import import_file
from rater_data.importing.options import ImportOptions
from tests.rater_data.importing.import_world import emptied
from tests.rater_data.importing.test_everyday_files import what_is_said
from tests.rater_data.store_world import file_store

# a cell of a table has no ends that are blanks, and what stands in it is neither a number nor a formula
TEXT = st.text("abcß愛😀 ,;'\"[]{}:\n\\<>|", max_size=12).map(lambda text: f"t{text}.")
RATERS = st.one_of(st.none(), st.integers(0, 12))
NAMES = st.one_of(st.none(), st.sampled_from(("Ann", "Bo", "O'Neil", "<i>Zoë</i>", "007")))


@st.composite
def tables(draw: Any) -> list[dict[str, Any]]:
    """Rows as all libraries can hold them: a column has one type, and some cells of it may be empty."""
    chats, raters = draw(st.booleans()), draw(st.sampled_from((RATERS, NAMES)))
    rows = []
    for number in range(draw(st.integers(1, 4))):
        turns = [{"role": "user", "content": draw(TEXT)}]
        if chats and draw(st.booleans()):
            turns.insert(0, {"role": "system", "content": draw(TEXT)})
        rows.append({
            "prompt": turns if chats else turns[0]["content"],
            "response": f"{number} {draw(TEXT)}",
            "rating": draw(st.integers(1, 10)),
            "rater": draw(raters),
        })  # fmt: skip
    return rows


def _frame(rows: list[dict]) -> pd.DataFrame:
    return pd.DataFrame(rows)


def _write_workbook(rows: list[dict], path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(list(rows[0]))
    for row in rows:
        book.active.append(
            [str(v) if isinstance(v, list) else float(v) if type(v) is int else v for v in row.values()]
        )
    book.save(path)


def _through_parquet(rows: list[dict]) -> pd.DataFrame:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return pd.read_parquet(sink)


def _pyarrow_csv(rows: list[dict], path: Path) -> None:
    flat = [{k: json.dumps(v) if isinstance(v, list) else v for k, v in row.items()} for row in rows]
    pa_csv.write_csv(pa.Table.from_pylist(flat), path)


def _through_duckdb(rows: list[dict], select: str, into: str = "") -> Any:
    """The rows as a query of DuckDB gives them, or as it writes them into a file (`into`: its path and format)."""
    table = pa.Table.from_pylist(rows)
    with duckdb.connect() as connection:
        connection.register("rows", table)
        if into:
            return connection.execute(f"copy (select {select} from rows) to {into}")
        return connection.sql(f"select {select} from rows").df()


OTHER_TYPES = "to_json(prompt) as prompt, response, rating::decimal(6, 2) as rating, rater"


def _dataset(rows: list[dict]) -> datasets.Dataset:
    return datasets.Dataset.from_list(rows)


WRITERS: dict[str, tuple[str, Callable[[list[dict], Path], Any]]] = {
    "json lines": (
        "a.jsonl",
        lambda rows, path: path.write_text("".join(json.dumps(r) + "\n" for r in rows)),
    ),
    "json": ("a.json", lambda rows, path: path.write_text(json.dumps(rows))),
    "pandas csv": ("a.csv", lambda rows, path: _frame(rows).to_csv(path, index=False)),
    "pandas csv, semicolons": ("a.csv", lambda rows, path: _frame(rows).to_csv(path, sep=";", index=False)),
    "pandas csv, UTF-16": (
        "a.csv.gz",
        lambda rows, path: _frame(rows).to_csv(path, encoding="utf-16", index=False),
    ),
    "pandas csv of texts": ("a.csv", lambda rows, path: _frame(rows).astype(str).to_csv(path, index=False)),
    "pandas json": ("a.json", lambda rows, path: _frame(rows).to_json(path)),
    "pandas json lines": (
        "a.jsonl.zst",
        lambda rows, path: _frame(rows).to_json(path, orient="records", lines=True),
    ),
    "pandas Parquet": ("a.parquet", lambda rows, path: _frame(rows).to_parquet(path)),
    "csv of Parquet": ("a.csv", lambda rows, path: _through_parquet(rows).to_csv(path)),
    "json of Parquet": ("a.json", lambda rows, path: _through_parquet(rows).to_json(path, orient="records")),
    "pyarrow Parquet": ("a.parquet", lambda rows, path: pq.write_table(pa.Table.from_pylist(rows), path)),
    "pyarrow csv": ("a.csv", _pyarrow_csv),
    "datasets Parquet": ("a.parquet", lambda rows, path: _dataset(rows).to_parquet(path)),
    "datasets csv": ("a.csv", lambda rows, path: _dataset(rows).to_csv(path)),
    "datasets json": ("a.json", lambda rows, path: _dataset(rows).to_json(path)),
    "datasets folder": ("a", lambda rows, path: _dataset(rows).save_to_disk(path)),
    "DuckDB csv": ("a.csv", lambda rows, path: _through_duckdb(rows, "*", f"'{path}'")),
    "DuckDB json": ("a.json", lambda rows, path: _through_duckdb(rows, "*", f"'{path}' (format json)")),
    "DuckDB array": ("a.json", lambda rows, path: _through_duckdb(rows, "*", f"'{path}' (array true)")),
    "DuckDB Parquet": ("a.parquet", lambda rows, path: _through_duckdb(rows, "*", f"'{path}'")),
    "DuckDB Parquet, other types": (
        "a.parquet",
        lambda rows, path: _through_duckdb(rows, OTHER_TYPES, f"'{path}'"),
    ),
    "csv of DuckDB": ("a.csv", lambda rows, path: _through_duckdb(rows, "*").to_csv(path, index=False)),
    "workbook": ("a.xlsx", _write_workbook),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    datasets.disable_progress_bars()
    made = file_store(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


def said_by(store: Any, writer: str, rows: list[dict]) -> list[tuple]:
    name, write = WRITERS[writer]
    with tempfile.TemporaryDirectory() as folder, emptied(store):
        write(rows, Path(folder) / name)
        import_file(store, Path(folder) / name, ImportOptions(kind="ratings"))
        return sorted(what_is_said(store))


def meant(rows: list[dict]) -> list[tuple]:
    found = []
    for row in rows:
        turns = (
            row["prompt"] if isinstance(row["prompt"], list) else [{"role": "user", "content": row["prompt"]}]
        )
        chat = " | ".join(f"{turn['role']}: {turn['content']}" for turn in turns)
        rater = "imported" if row["rater"] is None else str(row["rater"])
        found.append((chat, row["response"], row["rating"], rater))
    return sorted(found)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=tables())
@pytest.mark.parametrize("writer", WRITERS)
def test_the_store_is_what_was_meant(store, writer, rows):
    assert said_by(store, writer, rows) == meant(rows)
