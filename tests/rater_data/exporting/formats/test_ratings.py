"""Every rating with its lineage: every column is true, and a large store fits a small memory."""

import hashlib
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rater_data.exporting.export import export
from rater_data.exporting.formats.ratings import RATINGS
from rater_data.records import Prompt
from tests.rater_data.exporting.helpers import rate_comparisons, rows_of, write_many_ratings
from tests.rater_data.store_world import (
    file_store,
    rate_next,
    rating,
    response,
    start_round,
    version,
)


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


def test_comparisons_name_both_responses(pairs_world):
    store = pairs_world.store
    said = rate_comparisons(pairs_world)
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


def test_many_ratings_are_written_in_portions(store, tmp_path):
    write_many_ratings(store, 30_000, 3)
    export(store, tmp_path / "warm.parquet", file_type="parquet", round_number=1)
    tracemalloc.start()
    assert export(store, tmp_path / "small.parquet", file_type="parquet") == 30_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6, "some thousand ratings at a time, however many there are"
    assert pq.ParquetFile(tmp_path / "small.parquet").metadata.num_rows == 30_000


def test_schemas_hold_no_type_that_loaders_do_not_know():
    assert not [field for field in RATINGS if pa.types.is_decimal(field.type)]
