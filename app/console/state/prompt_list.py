"""Prompts in the console: look, add, tag, retire. As plain functions."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rater_data.errors import BadInput
from rater_data.importing.import_files import import_prompts
from rater_data.records import Prompt, User
from rater_data.store import Store

PAGE = 25
KINDS = (".txt", ".jsonl", ".csv")
TYPED = "typed in the console.txt"
"""The file's name for prompts that come from none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of prompts: those from `begin` of `total` that match."""

    prompts: tuple[Prompt, ...]
    begin: int
    total: int


def find(store: Store, wanted: str, page: int) -> Found:
    """Prompts whose text or tags have `wanted` in them, retired ones too; the newest first."""
    text = " ".join((wanted or "").split())
    begin = max(0, page) * PAGE
    prompts, total = store.find_prompts(text, limit=PAGE, offset=begin)
    if begin >= total > 0:
        begin = (total - 1) // PAGE * PAGE
        prompts, total = store.find_prompts(text, limit=PAGE, offset=begin)
    return Found(prompts=tuple(prompts), begin=begin, total=total)


def add(store: Store, user: User, text: str, name: str) -> str:
    """Adds prompts from the text of a file of that name (".txt": one a line). All of them, or none.

    Raises BadInput with the line that is wrong.
    """
    kind = Path(name).suffix.lower()
    if kind not in KINDS:
        raise BadInput(f"A file of prompts ends in {' or '.join(KINDS)}.")
    if not (text or "").strip():
        raise BadInput("There is no prompt yet: write one a line, or choose a file.")
    with tempfile.TemporaryDirectory(dir=store.home) as folder:
        # what the operator calls it is told and kept; where it lies is not theirs to say
        stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in Path(name).stem[:60])
        file = Path(folder) / f"{stem or 'prompts'}{kind}"
        file.write_text(text, encoding="utf-8", errors="replace")
        added, there = import_prompts(store, file)
    known = f" {there} {'were' if there != 1 else 'was'} there already." if there else ""
    store.log(user.name, "added prompts", added=added, known=there)
    return f"{added} prompt{'s' * (added != 1)} added.{known} They are asked from the next round on."


def tag(store: Store, user: User, prompt_id: int, tags: str) -> str:
    """Replaces the tags of a prompt by words with commas between."""
    words = tuple(" ".join(word.split()) for word in (tags or "").split(",") if word.strip())
    if len(words) > 12 or any(len(word) > 40 for word in words):
        raise BadInput("A prompt has up to 12 tags of up to 40 letters.")
    prompt = store.tag_prompt(prompt_id, words, user.name)
    return f"Tags of “{short(prompt)}”: {', '.join(prompt.tags) or 'none'}."


def retire(store: Store, user: User, prompt_id: int, back: bool) -> str:
    """Takes a prompt out of the next rounds, or back in."""
    prompt = store.retire_prompt(prompt_id, user.name, back=back)
    told = "is asked again" if back else "is asked no more"
    return f"“{short(prompt)}” {told} from the next round on."


def short(prompt: Prompt) -> str:
    text = " ".join(prompt.text.split())
    return text if len(text) <= 60 else f"{text[:60]}…"
