"""Folders of datasets: which files, which part each is of, and which of our splits that is."""

import json
from contextlib import closing

import datasets
import pytest
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.errors import BadInput
from rater_data.importing.import_files import import_file
from rater_data.importing.import_rows import import_rows
from rater_data.importing.options import ImportOptions
from rater_data.importing.readers.column_files import read_dataset
from rater_data.importing.readers.splits import part_of_file, split_named
from rater_data.store import Store
from tests.rater_data.importing.everyday_files import folder_of, lines, parquet
from tests.rater_data.importing.import_world import emptied
from tests.rater_data.store_world import file_store


def rows(word: str) -> list[dict]:
    return [{"prompt": f"{word}?", "response": "Yes.", "rating": 8}]


LEARNED, HELD = parquet(rows("learned")), parquet(rows("held"))
CARD = b"""---
license: mit
configs:
- config_name: default
  data_files:
  - split: train
    path: data/part-0*
  - split: test
    path: ["data/part-1.parquet"]
- config_name: more
  data_files: "more/*.jsonl"
---
# A dataset
"""
CARDED = {
    "README.md": CARD,
    "data/part-0.parquet": LEARNED,
    "data/part-1.parquet": HELD,
    "more/a.jsonl": lines(rows("more")),
}
BOTH = {"learned?": "train", "held?": "holdout"}


