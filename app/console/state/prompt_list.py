"""Prompts: search, add, tag, retire."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rater_data.errors import BadInput
from rater_data.importing.import_files import PROMPT_FILE_ENDINGS, import_file, prompt_file_ending
from rater_data.importing.options import ImportOptions
from rater_data.records import Prompt, User
from rater_data.store import Store

PAGE_SIZE = 25
FILE_TYPES = PROMPT_FILE_ENDINGS
MOST_ROWS = 50_000  # of a file: a small one that is packed may have millions, and the page waits
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


def add_prompts(store: Store, user: User, content: bytes, file_name: str) -> str:
    """Adds the prompts of a file of that name (".txt": one a line), which may be of every kind that is imported.

    All of them, or none. Raises BadInput with the line that is wrong.
    """
    ending = prompt_file_ending(file_name)
    if not ending:
        raise BadInput(f"A file of prompts ends in {' or '.join(FILE_TYPES)}.")
    if not content.strip():
        raise BadInput("There is no prompt yet: write one a line, or choose a file.")
    with tempfile.TemporaryDirectory(dir=store.home) as folder:
        # errors and the prompts' source name the operator's file; where it lies is not theirs to say
        name = Path(file_name).name[: -len(ending)][:60]
        stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in name)
        file = Path(folder) / f"{stem or 'prompts'}{ending}"
        file.write_bytes(content)
        report = import_file(
            store, file, ImportOptions(kind="prompts"), keep_rejects=False, progress=_at_most
        )
    added = report.stored.prompts
    known = report.in_file["prompts"] - added + report.duplicates
    store.log(user.name, "added prompts", added=added, known=known)
    said = [f"{added} prompt{'s' * (added != 1)} added."]
    if known:
        said.append(f"{known} {'were' if known != 1 else 'was'} there already.")
    if file_name != TYPED_FILE_NAME:
        said.append(f"{file.name}: {report.recognised()}")
    said += [f"{count} {reason} left out." for reason, count in report.ignored.items()]
    return " ".join([*said, "They are asked from the next round on."])


def _at_most(rows: Iterator[Any], total: int | None) -> Iterator[Any]:
    """The rows of a file, and BadInput where there are too many. A total is known only of what is stored."""
    for number, row in enumerate(rows):
        if total is None and number == MOST_ROWS:
            raise BadInput(
                f"This file has more than {MOST_ROWS} rows: add it with `python -m rater_data import-prompts FILE`."
            )
        yield row


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
