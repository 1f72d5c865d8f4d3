"""Exports: every column is true, every form says the same, every option does what it says, hostile text survives."""

import csv
import hashlib
import json
import math
import re
import subprocess
import tracemalloc
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from rater_data.cli.main import app
from rater_data.csv_cells import unescape_cell
from rater_data.errors import BadInput, Missing, Refused
from rater_data.exporting import hub, llama_factory
from rater_data.exporting.export import export
from rater_data.exporting.formats.base import stream_rows
from rater_data.exporting.formats.dataset_parts import part_of
from rater_data.exporting.formats.export_request import ExportRequest, parse_since
from rater_data.exporting.formats.ratings import RATINGS
from rater_data.exporting.formats.table import EXPORT_FORMATS
from rater_data.importing.import_files import import_ratings
from rater_data.records import Message, Prompt, split_of
from rater_data.store.database.rows import response_row
from tests.paths import ROOT
from tests.rater_data.store_world import (
    file_store,
    make_world,
    publish,
    rate_next,
    rating,
    response,
    start_round,
    version,
)

FORMS = {"jsonl": "a.jsonl", "csv": "a.csv", "parquet": "a.parquet", "dataset": "a"}


@pytest.fixture
def store(tmp_path):
    made = file_store(tmp_path / "home")
    yield made
    made.close()


def give(store, rows, folder):
    """Ratings made elsewhere: (prompt, response, score, rater) each."""
    names = ("prompt", "response", "rating", "rater")
    lines = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    (folder / "in.jsonl").write_text(lines, "utf-8")
    import_ratings(store, folder / "in.jsonl")


def rows_of(store, **wish):
    return [
        row for some in stream_rows(store, ExportRequest(**wish)).batches for row in some.batch.to_pylist()
    ]


