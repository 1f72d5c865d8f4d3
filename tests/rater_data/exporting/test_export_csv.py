"""Our CSV keeps spreadsheets from taking texts for formulas; whoever reads it back gets the texts as they were."""

import json

import datasets
import pytest
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.exporting import llama_factory
from rater_data.exporting.export import export
from rater_data.exporting.formats.base import stream_rows
from rater_data.exporting.formats.export_request import ExportRequest
from rater_data.exporting.formats.table import EXPORT_FORMATS, is_own_csv
from rater_data.importing.import_files import import_file, import_ratings
from rater_data.importing.options import ImportOptions
from rater_data.importing.readers.read_file import read_file
from tests.paths import DOCS
from tests.rater_data.store_world import file_store

PAGE = (DOCS / "exports.md").read_text("utf-8")
TEXTS = ("- a drink", "=1+1", "'quoted'", "'-", "@home", "+1\n-2", "plain")


@pytest.fixture
def store(tmp_path):
    made = file_store(tmp_path / "home")
    rows = [{"prompt": "- what?", "response": text, "rating": i + 1} for i, text in enumerate(TEXTS)]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    import_ratings(made, tmp_path / "in.jsonl")
    with made.writing() as connection:
        from rater_data.store.database import schema as t

        connection.execute(t.ratings.update().values(attributes={"helpful": 4, "=wit": 2}))
    yield made
    made.close()


@pytest.mark.parametrize("format", EXPORT_FORMATS)
def test_every_format_is_read_back_as_it_was(store, tmp_path, format):
    export(store, tmp_path / "a.csv", format=format, file_type="csv")
    export(store, tmp_path / "a.jsonl", format=format)
    cells, rows = list(read_file(tmp_path / "a.csv")), list(read_file(tmp_path / "a.jsonl"))
    texts = ("prompt", "completion", "response", "chosen", "rejected")
    for cell, row in zip(cells, rows, strict=True):
        assert {n: cell.values[n] for n in texts if n in row.values} == {
            n: v for n, v in row.values.items() if n in texts
        }
    assert any("'" + row.values["prompt"] in (tmp_path / "a.csv").read_text("utf-8") for row in rows)


@pytest.mark.parametrize("format", [name for name in EXPORT_FORMATS if name != "ratings"])
def test_our_formats_are_known_by_their_columns(store, format):
    columns = set(stream_rows(store, ExportRequest(format=format)).schema.names)
    assert set(EXPORT_FORMATS[format].csv_columns.split()) <= columns
    assert is_own_csv(columns) and not is_own_csv(columns - {"raters"})


def test_pairs_come_in_again_with_the_texts_they_had(store, tmp_path):
    export(store, tmp_path / "pairs.csv", format="preference", file_type="csv")
    other = file_store(tmp_path / "other")
    other.choose_scale("pair")
    import_file(other, tmp_path / "pairs.csv", ImportOptions(kind="ratings"))
    assert {one.text for one in other.responses(0)} == set(TEXTS)
    assert {one.text for one in other.prompts()} == {"- what?"}
    other.close()


def test_what_others_wrote_is_taken_as_it_is(tmp_path):
    (tmp_path / "theirs.csv").write_text("prompt,chosen,rejected\n'-a,'=b,c\n", "utf-8")
    (row,) = read_file(tmp_path / "theirs.csv")
    assert row.values == {"prompt": "'-a", "chosen": "'=b", "rejected": "c"}


def test_trainers_are_not_given_apostrophes(store, tmp_path):
    for shown in ("write", "print"):
        words = ["export", "--format", "preference", "--as", "csv", "--out", str(tmp_path / "a.csv")]
        done = CliRunner().invoke(app, [*words, "--llama-factory", shown, "--home", str(tmp_path / "home")])
        assert (done.exit_code, "would learn the apostrophes" in done.stderr) == (1, True)
        assert not (tmp_path / "a.csv").exists() and not (tmp_path / llama_factory.FILE).exists()


def test_the_page_says_how_to_read_the_csv_for_training(store, tmp_path):
    """The line of docs/exports.md, as somebody would use it."""
    export(store, tmp_path / "a.csv", format="prompt-completion", file_type="csv")
    (line,) = [one.strip() for one in PAGE.splitlines() if "lambda cell" in one]
    plain = eval(line.removesuffix(" on every text.").strip("`"))
    found = datasets.load_dataset("csv", data_files=str(tmp_path / "a.csv"), cache_dir=str(tmp_path / "c"))[
        "train"
    ]
    found = found.map(lambda row: {"completion": plain(row["completion"])})
    assert sorted(found["completion"]) == sorted(TEXTS)
