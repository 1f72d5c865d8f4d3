"""Prompts are searched, added, tagged and retired."""

from __future__ import annotations

import pytest

from app.console.state.prompt_list import (
    PAGE_SIZE,
    TYPED_FILE_NAME,
    add_prompts,
    retire_prompt,
    search_prompts,
    tag_prompt,
)
from rater_data.errors import BadInput
from rater_data.records import User
from rater_data.store import Store


def test_pages_of_a_search(store: Store, op: User) -> None:
    assert search_prompts(store, "", 0).total == 0
    lines = "\n".join(f"Question {i}?" for i in range(PAGE_SIZE + 3))
    assert add_prompts(store, op, lines, TYPED_FILE_NAME).startswith(f"{PAGE_SIZE + 3} prompts added.")
    first, last = search_prompts(store, "", 0), search_prompts(store, " question ", 1)
    assert (len(first.prompts), first.total, first.number) == (PAGE_SIZE, PAGE_SIZE + 3, 0)
    assert (len(last.prompts), last.begin, last.number) == (3, PAGE_SIZE, 1)
    assert search_prompts(store, "", 99) == search_prompts(store, "", 1), (
        "there is nothing behind the last page"
    )
    assert search_prompts(store, "", -1) == first
    assert search_prompts(store, "Question 7?", 0).total == 1


def test_what_is_there_already_is_not_added_again(store: Store, op: User) -> None:
    add_prompts(store, op, "Name a river.", TYPED_FILE_NAME)
    sentence = add_prompts(store, op, '{"prompt": "Name a river."}\n{"prompt": "Name a lake."}', "more.jsonl")
    assert sentence == "1 prompt added. 1 was there already. They are asked from the next round on."
    assert {prompt.source for prompt in store.prompts()} == {TYPED_FILE_NAME, "more.jsonl"}


def test_what_cannot_be_added_is_said(store: Store, op: User) -> None:
    with pytest.raises(BadInput, match="A file of prompts ends in"):
        add_prompts(store, op, "x", "more.exe")
    with pytest.raises(BadInput, match="no prompt yet"):
        add_prompts(store, op, " \n", TYPED_FILE_NAME)
    with pytest.raises(BadInput, match=r"more\.jsonl, line 1"):
        add_prompts(store, op, "17", "../../more.jsonl")
    assert store.prompts() == []


def test_tags_and_retiring(store: Store, op: User) -> None:
    add_prompts(store, op, "Name a river.", TYPED_FILE_NAME)
    prompt = store.prompts()[0]
    assert (
        tag_prompt(store, op, prompt.id, " water ,  very   deep,")
        == "Tags of “Name a river.”: water, very deep."
    )
    assert store.prompts()[0].tags == ("water", "very deep")
    with pytest.raises(BadInput, match="up to 12 tags"):
        tag_prompt(store, op, prompt.id, ",".join("abcdefghijklm"))
    assert "is asked no more" in retire_prompt(store, op, prompt.id, back=False)
    assert store.prompts() == [] and search_prompts(store, "", 0).total == 1
    assert "is asked again" in retire_prompt(store, op, prompt.id, back=True)
    assert len(store.prompts()) == 1