def read_jsonl(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def load(kind, path, folder):
    """As a user of `datasets` would."""
    given = {"path": str(path)} if kind == "folder" else {"path": kind, "data_files": str(path)}
    return datasets.load_dataset(**given, cache_dir=str(folder / "cache"))


# ---- every rating


@pytest.fixture
def world(tmp_path):
    made = make_world(tmp_path / "home", prompts=2, k=2, overlap=2)
    yield made
    made.store.close()


def test_every_column_is_true(world):
    store, rater = world.store, world.rater
    first = rate_next(store, rater, 3, comment="so so", flags=("off topic",), attributes={"helpful": 4})
    store.set_head_scores(1, {first.response_id: 0.75})
    (row,) = rows_of(store)
    about = store.response(first.response_id)
    assert set(row) == set(RATINGS.names)
    assert (row["rating_id"], row["key"], row["revision"], row["is_current"]) == (
        first.id,
        first.key,
        1,
        True,
    )
    assert row["messages"] == [{"role": "user", "content": row["prompt"]}]
    assert row["completion_sha256"] == hashlib.sha256(about.text.encode()).hexdigest()
    assert (row["score"], row["score_normalised"], row["scale_low"], row["scale_high"]) == (3, 2 / 9, 1, 10)
    assert (row["comment"], row["flags"], json.loads(row["attributes"])) == (
        "so so",
        ["off topic"],
        {"helpful": 4},
    )
    assert row["rater"] == rater.pseudonym
    assert (row["active_ms"], row["active_s"]) == (4000, 4.0)
    assert row["shown_at"].isoformat() == "1970-01-01T00:01:40+00:00"
    assert row["given_at"].year > 2000
    assert (row["round"], row["slot"], row["overlap"], row["propensity"]) == (1, about.slot, 2, 1.0)
    assert (row["policy_version"], row["adapter_sha256"], row["base_model"], row["base_revision"]) == (
        0,
        "ab" * 32,
        "tiny",
        "1",
    )
    assert (row["seed"], row["temperature"], row["tokens"], row["finish_reason"]) == (
        about.seed,
        0.7,
        3,
        "eos",
    )
    assert row["logprob"] == pytest.approx(-0.6)
    assert (row["ref_logprob"], row["kl"]) == (None, None)
    assert row["head_score"] == 0.75
    assert (row["other_id"], row["other_completion"], row["swapped"]) == (None, None, False)


def test_kl_is_the_difference_of_the_sums(world):
    store = world.store
    prompt = store.prompts()[0]
    store.add_responses(
        [
            response(prompt.id, 90, ref_logprob=-2.1),
            response(prompt.id, 91, token_ids=(), logprobs=()),
            response(prompt.id, 92, token_ids=(1,), logprobs=(-1e-05,), ref_logprob=-0.00001),
        ]
    )
    for other in (90, 91, 92):
        chosen = next(r for r in store.responses(1) if r.slot == other)
        with store.writing() as connection:
            from rater_data.store.cards.ratings import insert_rating

            insert_rating(connection, rating(chosen.id, world.rater.id), 1.0)
    found = [(r["tokens"], r["logprob"], r["kl"]) for r in rows_of(store)]
    assert found[0] == (3, pytest.approx(-0.6), pytest.approx(1.5))
    assert found[1] == (None, None, None)
    assert found[2] == (1, -1e-05, 0.0)


def test_a_base_model_in_a_folder_is_not_named_by_its_path(tmp_path):
    store = file_store(tmp_path / "home")
    store.add_prompts([Prompt.of("Q?", split="train")])
    from dataclasses import replace

    store.add_version(replace(version(0, status="current"), base_model="/home/anna/models/mine", sha256=""))
    start_round(store, 1, 1)
    rate_next(store, store.add_user("Anna", "rater"))
    (row,) = rows_of(store)
    assert (row["base_model"], row["adapter_sha256"]) == ("mine", None)
    store.close()


def compare(world):
    """Each rater compares some responses; returns what the first rater said first."""
    store = world.store
    said = []
    for rater in world.raters:
        for score in (-1.0, 0.0, 1.0):
            card = store.next_card(rater.id)
            if card is None:
                break
            assert card.other_text is not None
            said.append(store.submit(rating(card.response_id, rater.id, score, scale="pair")))
    return said


@pytest.fixture
def pairs_world(tmp_path):
    store = file_store(tmp_path / "home")
    store.choose_scale("pair")
    store.close()
    made = make_world(tmp_path / "home", prompts=2, k=4, overlap=2)
    yield made
    made.store.close()


def test_comparisons_name_both_responses(pairs_world):
    store = pairs_world.store
    said = compare(pairs_world)
    rows = rows_of(store)
    assert len(rows) == len(said)
    for one, row in zip(said, rows, strict=True):
        other = store.response(one.other_id)
        assert (row["response_id"], row["other_id"], row["swapped"]) == (
            one.response_id,
            one.other_id,
            one.swapped,
        )
        assert row["other_completion"] == other.text
        assert row["other_completion_sha256"] == hashlib.sha256(other.text.encode()).hexdigest()
        assert (row["score"], row["score_normalised"]) == (one.score, (one.score + 1) / 2)


def test_comparisons_are_pairs(pairs_world):
    store = pairs_world.store
    wanted = {}
    for one in compare(pairs_world):
        texts = [store.response(i).text for i in (one.response_id, one.other_id)]
        if one.score:
            texts = texts if one.score < 0 else texts[::-1]
            key = tuple(texts) if tuple(texts[::-1]) not in wanted else tuple(texts[::-1])
            wanted[key] = wanted.get(key, 0) + (1 if key == tuple(texts) else -1)
    found = rows_of(store, format="preference")
    wanted = {(k if n > 0 else k[::-1]) for k, n in wanted.items() if n}
    assert {(row["chosen"], row["rejected"]) for row in found} == wanted
    assert all(0 < row["margin"] <= 1 for row in found)
    assert all(row["raters"] and row["agreement"] > 0.5 for row in found)
    assert all(-1 <= row["rejected_score"] <= 1 and -1 <= row["chosen_score"] <= 1 for row in found)
    ties = rows_of(store, format="preference", ties=True)
    assert len(ties) > len(found)
    labels = rows_of(store, format="unpaired")
    assert {row["label"] for row in labels} == {True, False}
    assert all(row["label"] == (row["score"] >= 0) for row in labels)


def test_removed_ratings_are_in_no_export(world):
    from rater_data.store.database import schema as t

    store = world.store
    rate_next(store, world.rater, 3)
    with store.writing() as connection:
        connection.execute(t.ratings.update().values(verdict="removed", score=None))
    for format in ("ratings", "preference", "unpaired"):
        with pytest.raises(BadInput, match="nothing to export"):
            rows_of(store, format=format)


def test_round_since_and_split(world):
    store = world.store
    rate_next(store, world.rater, 3)
    publish(store)
    start_round(store, 2, 2)
    late = rate_next(store, world.rater, 9, submitted_at=2e9)
    assert [row["score"] for row in rows_of(store)] == [3, 9]
    assert [row["score"] for row in rows_of(store, round_number=2)] == [9]
    assert [row["score"] for row in rows_of(store, since=late.submitted_at)] == [9]
    assert len(rows_of(store, split="train")) == 2
    for format in EXPORT_FORMATS:
        with pytest.raises(Missing, match="no round 7"):
            rows_of(store, format=format, round_number=7)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400),
        ("1970-01-02T00:00:00", 86400),
        (" 1970-01-02T00:00:00.5Z ", 86400.5),
        ("1970-01-02T02:00:00+02:00", 86400),
    ],
)
def test_since_is_a_date_or_a_time(text, seconds):
    assert parse_since(text) == seconds


