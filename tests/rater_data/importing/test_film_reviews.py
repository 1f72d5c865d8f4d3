"""The bundled beginnings of film reviews: texts that a model continues, for prompts in the plain format."""

from __future__ import annotations

from collections import Counter

import pytest

from rater_data.importing.import_files import import_prompts
from rater_data.records import Prompt
from tests.paths import ROOT
from tests.rater_data.store_world import open_store

FILE = ROOT / "rater_data" / "prompts" / "film_reviews.jsonl"


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> list[Prompt]:
    store = open_store(tmp_path_factory.mktemp("home"))
    assert import_prompts(store, FILE) == (200, 0), "no beginning twice"
    found = store.prompts()
    store.close()
    return found


def test_a_tenth_is_held_out_of_every_tag(prompts: list[Prompt]) -> None:
    tags = Counter((prompt.split, *prompt.tags) for prompt in prompts)
    assert len(tags) == 2 * 20
    assert {count for (split, _), count in tags.items() if split == "holdout"} == {1}


def test_they_are_beginnings(prompts: list[Prompt]) -> None:
    for prompt in prompts:
        words = prompt.text.split()
        assert 2 <= len(words) <= 8, prompt.text
        assert prompt.text == " ".join(words), "the continuation brings its own blank"
        assert prompt.text[0].isupper() and prompt.text.isprintable(), prompt.text
        assert prompt.text[-1] not in ".!", prompt.text


def test_no_opening_is_worn_out(prompts: list[Prompt]) -> None:
    openings = Counter(" ".join(prompt.text.split()[:2]) for prompt in prompts)
    assert max(openings.values()) <= len(prompts) / 40, openings.most_common(3)
