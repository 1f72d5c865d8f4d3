"""Prompts: search, add, tag, retire."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rater_data.errors import BadInput
from rater_data.importing.import_files import import_prompts
from rater_data.records import Prompt, User
from rater_data.store import Store

PAGE_SIZE = 25
FILE_TYPES = (".txt", ".jsonl", ".csv")
MAX_TAGS, MAX_TAG_LENGTH = 12, 40
TYPED_FILE_NAME = "typed in the console.txt"
"""The file's name for prompts that come from none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPage:
    """Some prompts of a search: those from `begin` of `total` that match."""

    prompts: tuple[Prompt, ...]
    begin: int
    total: int

    @property
    def number(self) -> int:
        return self.begin // PAGE_SIZE


def search_prompts(store: Store, words: str, page: int) -> PromptPage:
    """Prompts whose text or tags have `words` in them, retired ones too; the newest first."""
    text = " ".join((words or "").split())
    begin = max(0, page) * PAGE_SIZE
    prompts, total = store.find_prompts(text, limit=PAGE_SIZE, offset=begin)
    if begin >= total > 0:
        begin = (total - 1) // PAGE_SIZE * PAGE_SIZE
        prompts, total = store.find_prompts(text, limit=PAGE_SIZE, offset=begin)
    return PromptPage(prompts=tuple(prompts), begin=begin, total=total)


def add_prompts(store: Store, user: User, text: str, file_name: str) -> str:
    """Adds prompts from the text of a file of that name (".txt": one a line). All of them, or none.

    Raises BadInput with the line that is wrong.
    """
    file_type = Path(file_name).suffix.lower()
    if file_type not in FILE_TYPES:
        raise BadInput(f"A file of prompts ends in {' or '.join(FILE_TYPES)}.")
    if not (text or "").strip():
        raise BadInput("There is no prompt yet: write one a line, or choose a file.")
    with tempfile.TemporaryDirectory(dir=store.home) as folder:
        # errors and the prompts' source name the operator's file; where it lies is not theirs to say
        stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in Path(file_name).stem[:60])
        file = Path(folder) / f"{stem or 'prompts'}{file_type}"
        file.write_text(text, encoding="utf-8", errors="replace")
        added, known = import_prompts(store, file)
    also = f" {known} {'were' if known != 1 else 'was'} there already." if known else ""
    store.log(user.name, "added prompts", added=added, known=known)
    return f"{added} prompt{'s' * (added != 1)} added.{also} They are asked from the next round on."


def tag_prompt(store: Store, user: User, prompt_id: int, tags: str) -> str:
    """Replaces the tags of a prompt by words with commas between."""
    words = tuple(" ".join(word.split()) for word in (tags or "").split(",") if word.strip())
    if len(words) > MAX_TAGS or any(len(word) > MAX_TAG_LENGTH for word in words):
        raise BadInput(f"A prompt has up to {MAX_TAGS} tags of up to {MAX_TAG_LENGTH} letters.")
    prompt = store.tag_prompt(prompt_id, words, user.name)
    return f"Tags of “{shorten(prompt)}”: {', '.join(prompt.tags) or 'none'}."


def retire_prompt(store: Store, user: User, prompt_id: int, back: bool) -> str:
    """Takes a prompt out of the next rounds, or back in."""
    prompt = store.retire_prompt(prompt_id, user.name, back=back)
    outcome = "is asked again" if back else "is asked no more"
    return f"“{shorten(prompt)}” {outcome} from the next round on."


def shorten(prompt: Prompt) -> str:
    text = " ".join(prompt.text.split())
    return text if len(text) <= 60 else f"{text[:60]}…"
