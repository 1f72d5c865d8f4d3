"""Prompts are searched, added, tagged and retired."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path

import pytest
import zstandard

from app.console.state.prompt_list import (
    MOST_ROWS,
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
from tests.rater_data.importing.everyday_files import parquet, workbook
from tests.rater_data.importing.test_damaged_tables import ABORTS


def test_pages_of_a_search(store: Store, op: User) -> None:
    assert search_prompts(store, "", 0).total == 0
    lines = "\n".join(f"Question {i}?" for i in range(PAGE_SIZE + 3))
    assert add_prompts(store, op, lines.encode(), TYPED_FILE_NAME).startswith(
        f"{PAGE_SIZE + 3} prompts added."
    )
    first, last = search_prompts(store, "", 0), search_prompts(store, " question ", 1)
    assert (len(first.prompts), first.total, first.number) == (PAGE_SIZE, PAGE_SIZE + 3, 0)
    assert (len(last.prompts), last.begin, last.number) == (3, PAGE_SIZE, 1)
    assert search_prompts(store, "", 99) == search_prompts(store, "", 1), (
        "there is nothing behind the last page"
    )
    assert search_prompts(store, "", -1) == first
    assert search_prompts(store, "Question 7?", 0).total == 1


def test_what_is_there_already_is_not_added_again(store: Store, op: User) -> None:
    add_prompts(store, op, b"Name a river.", TYPED_FILE_NAME)
    sentence = add_prompts(
        store, op, b'{"prompt": "Name a river."}\n{"prompt": "Name a lake."}', "more.jsonl"
    )
    assert sentence == (
        "1 prompt added. 1 was there already. more.jsonl: 2 rows read as prompts from JSON lines. "
        "They are asked from the next round on."
    )
    assert {prompt.source for prompt in store.prompts()} == {TYPED_FILE_NAME, "more.jsonl"}


def test_what_cannot_be_added_is_said(store: Store, op: User) -> None:
    with pytest.raises(BadInput, match="A file of prompts ends in"):
        add_prompts(store, op, b"x", "more.exe")
    with pytest.raises(BadInput, match="no prompt yet"):
        add_prompts(store, op, b" \n", TYPED_FILE_NAME)
    with pytest.raises(BadInput, match=r"more\.jsonl, line 1"):
        add_prompts(store, op, b"17", "../../more.jsonl")
    assert store.prompts() == []


LAKE = {"prompt": "Name a lake."}
LINES, TABLE = json.dumps(LAKE).encode(), b"prompt;tags\nName a lake.;water\n"
FILES = {
    "a.txt": (b"Name a lake.", "lines of text"),
    "a.jsonl": (LINES, "JSON lines"),
    "a.NDJSON": (LINES, "JSON lines"),
    "a.json": (b"[" + LINES + b"]", "JSON"),
    "a.csv": (TABLE, "CSV with semicolons"),
    "a.tsv": (b"prompt\ttags\nName a lake.\twater\n", "CSV with tabs"),
    "a.b.csv.gz": (
        gzip.compress(TABLE.decode().encode("utf-16")),
        "CSV with semicolons, UTF-16, packed as .gz",
    ),
    "a.jsonl.zst": (zstandard.compress(LINES), "JSON lines, packed as .zst"),
    "a.txt.bz2": (bz2.compress(b"Name a lake."), "lines of text, packed as .bz2"),
    "a.json.xz": (lzma.compress(LINES), "JSON, packed as .xz"),
    "a.parquet": (parquet([LAKE]), "Parquet"),
    "a.xlsx": (workbook([["prompt"], ["Name a lake."]]), "a workbook"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_every_kind_can_be_chosen(store: Store, op: User, tmp_path: Path, name: str) -> None:
    content, form = FILES[name]
    if callable(content):
        content(tmp_path / name)
        content = (tmp_path / name).read_bytes()
    said = add_prompts(store, op, content, name)
    ending = name.lower() if name == "a.NDJSON" else name.replace(".b.", "_b.")
    assert said == (
        f"1 prompt added. {ending}: 1 row read as prompts from {form}. They are asked from the next round on."
    )
    assert [prompt.text for prompt in store.prompts()] == ["Name a lake."]


def test_files_made_to_do_harm_are_a_sentence(store: Store, op: User) -> None:
    # one of a kind: tests/rater_data/importing has the others
    hostile = {
        "a.parquet": (ABORTS, "its reader ended with SIGABRT"),
        "a.txt.zst": (zstandard.compress((b"a" * 2047 + b"\n") * 2**16), "unpacks to more than 500 times"),
        "a.csv.gz": (gzip.compress(b"prompt\n" + b"a\n" * (MOST_ROWS + 1)), "more than 50000 rows"),
        "a.txt": (b"\xff", "not UTF-8"),
    }
    for name, (content, said) in hostile.items():
        with pytest.raises(BadInput, match=said):
            add_prompts(store, op, content, f"<b>/../{name}")
    assert store.prompts() == []
    assert [path.name for path in store.home.iterdir() if path.is_dir() and path.name.startswith("tmp")] == []


def test_tags_and_retiring(store: Store, op: User) -> None:
    add_prompts(store, op, b"Name a river.", TYPED_FILE_NAME)
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