def saved(path):
    datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_list(rows("learned")),
            "validation": datasets.Dataset.from_list(rows("held")),
        }
    ).save_to_disk(str(path))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = file_store(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


CASES = {
    "names": (folder_of({"train-00000-of-00001.parquet": LEARNED, "test-00000-of-00001.parquet": HELD}), {}, BOTH),
    "names in data": (folder_of({"data/train-0.parquet": LEARNED, "data/validation-0.parquet": HELD}), {}, BOTH),
    "folders": (folder_of({"train/a.jsonl": lines(rows("learned")), "dev/a.jsonl": lines(rows("held"))}), {}, BOTH),
    "tables": (folder_of({"train.csv": b"prompt,response,rating\nlearned?,Yes.,8\n", "LICENSE.txt": b"x"}), {},
               {"learned?": "train"}),
    "neither": (folder_of({"a.parquet": LEARNED, ".git/test.parquet": HELD}), {}, {"learned?": "train"}),
    "card": (folder_of(CARDED), {}, BOTH),
    "card, one part": (folder_of(CARDED), {"split": "test"}, {"held?": "holdout"}),
    "card, other configuration": (folder_of(CARDED), {"config": "more"}, {"more?": "train"}),
    "one part": (folder_of({"train.parquet": LEARNED, "test.parquet": HELD}), {"split": "test"}, {"held?": "holdout"}),
    "saved": (saved, {}, BOTH),
    "saved, one part": (saved, {"split": "validation"}, {"held?": "holdout"}),
    "our rejects": (folder_of({"train.jsonl": lines(rows("learned")), "train.jsonl.rejected.jsonl": b"{}\n"}),
                    {}, {"learned?": "train"}),
    "no such part": (folder_of({"train.parquet": LEARNED}), {"split": "test"}, "has no split test: it has train"),
    "no such saved part": (saved, {"split": "test"}, "has no split test: it has train, validation"),
    "no such configuration": (folder_of(CARDED), {"config": "x"}, "has the configurations default, more"),
    "no configurations": (folder_of({"a.parquet": LEARNED}), {"config": "x"}, "names no configurations"),
    "no such file": (folder_of({"README.md": CARD, "a.parquet": LEARNED}), {}, "names data/part-0"),
    "no YAML": (folder_of({"README.md": b"---\na: [\n---\n", "a.parquet": LEARNED}), {}, "is no YAML"),
    "splits elsewhere": (folder_of({"dataset_dict.json": json.dumps({"splits": ["../x"]}).encode()}), {},
                         "does not list the splits"),
    "a part that is no Parquet": (folder_of({"train.parquet": b"PAR1"}), {}, "train.parquet is no Parquet file"),
    "whatever files": (folder_of({"a.jsonl": lines(rows("a")), "b.csv": b"prompt\n"}), {}, "without a dataset"),
    "nothing": (folder_of({"x.png": b""}), {}, "without a dataset"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_folder(store, tmp_path, name):
    write, choice, said = CASES[name]
    write(tmp_path / "mine")
    with emptied(store):
        if isinstance(said, str):
            with pytest.raises(BadInput, match=said):
                import_file(store, tmp_path / "mine", ImportOptions(kind="ratings"), **choice)
            assert store.prompts() == []
        else:
            import_file(store, tmp_path / "mine", ImportOptions(kind="ratings"), **choice)
            assert {prompt.text: prompt.split for prompt in store.prompts()} == said


def test_a_row_of_a_folder_is_named_by_its_file(store, tmp_path):
    folder_of({"train/a.jsonl": lines(rows("a")), "test/a.jsonl": b'{"prompt": "b"}\n'})(tmp_path / "mine")
    with pytest.raises(BadInput, match=r"test/a\.jsonl, line 1: there is no response"):
        import_file(store, tmp_path / "mine", ImportOptions(kind="ratings"))


@pytest.mark.parametrize(
    ("name", "part", "split"),
    [
        ("data/test-00000-of-00001.parquet", "test", "holdout"),
        ("train_sft-0.parquet", "train", "train"),
        ("validation/latest.jsonl", "validation", "holdout"),
        ("contest.csv", "", ""),
        ("training/test.csv", "test", "holdout"),
    ],
)
def test_the_part_of_a_file(name, part, split):
    assert (part_of_file(name), split_named(part)) == (part, split)


def test_split_and_config_on_the_command_line(tmp_path):
    folder_of({"train.parquet": LEARNED, "test.parquet": HELD})(tmp_path / "mine")

    def run(command: str, *more: str) -> str:
        home = ["--home", str(tmp_path / "home")]
        return CliRunner().invoke(app, [command, str(tmp_path / "mine"), *more, *home]).output

    assert "has no split dev" in run("import-ratings", "--split", "dev")
    run("import-prompts", "--split", "test")
    run("import-prompts", "--split", "holdout")  # the folder has no such part: it is that of the prompts
    with closing(Store.open(tmp_path / "home")) as store:
        assert {prompt.text: prompt.split for prompt in store.prompts()} == {
            "learned?": "holdout",
            "held?": "holdout",
        }
    folder_of({"a.jsonl": lines(rows("a"))})(tmp_path / "b")
    path = str(tmp_path / "b" / "a.jsonl")
    for option in ("--split", "--config"):
        assert f"{option} " in CliRunner().invoke(app, ["import-ratings", path, option, "x"]).output


def test_what_datasets_says_keeps_its_cause(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    folder_of({"train.csv": b"prompt,response\na,b\na,b,c,d\n"})(tmp_path / "two")
    with pytest.raises(BadInput, match=r"generating the dataset: .* Expected 2 fields in line 3, saw 4"):
        list(read_dataset(str(tmp_path / "two")))
    saved(tmp_path / "mine")
    next((tmp_path / "mine" / "train").glob("*.arrow")).write_bytes(b"no arrow")
    with pytest.raises(BadInput, match=r"The dataset mine \(train\) cannot be read: "):
        import_file(store, tmp_path / "mine", ImportOptions(kind="ratings"))


def test_a_dataset_has_the_split_of_its_part(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    folder_of({"test.parquet": HELD})(tmp_path / "mine")
    found = read_dataset(str(tmp_path / "mine"), "test")
    with emptied(store):
        import_rows(store, found, ImportOptions(kind="ratings"), name="x/y", rejects=None)
        assert [prompt.split for prompt in store.prompts()] == ["holdout"]