@given(st.text(max_size=30))
def test_what_is_no_time_is_told(text):
    try:
        assert 0 <= parse_since(text) < 253_402_300_800
    except BadInput as error:
        assert str(error).endswith(".")


def test_a_store_larger_than_a_portion(tmp_path, monkeypatch):
    """The seams between portions show nowhere."""
    world = make_world(tmp_path / "home", prompts=6, k=4, overlap=2)
    for rater in world.raters:
        for i in range(24):
            rate_next(world.store, rater, 1 + i % 10)
    whole = rows_of(world.store)
    real = world.store.portions
    for size in (1, 7, 47, 48):
        monkeypatch.setattr(world.store, "portions", lambda which, size=size: real(which, size))
        assert rows_of(world.store) == whole
    pairs = rows_of(world.store, format="preference")
    monkeypatch.setattr("rater_data.store.reports.export_rows.PROMPTS_AT_ONCE", 1)
    monkeypatch.setattr("rater_data.store.reports.export_rows.SAID_AT_ONCE", 5)
    monkeypatch.setattr("rater_data.exporting.formats.base.BATCH_ROWS", 3)
    assert rows_of(world.store, format="preference") == pairs
    world.store.close()


def many(store, ratings, share):
    """A store with so many ratings, `share` on each response, written straight into the tables."""
    from rater_data.store.database import schema as t

    store.add_prompts([Prompt.of(f"Question {i}?", split="train") for i in range(200)])
    store.add_version(version(0, status="current"))
    people = [store.add_user(f"Rater {i}", "rater").id for i in range(share)]
    store.start_round({"quota": 1}, 0)
    responses = [response_row(response(1 + i % 200, i), 1.0) for i in range(ratings // share)]
    one = {"verdict": "rated", "shown_at": 1.0, "submitted_at": 2.0, "given_at": 2.0, "active_ms": 1}
    one |= {"position": 1, "guideline_version": 1, "scale": "score_1_10", "revision": 1, "is_current": True}
    one |= {"comment": "", "flags": [], "attributes": {}}
    with store.writing() as connection:
        connection.execute(t.responses.insert(), responses)
        rows = [
            one
            | {
                "response_id": 1 + i // share,
                "rater_id": people[i % share],
                "key": str(i),
                "score": 1 + i * 7 // 11 % 10,
            }
            for i in range(ratings)
        ]
        connection.execute(t.ratings.insert(), rows)


def test_many_ratings_are_written_in_portions(store, tmp_path):
    many(store, 30_000, 3)
    export(store, tmp_path / "warm.parquet", file_type="parquet", round_number=1)
    tracemalloc.start()
    assert export(store, tmp_path / "small.parquet", file_type="parquet") == 30_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6, "some thousand ratings at a time, however many there are"
    assert pq.ParquetFile(tmp_path / "small.parquet").metadata.num_rows == 30_000


# ---- pairs and texts


def test_only_what_the_same_rater_saw(store, tmp_path):
    rows = [("p", "a", 9, "A"), ("p", "b", 4, "A"), ("p", "c", 1, "B"), ("p", "b", 3, "B")]
    give(store, rows, tmp_path)
    all_pairs = {(r["chosen"], r["rejected"]) for r in rows_of(store, format="preference")}
    assert all_pairs == {("a", "b"), ("b", "c"), ("a", "c")}
    same = rows_of(store, format="preference", same_rater=True)
    assert [(r["chosen"], r["rejected"], r["margin"]) for r in same] == [("a", "b", 5), ("b", "c", 2)]
    assert [(r["chosen_score"], r["rejected_score"]) for r in same] == [(9, 4), (3, 1)]
    assert all(len(r["raters"]) == 1 and r["agreement"] == 1 for r in same)


def test_agreement_is_of_those_who_saw_both_and_told_them_apart(store, tmp_path):
    rows = [("p", "a", 9, "A"), ("p", "b", 2, "A"), ("p", "a", 8, "B"), ("p", "b", 3, "B")]
    rows += [("p", "a", 4, "C"), ("p", "b", 5, "C"), ("p", "a", 6, "D"), ("p", "b", 6, "D")]
    give(store, rows, tmp_path)
    (pair,) = rows_of(store, format="preference")
    assert (pair["chosen"], pair["agreement"], len(pair["raters"])) == ("a", 2 / 3, 4)
    assert pair["margin"] == pytest.approx(pair["chosen_score"] - pair["rejected_score"])
    (pair,) = rows_of(store, format="preference", same_rater=True)
    assert pair["margin"] == pytest.approx((7 + 5 - 1 + 0) / 4)
    assert {user.pseudonym for user in store.users()} == set(pair["raters"])


def test_ties(store, tmp_path):
    give(store, [("p", "first", 5, "A"), ("p", "second", 5, "A"), ("p", "third", 7, "A")], tmp_path)
    assert len(rows_of(store, format="preference")) == 2
    ties = [r for r in rows_of(store, format="preference", ties=True) if r["margin"] == 0]
    assert [(r["chosen"], r["rejected"], r["agreement"]) for r in ties] == [("first", "second", None)]
    with pytest.raises(BadInput, match="no margin"):
        ExportRequest(format="preference", ties=True, min_margin=1.0)


def test_labels_and_thresholds(store, tmp_path):
    give(store, [("p", "bad", 5, "A"), ("p", "good", 6, "A"), ("q", "best", 10, "A")], tmp_path)
    labels = {r["completion"]: r["label"] for r in rows_of(store, format="unpaired")}
    assert labels == {"bad": False, "good": True, "best": True}, "from the middle of 1 to 10"
    labels = {r["completion"]: r["label"] for r in rows_of(store, format="unpaired", threshold=10)}
    assert labels == {"bad": False, "good": False, "best": True}
    kept = [(r["completion"], r["score"]) for r in rows_of(store, format="prompt-completion", threshold=6)]
    assert kept == [("good", 6), ("best", 10)]
    assert len(rows_of(store, format="prompt-completion")) == 3
    with pytest.raises(BadInput, match="nothing to export"):
        rows_of(store, format="prompt-completion", threshold=11)


@pytest.mark.parametrize("format", ["preference", "unpaired", "prompt-completion"])
def test_conversational_by_wish(store, tmp_path, format):
    give(store, [("p", "bad", 1, "A"), ("p", "good", 9, "A")], tmp_path)
    plain, chat = rows_of(store, format=format), rows_of(store, format=format, conversational=True)
    assert len(plain) == len(chat)
    for one, other in zip(plain, chat, strict=True):
        assert other["prompt"] == [{"role": "user", "content": one["prompt"]}]
        for name in {"chosen", "rejected", "completion"} & set(one):
            assert other[name] == [{"role": "assistant", "content": one[name]}]


def test_qualities_are_helpsteers(world):
    store = world.store
    first = rate_next(store, world.raters[0], 7, attributes={"helpful": 4, "Verbose": 1, "wit": 5})
    for rater in (world.raters[1],):
        while True:
            card = store.next_card(rater.id)
            if card.response_id == first.response_id:
                break
            rate_next(store, rater, verdict="skip")
        store.submit(rating(card.response_id, rater.id, 9, attributes={"helpful": 5, "prompt": 2}))
    (row,) = rows_of(store, format="helpsteer")
    assert row["response"] == store.response(first.response_id).text
    numbers = {name: row[name] for name in row if name not in ("prompt", "response", "raters")}
    assert numbers == {
        "helpfulness": 4,  # 4 and 5 are 4.5, less 1 is 3.5
        "correctness": None,
        "coherence": None,
        "complexity": None,
        "verbosity": 0,
        "quality prompt": 1,
        "wit": 4,
    }
    assert len(row["raters"]) == 2


def test_options_are_for_their_formats():
    for wish in (
        {"format": "ratings", "min_margin": 1.0},
        {"format": "unpaired", "same_rater": True},
        {"format": "preference", "threshold": 3.0},
        {"format": "helpsteer", "conversational": True},
        {"format": "unpaired", "threshold": math.nan},
        {"since": -1.0},
        {"round_number": -1},
    ):
        with pytest.raises(BadInput):
            ExportRequest(**wish)


# ---- every form says the same, to whoever loads it


HOSTILE = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        st.sampled_from("=+-@'\"\t\r\n,;|\\`{}<>\u2028\u202e\u200b\ufeff"),
    ),
    max_size=30,
)
TEXT = HOSTILE.filter(lambda text: text.strip())


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


