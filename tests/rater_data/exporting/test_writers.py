"""Every file type says the same, to whoever loads it, and hostile texts survive."""

import csv
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rater_data.csv_cells import unescape_cell
from rater_data.exporting.export import export
from rater_data.exporting.formats.base import stream_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.table import EXPORT_FORMATS
from rater_data.importing.import_files import import_ratings
from tests.rater_data.exporting.helpers import (
    FORMS,
    HOSTILE,
    TEXT,
    load_with_datasets,
    read_jsonl,
)
from tests.rater_data.store_world import (
    file_store,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(st.tuples(TEXT, TEXT, st.integers(1, 10), HOSTILE), min_size=1, max_size=4))
def test_hostile_texts_survive_every_form(tmp_path_factory, said):
    folder = tmp_path_factory.mktemp("hostile")
    store = file_store(folder / "home")
    texts = {}
    for prompt, text, score, comment in said:
        texts.setdefault((prompt, text), (score, comment))
    lines = [{"prompt": p, "response": r, "rating": s, "comment": c} for (p, r), (s, c) in texts.items()]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    import_ratings(store, folder / "in.jsonl")
    kept = {(r.prompt.text, r.response.text): r.rating.comment for r in store.rated()}
    assert kept == {where: comment for where, (_, comment) in texts.items()}
    wanted = list(kept)
    for file_type, name in FORMS.items():
        assert export(store, folder / name, file_type=file_type) == len(kept)
    found = {(r["prompt"], r["completion"]): r["comment"] for r in read_jsonl(folder / "a.jsonl")}
    assert found == kept
    with (folder / "a.csv").open(newline="", encoding="utf-8") as file:
        cells = [{n: unescape_cell(c) for n, c in row.items()} for row in csv.DictReader(file)]
    assert {(r["prompt"], r["completion"]): r["comment"] for r in cells} == kept
    table = pq.read_table(folder / "a.parquet").to_pylist()
    assert {(r["prompt"], r["completion"]): r["comment"] for r in table} == kept
    parts = [pq.read_table(path).to_pylist() for path in (folder / "a" / "data").iterdir()]
    assert sorted((r["prompt"], r["completion"]) for part in parts for r in part) == sorted(wanted)
    for format in ("prompt-completion", "unpaired"):
        for file_type in FORMS:
            export(store, folder / f"{format}.{file_type}", format=format, file_type=file_type)
        rows = read_jsonl(folder / f"{format}.jsonl")
        assert sorted((r["prompt"], r["completion"]) for r in rows) == sorted(wanted)
    store.close()


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_every_form_is_loaded_and_says_the_same(rated, tmp_path, format):
    out = tmp_path / "out"
    out.mkdir()
    counts = {
        export(rated.store, out / name, format=format, file_type=file_type)
        for file_type, name in FORMS.items()
    }
    assert len(counts) == 1
    wanted = read_jsonl(out / "a.jsonl")
    schema = stream_rows(rated.store, ExportRequest(format=format)).schema
    assert all(list(row) == schema.names for row in wanted)

    def plain(row):
        return {n: v.isoformat("T", "milliseconds") if hasattr(v, "isoformat") else v for n, v in row.items()}

    assert [plain(r) for r in load_with_datasets("parquet", out / "a.parquet", tmp_path)["train"]] == wanted
    from_json = load_with_datasets("json", out / "a.jsonl", tmp_path)["train"]
    assert [r["prompt"] for r in from_json] == [r["prompt"] for r in wanted]
    from_csv = load_with_datasets("csv", out / "a.csv", tmp_path)["train"]
    assert [unescape_cell(r["prompt"]) for r in from_csv] == [r["prompt"] for r in wanted]
    folder = load_with_datasets("folder", out / "a", tmp_path)
    assert set(folder) <= {"train", "validation", "test"}
    found = [plain(row) for part in folder.values() for row in part]
    assert sorted(found, key=json.dumps) == sorted(wanted, key=json.dumps)
