"""Prompts, responses and ratings out of files, and the prompts that come with the program."""

from importlib import resources
from pathlib import Path

from rater_data.importing.import_rows import Progress, import_rows, no_progress
from rater_data.importing.layouts.base import ParseOptions
from rater_data.importing.layouts.prompts import parse_prompt
from rater_data.importing.options import ImportOptions
from rater_data.importing.readers.packing import PACKED_SUFFIXES
from rater_data.importing.readers.read_file import (
    FILE_SUFFIXES,
    TABLE_SUFFIXES,
    ending_of,
    form_of,
    read_all,
    read_file,
)
from rater_data.importing.rejects import rejects_path
from rater_data.importing.report import ImportReport
from rater_data.records import Prompt
from rater_data.scales import DEFAULT_SCALE, SCALES
from rater_data.store import Store


def bundled_prompts() -> list[Prompt]:
    """The everyday prompts that come with the program."""
    file = resources.files("rater_data").joinpath("prompts", "everyday.jsonl")
    options = ParseOptions(scale=SCALES[DEFAULT_SCALE], source="everyday")
    with resources.as_file(file) as path:
        return [parse_prompt(row, options) for row in read_all(path)]


def import_file(
    store: Store,
    path: Path,
    options: ImportOptions,
    *,
    split: str | None = None,
    config: str | None = None,
    keep_rejects: bool = True,
    progress: Progress = no_progress,
) -> ImportReport:
    """Imports a file by the ending of its name, or a dataset's folder. Raises as `import_rows` does.

    `split`, `config`: which part and configuration of a folder's dataset, or which sheet of a workbook (`config`).
    `keep_rejects`: bad rows go to a file beside it.
    """
    path = path.expanduser()
    path = path.resolve() if path.is_dir() else path  # "." has no name
    report = import_rows(
        store,
        read_file(path, file_suffixes(options), split, config),
        options,
        name=path.name,
        rejects=rejects_path(path) if keep_rejects else None,
        progress=progress,
    )
    report.form = form_of(path)
    return report


PROMPT_FILE_ENDINGS = (*FILE_SUFFIXES, *PACKED_SUFFIXES)
"""How the name of a file of prompts may end."""


def prompt_file_ending(name: str) -> str:
    """The ending of a file's name that says how prompts are read from it, as ".jsonl.gz"; empty for another file."""
    return ending_of(name)


def file_suffixes(options: ImportOptions) -> tuple[str, ...]:
    """How the name of a file may end."""
    return FILE_SUFFIXES if options.kind == "prompts" else TABLE_SUFFIXES


def import_prompts(store: Store, path: Path, split: str | None = None) -> tuple[int, int]:
    """Adds the prompts of a file; returns how many were new and how many known.

    A row has `prompt` (or `text`, or `messages`), and optionally `tags` and `split`. Rows without a split
    get `split`, or the split of their text's hash. Raises BadInput with file and line; then nothing was
    added.
    """
    report = import_file(store, path, ImportOptions(kind="prompts", split=split), keep_rejects=False)
    new = report.stored.prompts
    return new, report.in_file["prompts"] - new + report.duplicates


def import_ratings(store: Store, path: Path) -> tuple[int, int]:
    """Adds ratings that were given elsewhere; returns how many were new and how many were known.

    The file may have any layout that is detected. A row in the plain one has `prompt`, `response` (or `completion`),
    `rating` (or `score`, `reward`) on the home's scale, and optionally `rater`, `comment` and `split`.
    Raises BadInput with file and line; then nothing was added.
    """
    report = import_file(store, path, ImportOptions(kind="ratings"), keep_rejects=False)
    return report.stored.ratings, report.stored.existing + report.duplicates
