"""In: prompts, responses and ratings from files. Out is in `exporting`; how it is done is in `intake`."""

from importlib import resources
from pathlib import Path

from rater_data.importing.import_rows import Asked, Report, Wrap, bring_in, side_of
from rater_data.importing.layouts.cells import How, prompt_of
from rater_data.importing.readers.text_files import FORMS, ROWS, read, rows_of
from rater_data.records import Prompt
from rater_data.store import Store


def bundled_prompts() -> list[Prompt]:
    """The everyday prompts that come with the program."""
    file = resources.files("rater_data").joinpath("prompts", "everyday.jsonl")
    how = How(scale=None, source="everyday")  # type: ignore[arg-type]
    with resources.as_file(file) as path:
        return [prompt_of(row, how) for row in rows_of(path)]


def import_file(
    store: Store,
    path: Path,
    asked: Asked,
    *,
    keep: bool = True,
    wrap: Wrap = lambda rows, _total: rows,
) -> Report:
    """Imports a file by the end of its name, or a dataset's folder. See `intake.bring_in`.

    `keep`: bad rows go to a file beside it.
    """
    path = path.expanduser()
    path = path.resolve() if path.is_dir() else path  # "." has no name
    side = side_of(path) if keep else None
    return bring_in(store, read(path, kinds_of(asked)), asked, name=path.name, side=side, wrap=wrap)


def kinds_of(asked: Asked) -> tuple[str, ...]:
    """How the name of a file may end."""
    return FORMS if asked.kind == "prompts" else ROWS


def import_prompts(store: Store, path: Path, split: str | None = None) -> tuple[int, int]:
    """Adds the prompts of a file; returns how many were new and how many known.

    A row has `prompt` (or `text`, or `messages`), and if it likes `tags` and `split`. Rows that do not say
    get `split`, or the split of their text's hash. Raises BadInput with file and line; then nothing was
    added.
    """
    report = import_file(store, path, Asked(kind="prompts", split=split), keep=False)
    return report.stored.prompts, report.found["prompts"] - report.stored.prompts + report.duplicates


def import_ratings(store: Store, path: Path) -> tuple[int, int]:
    """Adds ratings that were given elsewhere; returns how many were new and how many were there already.

    The file may have any shape that `intake` finds out by itself. A row in the plain one has `prompt`, `response` (or
    `completion`), `rating` (or `score`, `reward`) on the home's scale, and if it likes `rater`, `comment` and `split`.
    Raises BadInput with file and line; then nothing was added.
    """
    report = import_file(store, path, Asked(kind="ratings"), keep=False)
    return report.stored.ratings, report.stored.there + report.duplicates
