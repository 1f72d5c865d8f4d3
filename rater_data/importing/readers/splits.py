"""Which part of a dataset a file or a name belongs to, and which split that is for us."""

import re
from typing import Any

PARTS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
    "holdout": "holdout",
    "heldout": "holdout",
}
"""Words in names, and the part that they stand for. `datasets` goes by the same, but for the last two."""

_WORD = re.compile(r"[A-Za-z]+")


def split_named(part: str) -> str:
    """Our split for a part of this name: train, holdout, or empty where it does not say (test_sft is held out)."""
    word = _part_in(part)
    return word if word in ("", "train") else "holdout"


def split_of_row(value: Any) -> Any:
    """Our split for what a row says of itself, as "test"; a word that we do not know as it is."""
    return split_named(value) or value if isinstance(value, str) and value.strip().lower() in PARTS else value


def part_of_file(path: str) -> str:
    """The part that a file of a dataset is of, by its name or its folder's: "data/test-00000-of-00001.parquet".

    Empty where neither says.
    """
    *folders, name = path.split("/")
    found = (_part_in(text) for text in (name.partition(".")[0], *reversed(folders)))
    return next((part for part in found if part), "")


def _part_in(text: str) -> str:
    return next((PARTS[word] for word in _WORD.findall(text.lower()) if word in PARTS), "")