@pytest.fixture
def rated(tmp_path):
    """Two prompts of ours and one that is never trained on, rated by two; formulas and line breaks in the texts."""
    made = make_world(tmp_path / "home", prompts=2, k=2, overlap=2)
    store = made.store
    for rater in made.raters:
        for score in (3, 8, 9):
            rate_next(store, rater, score, comment="=1+1\n", attributes={"helpful": 2})
    rows = [("held out?", "=a", 3, "C"), ("held out?", "b\n", 5, "C")]
    lines = [{"prompt": p, "response": r, "rating": s, "rater": w, "split": "holdout"} for p, r, s, w in rows]
    (tmp_path / "held.jsonl").write_text("\n".join(map(json.dumps, lines)))
    import_ratings(store, tmp_path / "held.jsonl")
    yield made
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

    assert [plain(r) for r in load("parquet", out / "a.parquet", tmp_path)["train"]] == wanted
    from_json = load("json", out / "a.jsonl", tmp_path)["train"]
    assert [r["prompt"] for r in from_json] == [r["prompt"] for r in wanted]
    from_csv = load("csv", out / "a.csv", tmp_path)["train"]
    assert [unescape_cell(r["prompt"]) for r in from_csv] == [r["prompt"] for r in wanted]
    folder = load("folder", out / "a", tmp_path)
    assert set(folder) <= {"train", "validation", "test"}
    found = [plain(row) for part in folder.values() for row in part]
    assert sorted(found, key=json.dumps) == sorted(wanted, key=json.dumps)


