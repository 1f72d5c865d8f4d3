"""The commands that bring prompts, responses and ratings in."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rater_data import checks
from rater_data.cli.common import Home, app, exit_on_error, open_store, print_error, print_line, progress_bar
from rater_data.database_option import DatabaseUrl
from rater_data.errors import BadInput, Missing
from rater_data.importing.import_files import file_suffixes, import_file
from rater_data.importing.import_rows import import_rows
from rater_data.importing.layouts.table import LAYOUTS
from rater_data.importing.options import AUTO, ImportOptions
from rater_data.importing.readers.column_files import read_dataset
from rater_data.importing.readers.read_file import check_readable, parts_of
from rater_data.importing.rejects import SUFFIX
from rater_data.importing.report import ImportReport
from rater_data.records import SPLITS
from rater_data.store import Store, default_home


class LayoutName(StrEnum):
    """The choices of --shape, made of the table of layouts."""

    auto = AUTO
    locals().update({name: name for name in LAYOUTS})


File = Annotated[
    Path | None,
    typer.Argument(
        help="A .jsonl, .csv, .parquet, .json or .xlsx file (packed, too), or a dataset's folder.",
        show_default=False,
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(help="In place of a file: a dataset of the Hugging Face hub.", show_default=False),
]
Config = Annotated[
    str | None,
    typer.Option(
        help="Which configuration of the dataset, or which sheet of an .xlsx file, if there are several.",
        show_default=False,
    ),
]
DatasetSplit = Annotated[
    str | None,
    typer.Option(
        help="Which split of the dataset [default: of a --dataset train, of a folder all].",
        show_default=False,
    ),
]
LayoutOption = Annotated[
    LayoutName, typer.Option("--shape", help="How the rows are laid out; auto goes by the columns.")
]
ColumnMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="Our column = the file's column, as in prompt=question; again for each.",
        show_default=False,
    ),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Import the good rows of a file with bad ones.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be imported.")]


@app.command("import-prompts")
def import_prompts(
    file: File = None,
    dataset: Dataset = None,
    config: Config = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Of a file: train or holdout, for rows that do not say [default: a tenth is holdout]. "
            "Of a dataset: which of its splits [default: of a --dataset train, of a folder all].",
            show_default=False,
        ),
    ] = None,
    layout: LayoutOption = LayoutName.auto,
    column_map: ColumnMap = None,
    skip_bad: SkipBad = False,
    dry_run: DryRun = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Add prompts from a file (also .txt, one a line) or a dataset: all of it, or nothing."""
    with exit_on_error():
        part = split if dataset is not None or _has_part(file, config, split) else None
        if part is None and split is not None:
            checks.one_of("The split", split, SPLITS)
        options = ImportOptions(
            kind="prompts",
            layout=layout.value,
            columns=_parse_column_map(column_map),
            split=split if part is None else None,
            skip_bad=skip_bad,
            dry_run=dry_run,
        )
        _import(_Source(file, dataset, config, part), options, home, database)


