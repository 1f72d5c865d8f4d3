"""The bundled prompts: enough, all different, split and well formed."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import combinations, pairwise

import pytest

from tests.paths import ROOT

FILE = ROOT / "rater_data" / "prompts" / "everyday.jsonl"

# The sample dataset that this project starts from
REFERENCE = (
    "What is the weather like today?",
    "How are you feeling today?",
    "What is your favorite color?",
    "What is your favorite food?",
    "What is your favorite hobby?",
)


def words(text: str) -> list[str]:
    return re.findall(r"[\w'’-]+", text.casefold())


def likeness(first: str, second: str) -> float:
    """Shared words over all words (Jaccard), from 0 to 1."""
    one, other = set(words(first)), set(words(second))
    return len(one & other) / len(one | other)


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    text = FILE.read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def prompts(rows: list[dict]) -> list[str]:
    return [row["prompt"] for row in rows]


def test_every_line_has_the_same_shape(rows: list[dict]) -> None:
    for row in rows:
        assert list(row) == ["prompt", "tags", "split"], row
        assert row["split"] in ("train", "holdout"), row
        assert row["tags"], row
        assert all(re.fullmatch(r"[a-z]+", tag) for tag in row["tags"]), row


def test_count(rows: list[dict]) -> None:
    assert 195 <= len(rows) <= 215


def test_a_tenth_is_held_out_and_spread_over_the_tags(rows: list[dict]) -> None:
    held_out = [row for row in rows if row["split"] == "holdout"]
    assert len(held_out) == round(len(rows) / 10)
    every_tag = {tag for row in rows for tag in row["tags"]}
    assert {tag for row in held_out for tag in row["tags"]} == every_tag


def test_reference_prompts_are_there_and_trained_on(rows: list[dict]) -> None:
    splits = {row["prompt"]: row["split"] for row in rows}
    assert [splits.get(prompt) for prompt in REFERENCE] == ["train"] * len(REFERENCE)


def test_lengths_and_edges(prompts: list[str]) -> None:
    for prompt in prompts:
        assert 4 <= len(prompt.split()) <= 20, prompt
        assert prompt == " ".join(prompt.split()), prompt
        assert prompt[0].isupper(), prompt
        assert prompt[-1] in '.?!"', prompt
        assert prompt.isprintable(), prompt


def test_no_prompt_twice(prompts: list[str]) -> None:
    counts = Counter(" ".join(prompt.casefold().split()) for prompt in prompts)
    assert [prompt for prompt, count in counts.items() if count > 1] == []


def test_no_two_prompts_are_nearly_the_same(prompts: list[str]) -> None:
    assert [pair for pair in combinations(prompts, 2) if likeness(*pair) > 0.8] == []


def test_likeness_tells_near_from_far() -> None:
    assert likeness("How do bees make honey?", "how do BEES make honey") == 1
    assert likeness("How do bees make their own honey?", "How do bees make honey, their own?") > 0.8
    assert likeness("How do bees make honey?", "Why do cats purr?") < 0.2


def test_openings_are_varied(prompts: list[str]) -> None:
    """No two neighbours begin alike, and no opening word takes more than an eighth of the file."""
    first = [words(prompt)[0] for prompt in prompts]
    assert [word for word, after in pairwise(first) if word == after] == []
    assert max(Counter(first).values()) <= len(first) / 8