# ---- the dataset folder


@given(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text))
def test_a_prompts_part_is_a_rule_that_anybody_can_follow(text):
    try:
        prompt = Prompt.of(text)
    except BadInput:
        return
    canonical = json.dumps([{"content": text, "role": "user"}], ensure_ascii=False, separators=(",", ":"))
    place = int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:8], "big") % 20
    assert part_of(prompt.sha256, "train") == {0: 2, 1: 1}.get(place, 0)
    assert part_of(prompt.sha256, "holdout") == (1 if place % 2 else 2)


def test_the_parts_have_their_shares():
    parts = [part_of(Prompt.of(f"Question {i}?").sha256, "train") for i in range(4000)]
    assert [round(parts.count(place) / 4000, 2) for place in range(3)] == pytest.approx(
        [0.9, 0.05, 0.05], abs=0.015
    )
    assert split_of("Question 1?") in ("train", "holdout")


def test_holdout_is_never_in_train_and_a_prompt_is_in_one_part(rated, tmp_path):
    export(rated.store, tmp_path / "set", file_type="dataset")
    where = {}
    for path in (tmp_path / "set" / "data").iterdir():
        for row in pq.read_table(path).to_pylist():
            where.setdefault(row["prompt"], set()).add(path.name.split("-")[0])
            assert row["split"] == "train" or not path.name.startswith("train")
    assert all(len(parts) == 1 for parts in where.values())