@app.command("import-responses")
def import_responses(
    file: File = None,
    dataset: Dataset = None,
    config: Config = None,
    split: DatasetSplit = None,
    layout: LayoutOption = LayoutName.auto,
    column_map: ColumnMap = None,
    offer: Annotated[
        bool,
        typer.Option("--offer", help="Show them to raters whose own round has no card left for them."),
    ] = False,
    skip_bad: SkipBad = False,
    dry_run: DryRun = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Add responses that were written elsewhere, without ratings: all of the file, or nothing."""
    with exit_on_error():
        options = ImportOptions(
            kind="responses",
            layout=layout.value,
            columns=_parse_column_map(column_map),
            skip_bad=skip_bad,
            dry_run=dry_run,
            offer=offer,
        )
        _import(_Source(file, dataset, config, split), options, home, database)


@app.command("import-ratings")
def import_ratings(
    file: File = None,
    dataset: Dataset = None,
    config: Config = None,
    split: DatasetSplit = None,
    layout: LayoutOption = LayoutName.auto,
    column_map: ColumnMap = None,
    chosen_score: Annotated[
        float | None, typer.Option(help="What the preferred response of two is worth.", show_default=False)
    ] = None,
    rejected_score: Annotated[
        float | None, typer.Option(help="What the other one is worth.", show_default=False)
    ] = None,
    scores: Annotated[
        str | None,
        typer.Option(help="The range of the file's scores, as in 0:4; the home's scale is met by shares."),
    ] = None,
    skip_bad: SkipBad = False,
    dry_run: DryRun = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Add ratings that were given elsewhere, or our own export: all of the file, or nothing."""
    with exit_on_error():
        options = ImportOptions(
            kind="ratings",
            layout=layout.value,
            columns=_parse_column_map(column_map),
            chosen_score=chosen_score,
            rejected_score=rejected_score,
            score_range=_parse_range(scores),
            skip_bad=skip_bad,
            dry_run=dry_run,
        )
        _import(_Source(file, dataset, config, split), options, home, database)


# ---- what the three share


@dataclass(frozen=True, slots=True)
class _Source:
    """A file, a dataset's folder or one of the hub. `split` is the dataset's, `config` its own or a workbook's."""

    file: Path | None
    dataset: str | None
    config: str | None
    split: str | None

    def check(self, options: ImportOptions) -> None:
        """What needs no store: whoever mistypes a name gets no new home for it."""
        if (self.file is None) == (self.dataset is None):
            raise BadInput("Name a file or a --dataset, one of the two.")
        if self.file is not None:
            check_readable(self.file, file_suffixes(options), self.split, self.config)

    def import_into(self, store: Store, options: ImportOptions) -> ImportReport:
        if self.file is not None:
            return import_file(
                store, self.file, options, split=self.split, config=self.config, progress=_progress_bar
            )
        assert self.dataset is not None, "checked before"
        rows = read_dataset(self.dataset, self.split, self.config)
        rejects = Path.cwd() / (re.sub(r"[^\w.-]+", "-", self.dataset).strip("-") + SUFFIX)
        return import_rows(store, rows, options, name=self.dataset, rejects=rejects, progress=_progress_bar)


def _has_part(file: Path | None, config: str | None, split: str | None) -> bool:
    """Whether --split names a part of the dataset in a folder, and not the split of the prompts in it."""
    if file is None or split is None or not file.expanduser().is_dir():
        return False
    return split not in SPLITS or split in parts_of(file, config)


def _import(source: _Source, options: ImportOptions, home: Path | None, database: str | None) -> None:
    source.check(options)
    with _open_store(home, database, dry_run=options.dry_run) as store:
        _print_report(source.import_into(store, options), options)


@contextmanager
def _open_store(home: Path | None, database: str | None, *, dry_run: bool) -> Iterator[Store]:
    """The store to import into. A dry run where there is none uses an empty one, of which nothing is left."""
    with ExitStack() as stack:
        if dry_run:
            try:
                Store.open(home or default_home(), database, make=False).close()
            except Missing:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rateloop-"))
                home, database = Path(folder), None
        yield stack.enter_context(open_store(home, database))


def _progress_bar(rows: Iterator[Any], total: int | None) -> Iterator[Any]:
    return progress_bar("Reading" if total is None else "Storing", rows, total)


def _parse_column_map(pairs: list[str] | None) -> dict[str, str]:
    """Our column = the file's column, from texts such as prompt=question."""
    columns = {}
    for pair in pairs or []:
        name, equals, file_column = pair.partition("=")
        if not equals or not name.strip() or not file_column.strip():
            raise BadInput(
                f"--map {pair} is not understood: write our column = the file's, as in prompt=question."
            )
        columns[name.strip()] = file_column.strip()
    return columns


def _parse_range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise BadInput(f"--scores {text} is not understood: write lowest:highest, as in 0:4.") from None


def _print_report(report: ImportReport, options: ImportOptions) -> None:
    """Says what came of an import; a dry run that found bad rows ends as the import would."""
    for line in report.summary():
        print_line(line)
    for line in report.bad:
        print_error(line)
    more = report.bad_rows - len(report.bad)
    if more > 0:
        print_error(f"And {more} more bad rows.")
    if report.dry_run and report.bad_rows and not options.skip_bad:
        raise typer.Exit(1)
