"""Imports of rows: columns, ranges and forms of files, what is bad and kept aside, responses without ratings."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rater_data.errors import BadInput, DiskFull
from rater_data.importing.import_files import import_file, import_ratings
from rater_data.importing.options import ImportOptions
from rater_data.importing.readers.column_files import read_dataset
from tests.rater_data.importing.import_world import import_as_ratings, judgements, read_jsonl, write_jsonl
from tests.rater_data.store_world import (
    make_world,
    publish,
    rate_next,
)

# ---- columns, ranges, forms


def test_columns_and_scores_of_another_range(store, tmp_path):
    rows = [{"question": "p", "answer": f"a{s}", "stars": s} for s in (0, 2.5, 5)]
    columns = {"prompt": "question", "response": "answer", "rating": "stars"}
    path = write_jsonl(tmp_path, "a.jsonl", rows)
    assert import_as_ratings(store, path, columns=columns, score_range=(0, 5)).stored.ratings == 3
    assert [score for *_, score in judgements(store)] == [1, 6, 10]
    with pytest.raises(
        BadInput, match=r"has no column query to take as prompt: its columns are question, answer"
    ):
        import_as_ratings(store, path, columns={"prompt": "query"})
    with pytest.raises(BadInput, match="has to go up"):
        import_as_ratings(store, path, columns=columns, score_range=(5, 0))


def test_packed_files_and_parquet(store, tmp_path):
    rows = [{"prompt": "p", "response": f"r{i}", "rating": i} for i in (1, 2)]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    assert import_ratings(store, tmp_path / "a.jsonl.gz") == (2, 0)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert import_ratings(store, tmp_path / "a.parquet") == (0, 2)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"prompt,response,rating\np,r3,3\n")[:-4])
    with pytest.raises(BadInput, match=r"no whole \.gz file"):
        import_ratings(store, tmp_path / "a.csv.gz")
    pq.write_table(pa.Table.from_pylist([rows[0] | {"rating": 99}]), tmp_path / "b.parquet")
    with pytest.raises(BadInput, match=r"b\.parquet, row 1: The score 99"):
        import_ratings(store, tmp_path / "b.parquet")


def test_messages_of_a_table_have_empty_names(store, tmp_path):
    plain, named = {"role": "user", "content": "Hi?"}, {"role": "user", "content": "Ho?", "name": "me"}
    table = pa.Table.from_pylist([{"messages": [plain]}, {"messages": [named]}])
    pq.write_table(table, tmp_path / "a.parquet")
    assert import_file(store, tmp_path / "a.parquet", ImportOptions(kind="prompts")).stored.prompts == 2
    assert [prompt.text for prompt in store.prompts()] == ["Hi?", "Ho?"]


def test_a_dataset_of_the_hub(store, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_jsonl(folder, "train.jsonl", [{"instruction": "Hi?"}, {"instruction": "Ho?"}])
    options = ImportOptions(kind="prompts", columns={"prompt": "instruction"})
    from rater_data.importing.import_rows import import_rows

    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rows = read_dataset(str(folder), "train")
    report = import_rows(store, rows, options, name="mine", rejects=tmp_path / "x.jsonl")
    assert (report.stored.prompts, [p.text for p in store.prompts()]) == (2, ["Hi?", "Ho?"])

    with pytest.raises(
        BadInput, match=r"The dataset some/thing cannot be read: Couldn't reach 'some/thing' on the Hub"
    ):
        list(read_dataset("some/thing"))


def test_a_row_may_name_its_split_as_datasets_do_and_have_no_comment(store, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("prompt,response,rating,split,comment\na,b,8,test,nan\nc,d,8,Train,fine\ne,f,8,dev,\n")
    import_as_ratings(store, path)
    assert {prompt.text: prompt.split for prompt in store.prompts()} == {
        "a": "holdout",
        "c": "train",
        "e": "holdout",
    }
    assert sorted(one.rating.comment for one in store.rated()) == ["", "", "fine"]
    path.write_text("prompt,response,rating,split\na,b,8,later\n")
    with pytest.raises(BadInput, match="has to be one of train, holdout, not 'later'"):
        import_as_ratings(store, path)


# ---- what is bad


def test_bad_rows_are_kept_aside_and_all_or_nothing(store, tmp_path):
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(
        b'{"prompt": "a", "response": "b", "rating": 5}\n{"prompt": "a"}\nnonsense\n\xff\xfe\n'
        b'{"prompt": "c", "response": "d", "rating": NaN}\n{"prompt": "a", "response": "b", "rating": 5.0}\n'
    )
    with pytest.raises(BadInput) as told:
        import_as_ratings(store, path)
    assert str(told.value) == (
        "mixed.jsonl, line 2: there is no response: name the column response or completion, and fill it. "
        f"And 3 more rows are bad ({path}.rejected.jsonl has all of them). Nothing of the file was imported."
    )
    assert (store.prompts(), store.rated(), store.users(), store.round(0)) == ([], [], [], None)
    kept = read_jsonl(tmp_path / "mixed.jsonl.rejected.jsonl")
    assert [row["line"] for row in kept] == [2, 3, 4, 5]
    assert kept[0]["row"] == {"prompt": "a"}
    assert kept[3]["row"] == {"prompt": "c", "response": "d", "rating": None}
    (tmp_path / "mixed.jsonl.rejected.jsonl").unlink()
    dry = import_as_ratings(store, path, skip_bad=True, dry_run=True)
    assert (dry.rows, dry.bad_rows, dry.duplicates, dry.stored.ratings) == (6, 4, 1, 1)
    assert sorted(p.name for p in tmp_path.glob("mixed*")) == ["mixed.jsonl"]
    assert (store.prompts(), store.users()) == ([], [])
    report = import_as_ratings(store, path, skip_bad=True)
    assert (report.stored.ratings, report.duplicates, report.bad_rows) == (1, 1, 4)
    assert report.rejects_file == tmp_path / "mixed.jsonl.rejected.jsonl"
    assert sorted(p.name for p in tmp_path.glob(".mixed*")) == []


def test_ratings_that_are_there_stay_as_they_are(store, tmp_path):
    row = {"prompt": "a", "response": "b", "rating": 5, "rater": "Ann"}
    import_as_ratings(store, write_jsonl(tmp_path, "a.jsonl", [row]))
    report = import_as_ratings(
        store, write_jsonl(tmp_path, "b.jsonl", [row | {"rating": 6}, row | {"rater": "Bob"}])
    )
    assert (report.stored.ratings, report.stored.existing, report.stored.differing) == (1, 1, 1)
    assert [score for *_, score in judgements(store)] == [5, 5]


def test_a_full_disk_while_storing_leaves_nothing(store, tmp_path, monkeypatch):
    from rater_data.store.transfer import import_ratings, imports

    path = write_jsonl(
        tmp_path, "a.jsonl", [{"prompt": "a", "response": str(i), "rating": 5} for i in range(10)]
    )
    monkeypatch.setattr(imports, "BATCH", 3)
    real = import_ratings.RatingImport.add

    def full(self, some):
        real(self, some)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(import_ratings.RatingImport, "add", full)
    with pytest.raises(DiskFull):
        import_as_ratings(store, path)
    assert (store.prompts(), store.rated(), store.users()) == ([], [], [])


# ---- responses


def test_responses_wait_or_are_offered(tmp_path):
    world = make_world(tmp_path / "home", prompts=1, k=1)
    store, rater = world.store, world.rater
    path = write_jsonl(tmp_path, "r.jsonl", [{"prompt": "p", "response": r} for r in ("a", "b", "a")])
    report = import_file(store, path, ImportOptions(kind="responses"))
    assert (report.stored.responses, report.duplicates, store.round(0).state) == (2, 1, "published")
    rate_next(store, rater, 5)
    assert store.next_card(rater.id) is None
    assert import_file(store, path, ImportOptions(kind="responses", offer=True)).stored.responses == 0
    assert store.next_card(rater.id).round_number == 0
    first = rate_next(store, rater, 7)
    assert store.undo(rater.id).response_id == first.response_id
    for score in (8, 3):
        rate_next(store, rater, score)
    assert store.next_card(rater.id) is None
    assert [r.rating.score for r in store.rated(0)] == [8, 3]
    assert store.round().number == 1
    publish(store)
    assert len(store.snapshot(1)) == 3
    store.close()