def test_the_card(rated, tmp_path):
    export(
        rated.store,
        tmp_path / "set",
        format="preference",
        file_type="dataset",
        min_margin=0.5,
        same_rater=True,
    )
    text = (tmp_path / "set" / "README.md").read_text("utf-8")
    head = yaml.safe_load(text.split("---")[1])
    assert head["task_categories"] == ["text-generation"]
    # files that the card names are kept in the cache of `datasets` under their names, whatever is in them
    assert "configs" not in head
    for wanted in (
        "- 10: Just what I wanted",
        "`broken`: Gibberish",
        "8 ratings that count now, by 3 raters",
        "Krippendorff's alpha",
        "n = ",
        "Known biases",
        "Personal data",
        "`margin`: double",
        "export --format preference --as dataset --out set --min-margin 0.5 --same-rater",
    ):
        assert wanted in text, wanted
    assert str(tmp_path) not in text
    assert not any(user.name in text for user in rated.store.users() if user.name != "C")
    for path in (tmp_path / "set" / "data").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    done = subprocess.run(["sha256sum", "-c", "rateloop.sha256"], cwd=tmp_path / "set", capture_output=True)
    assert done.returncode == 0


def test_the_command_on_the_card_makes_the_same_again(rated, tmp_path, monkeypatch):
    wish = ExportRequest(format="unpaired", file_type="jsonl", threshold=4.5, since=1.0, round_number=1, split="train",
                conversational=True)  # fmt: skip
    export(rated.store, tmp_path / "a.jsonl", **{n: getattr(wish, n) for n in ExportRequest.__slots__})
    monkeypatch.chdir(tmp_path)
    words = wish.command("b.jsonl").split()[3:]
    done = CliRunner().invoke(app, [*words, "--home", str(tmp_path / "home")])
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_only_a_folder_of_ours_is_replaced(rated, tmp_path):
    place = tmp_path / "set"
    place.mkdir()
    (place / "dataset_info.json").write_text("{}")
    with pytest.raises(BadInput, match="not replaced"):
        export(rated.store, place, file_type="dataset", force=True)
    assert [path.name for path in place.iterdir()] == ["dataset_info.json"]


@pytest.mark.parametrize("file_type", FORMS)
def test_nothing_is_left_of_an_export_that_fails(rated, tmp_path, file_type):
    out = tmp_path / "out"
    out.mkdir()

    def broken(rows, _total):
        yield next(rows)
        raise OSError(28, "No space left on device")

    with pytest.raises(Exception, match="no room left"):
        export(rated.store, out / FORMS[file_type], file_type=file_type, wrap=broken)
    assert list(out.iterdir()) == []
    with pytest.raises(BadInput, match="cannot be written"):
        export(rated.store, out / ("x" * 300), file_type=file_type)
    assert list(out.iterdir()) == []


# ---- the hub, and LLaMA-Factory


