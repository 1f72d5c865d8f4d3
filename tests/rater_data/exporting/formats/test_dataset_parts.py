"""Train, validation and test: where a prompt goes follows from its hash."""

import hashlib
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rater_data.errors import BadInput
from rater_data.exporting.export import export
from rater_data.exporting.formats.dataset_parts import part_of
from rater_data.records import Prompt, split_of


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
