"""What comes from elsewhere: JSON files of a model's folder, other libraries' errors, and what they print."""

import contextlib
import json
import re
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from transformers.utils import logging

from rater_data.errors import BadInput

LFS_POINTER = b"version https://git-lfs.github.com/"
SHOWN = 3  # names told of a longer list
MOST_REASON = 240  # characters of somebody else's message


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keeps reports, bars and warnings of transformers and PEFT off the terminal.

    What matters in them is an error or a note of ours.
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def reason_of(error: BaseException) -> str:
    """The first sentence of somebody else's error with its type, without a full stop: to stand in brackets."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Validators wrap what was found: the line that names an error says it
    named = [line for line in lines if re.match(r"[A-Z]\w*Error: ", line)]
    said = named[-1] if named else ": ".join([type(error).__name__, *lines[:1]])
    said = said.split(". ")[0]
    if len(said) > MOST_REASON:
        said = said[:MOST_REASON].rpartition(" ")[0] + " …"
    return said.rstrip(".:; ")


def some(names: Collection[str]) -> str:
    """The first names of a longer list, and how many more there are."""
    told, more = sorted(names)[:SHOWN], len(names) - SHOWN
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def count(names: Collection[str], one: str, several: str) -> str:
    """How many, with the word that fits."""
    return f"{len(names)} {one if len(names) == 1 else several}"


def check_no_pointer(whose: str, file: Path) -> None:
    """Raises BadInput for what git leaves in a file's place where git-lfs did not fetch it."""
    with file.open("rb") as opened:
        start = opened.read(len(LFS_POINTER))
    if start == LFS_POINTER:
        raise BadInput(
            f"{whose}: {file.name} is a git-lfs pointer, not the file itself; run `git lfs pull` in {file.parent}."
        )


def read_json(whose: str, file: Path) -> dict[str, Any]:
    """The object that a JSON file holds. Raises BadInput for anything else."""
    try:
        check_no_pointer(whose, file)
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(
            f"{whose}: {file.name} cannot be read ({reason_of(error)}); copy or download it anew."
        ) from error
    if not isinstance(held, dict):
        raise BadInput(
            f"{whose}: {file.name} holds a {type(held).__name__} where an object in braces is wanted; "
            "copy or download it anew."
        )
    return held