def run(tmp_path, *words):
    return CliRunner().invoke(app, ["export", *map(str, words), "--home", str(tmp_path / "home")])


def test_push_is_datasets_own_and_private(rated, tmp_path, monkeypatch):
    pushed, sent = [], []
    monkeypatch.setattr(
        datasets.DatasetDict,
        "push_to_hub",
        lambda self, name, **more: pushed.append((name, more, {k: len(v) for k, v in self.items()})),
    )
    monkeypatch.setattr("huggingface_hub.upload_file", lambda **more: sent.append(more))
    done = run(tmp_path, "--as", "dataset", "--out", tmp_path / "set", "--push-to-hub", "me/ratings")
    assert done.exit_code == 0, done.stderr
    assert "Sent to me/ratings, private." in done.stdout
    ((name, more, counts),) = pushed
    assert (name, more, sum(counts.values())) == ("me/ratings", {"private": True}, 8)
    assert (tmp_path / "set" / "README.md").read_bytes().startswith(sent[0]["path_or_fileobj"])
    assert (sent[0]["repo_id"], sent[0]["repo_type"]) == ("me/ratings", "dataset")
    hub.push(tmp_path / "set", "me/ratings", public=True)
    assert pushed[1][1] == {"private": False}


def test_a_hub_that_says_no_is_a_sentence_and_the_folder_stays(rated, tmp_path, monkeypatch):
    def no(self, name, **more):
        raise ValueError("Token is required\nand more")

    monkeypatch.setattr(datasets.DatasetDict, "push_to_hub", no)
    done = run(tmp_path, "--as", "dataset", "--out", tmp_path / "set", "--push-to-hub", "me/ratings")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "did not take it as me/ratings: Token is required." in done.stderr
    assert (tmp_path / "set" / "README.md").exists()
    with pytest.raises(Refused):
        hub.push(tmp_path / "set", "me/ratings")


def test_push_is_checked_before_anything_is_written(rated, tmp_path):
    done = run(tmp_path, "--as", "jsonl", "--out", tmp_path / "a.jsonl", "--push-to-hub", "me/x")
    assert (done.exit_code, "Only a dataset" in done.stderr) == (1, True)
    done = run(tmp_path, "--as", "dataset", "--out", tmp_path / "set", "--push-to-hub", "../../x y")
    assert (done.exit_code, "no name of a dataset" in done.stderr) == (1, True)
    assert not (tmp_path / "set").exists()


def llama_factory_rows(folder, name):
    """As LLaMA-Factory's alpaca converter reads them: by the stanza's columns, the prompt as one text."""
    about = json.loads((folder / "dataset_info.json").read_text("utf-8"))[name]
    kind = {"jsonl": "json"}.get(about["file_name"].split(".")[-1], about["file_name"].split(".")[-1])
    rows = datasets.load_dataset(
        kind, data_files=str(folder / about["file_name"]), cache_dir=str(folder / "c")
    )
    columns, found = about["columns"], []
    for row in rows["train"]:
        prompt = row[columns["prompt"]]
        assert isinstance(prompt, str) and prompt
        if about.get("ranking"):
            answer = (row[columns["chosen"]], row[columns["rejected"]])
            assert all(isinstance(side, str) for side in answer)
        elif "kto_tag" in columns:
            answer = (row[columns["response"]], row[columns["kto_tag"]])
            assert isinstance(answer[1], bool)
        else:
            answer = (row[columns["response"]],)
        found.append((prompt, *answer))
    return found


@pytest.mark.parametrize("format", llama_factory.COLUMNS)
@pytest.mark.parametrize("file_type", ["jsonl", "parquet"])
def test_llama_factory_is_told_what_it_is(rated, tmp_path, format, file_type):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "dataset_info.json").write_text('{"mine": {"file_name": "x.json"}}')
    out = folder / f"rated.{file_type}"
    done = run(tmp_path, "--format", format, "--as", file_type, "--out", out, "--llama-factory", "write")
    assert done.exit_code == 0, done.stderr
    wanted = rows_of(rated.store, format=format)
    assert len(llama_factory_rows(folder, "rated")) == len(wanted)
    assert json.loads((folder / "dataset_info.json").read_text())["mine"] == {"file_name": "x.json"}
    printed = run(
        tmp_path, "--format", format, "--as", file_type, "--out", out, "--force", "--llama-factory", "print"
    )
    stanza = json.loads(printed.stdout[: printed.stdout.rindex("}") + 1])
    assert stanza["rated"] == json.loads((folder / "dataset_info.json").read_text())["rated"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--format", "ratings", "--out", "a.jsonl"], "none of its forms"),
        (["--format", "unpaired", "--out", "a.txt"], "ending"),
        (["--format", "unpaired", "--out", "a", "--as", "dataset"], "ending"),
        (["--format", "unpaired", "--out", "a.jsonl", "--conversational"], "chats"),
    ],
)
def test_what_llama_factory_cannot_load_is_not_written(rated, tmp_path, monkeypatch, words, told):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    done = run(tmp_path, *words, "--llama-factory", "write")
    assert (done.exit_code, told in done.stderr) == (1, True)
    assert list(Path().iterdir()) == []
    Path("dataset_info.json").write_text("no json")
    done = run(tmp_path, "--format", "unpaired", "--out", "b.jsonl", "--llama-factory", "write")
    assert (done.exit_code, "mend it" in done.stderr) == (1, True)
    assert not Path("b.jsonl").exists()


def test_chats_are_told_from_texts_by_what_is_exported(store, tmp_path):
    chat = Prompt(
        messages=(Message(role="system", content="Brief."), Message(role="user", content="Hi?")),
        split="holdout",
    )
    line = {"messages": [{"role": m.role, "content": m.content} for m in chat.messages], "response": "yes"}
    (tmp_path / "in.jsonl").write_text(
        json.dumps(line | {"rating": 9, "split": "holdout"})
        + '\n{"prompt": "p", "response": "a", "rating": 3}\n'
    )
    import_ratings(store, tmp_path / "in.jsonl")
    assert isinstance(rows_of(store, format="unpaired")[0]["prompt"], list)
    assert isinstance(rows_of(store, format="unpaired", split="train")[0]["prompt"], str)


# ---- the page about it


def test_the_page_names_every_format_and_column():
    page = (ROOT / "docs" / "exports.md").read_text("utf-8")
    table = [line for line in page.split("\n") if line.startswith("| `")]
    named = {re.findall(r"`([^`]+)`", line)[0] for line in table}
    assert set(EXPORT_FORMATS) <= named
    for name in RATINGS.names:
        assert f"`{name}`" in page, name


def test_schemas_hold_no_type_that_loaders_do_not_know():
    assert not [field for field in RATINGS if pa.types.is_decimal(field.type)]


# ---- what is said of options that cannot be


def test_llama_factory_is_told_why_these_are_chats(rated, tmp_path):
    words = ("--format", "preference", "--out", tmp_path / "a.jsonl", "--llama-factory", "print")
    assert (
        "--conversational makes all of them chats: leave it out"
        in run(tmp_path, *words, "--conversational").stderr
    )
    chat = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}
    rows = [chat | {"response": text, "rating": score} for text, score in (("a", 1), ("b", 9))]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    import_ratings(rated.store, tmp_path / "in.jsonl")
    said = run(tmp_path, *words).stderr
    assert "one that has several messages makes all of them chats" in said and "--conversational" not in said
    assert run(tmp_path, *words, "--round", "1").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--format", "preference", "--min-margin", "-1"),
            "The smallest margin has to be at least 0, not -1.\n",
        ),
        (
            ("--since", "1960-01-31"),
            "1960-01-31 is not between 1970 and the year 9999: no rating is of such a time.\n",
        ),
    ],
)
def test_limits_are_told_in_plain_words(rated, tmp_path, words, said):
    assert run(tmp_path, "--out", tmp_path / "a.jsonl", *words).stderr == said
