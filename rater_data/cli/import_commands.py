"""The commands that bring prompts, responses and ratings in."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rater_data import checks
from rater_data.cli.app import Home, app, bar, err, opened, plainly, say
from rater_data.cli.options import DatabaseUrl
from rater_data.errors import BadInput, Missing
from rater_data.importing.import_files import import_file, kinds_of
from rater_data.importing.import_rows import REJECTED, TOLD, Asked, Report, bring_in
from rater_data.importing.readers.text_files import check_there, read_dataset
from rater_data.records import SPLITS
from rater_data.store import Store, default_home


class Shape(StrEnum):
    auto = "auto"
    prompts = "prompts"
    responses = "responses"
    ratings = "ratings"
    rateloop = "rateloop"
    preference = "preference"
    hh = "hh"
    helpsteer = "helpsteer"
    oasst = "oasst"


File = Annotated[
    Path | None,
    typer.Argument(
        help="A .jsonl, .csv (both also .gz) or .parquet file, or a dataset's folder.", show_default=False
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(help="In place of a file: a dataset of the Hugging Face hub.", show_default=False),
]
Config = Annotated[
    str | None, typer.Option(help="Which part of the dataset, if it has several.", show_default=False)
]
Part = Annotated[
    str | None, typer.Option(help="Which split of the dataset [default: train].", show_default=False)
]
Shaped = Annotated[Shape, typer.Option(help="How the rows are laid out; auto goes by the columns.")]
Mapped = Annotated[
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
            "With --dataset: its split [default: train].",
            show_default=False,
        ),
    ] = None,
    shape: Shaped = Shape.auto,
    map_: Mapped = None,
    skip_bad: SkipBad = False,
    dry_run: DryRun = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Add prompts from a file (also .txt, one a line) or a dataset: all of it, or nothing."""
    with plainly():
        if dataset is None and split is not None:
            checks.one_of("The split", split, SPLITS)
        asked = Asked(
            kind="prompts",
            shape=shape.value,
            columns=_columns(map_),
            split=split if dataset is None else None,
            skip_bad=skip_bad,
            dry_run=dry_run,
        )
        _check(file, dataset, config, split, asked)
        with _store(home, database, asked) as store:
            tell(_import(store, file, dataset, config, split, asked), asked)


@app.command("import-responses")
def import_responses(
    file: File = None,
    dataset: Dataset = None,
    config: Config = None,
    split: Part = None,
    shape: Shaped = Shape.auto,
    map_: Mapped = None,
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
    with plainly():
        asked = Asked(
            kind="responses",
            shape=shape.value,
            columns=_columns(map_),
            skip_bad=skip_bad,
            dry_run=dry_run,
            offer=offer,
        )
        _check(file, dataset, config, split, asked)
        with _store(home, database, asked) as store:
            tell(_import(store, file, dataset, config, split, asked), asked)


@app.command("import-ratings")
def import_ratings(
    file: File = None,
    dataset: Dataset = None,
    config: Config = None,
    split: Part = None,
    shape: Shaped = Shape.auto,
    map_: Mapped = None,
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
    with plainly():
        asked = Asked(
            kind="ratings",
            shape=shape.value,
            columns=_columns(map_),
            chosen=chosen_score,
            rejected=rejected_score,
            scores=_range(scores),
            skip_bad=skip_bad,
            dry_run=dry_run,
        )
        _check(file, dataset, config, split, asked)
        with _store(home, database, asked) as store:
            tell(_import(store, file, dataset, config, split, asked), asked)


def _check(
    file: Path | None, dataset: str | None, config: str | None, split: str | None, asked: Asked
) -> None:
    """What needs no store: whoever mistypes a name gets no new home for it."""
    if (file is None) == (dataset is None):
        raise BadInput("Name a file or a --dataset, one of the two.")
    if file is not None:
        if (asked.kind != "prompts" and split is not None) or config is not None:
            raise BadInput("--split and --config are for a --dataset.")
        check_there(file, kinds_of(asked))


@contextmanager
def _store(home: Path | None, database: str | None, asked: Asked) -> Iterator[Store]:
    """The store to import into. A dry run where there is none looks at an empty one, of which nothing is left."""
    with ExitStack() as until:
        if asked.dry_run:
            try:
                Store.open(home or default_home(), database, make=False).close()
            except Missing:
                aside = until.enter_context(tempfile.TemporaryDirectory(prefix="rateloop-"))
                home, database = Path(aside), None
        yield until.enter_context(opened(home, database))


def _import(
    store: Store, file: Path | None, dataset: str | None, config: str | None, split: str | None, asked: Asked
) -> Report:
    def wrap(rows: Iterator[Any], total: int | None) -> Iterator[Any]:
        return bar("Reading" if total is None else "Storing", rows, total)

    if file is not None:
        return import_file(store, file, asked, wrap=wrap)
    assert dataset is not None
    side = Path.cwd() / (re.sub(r"[^\w.-]+", "-", dataset).strip("-") + REJECTED)
    return bring_in(store, read_dataset(dataset, split, config), asked, name=dataset, side=side, wrap=wrap)


def _columns(pairs: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or []:
        ours, equals, theirs = pair.partition("=")
        if not equals or not ours.strip() or not theirs.strip():
            raise BadInput(
                f"--map {pair} is not understood: write our column = the file's, as in prompt=question."
            )
        found[ours.strip()] = theirs.strip()
    return found


def _range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise BadInput(f"--scores {text} is not understood: write lowest:highest, as in 0:4.") from None


def tell(report: Report, asked: Asked) -> None:
    """Says what came of an import; a dry run that found bad rows ends as the import would."""
    for line in told(report, asked):
        say.print(line, markup=False)
    for line in report.bad[: TOLD if report.bad_rows else 0]:
        err.print(line, style="red", markup=False)
    more = report.bad_rows - len(report.bad)
    if more > 0:
        err.print(f"And {more} more bad rows.", style="red", markup=False)
    if report.dry_run and report.bad_rows and not asked.skip_bad:
        raise typer.Exit(1)


def told(report: Report, asked: Asked) -> Iterator[str]:
    """A report as lines."""
    stored, kind = report.stored, asked.kind
    if report.dry_run:
        yield f"This is a dry run: nothing was imported. {report.rows} rows were read as {report.shape}."
    would = "would be added" if report.dry_run else "added"
    added, found = getattr(stored, kind), report.found[kind]
    there = stored.there if kind == "ratings" else found - added
    there += report.duplicates
    left = f"{there} duplicates left out" if kind == "prompts" else f"{there} were there already"
    yield f"{added} {kind} {would}, {left}."
    if kind != "prompts" and report.duplicates:
        yield f"{report.duplicates} of those are twice in the file."
    if stored.differing:
        yield f"{stored.differing} of those that were there say something else in the file: they are as they were."
    new = {
        name: getattr(stored, name) for name in ("prompts", "responses", "raters", "rounds") if name != kind
    }
    also = ", ".join(f"{count} {name}" for name, count in new.items() if count)
    if kind != "prompts" and also and (report.dry_run or kind == "responses" or report.shape == "rateloop"):
        yield f"New with them: {also}."
    for reason, count in report.left_out.items():
        yield f"{count} {reason} left out."
    if report.renamed:
        yield f"{report.renamed} comparisons stand under a further name: a rater begins one with a response once."
    if report.renumbered:
        yield f"Of {report.renumbered} ratings some revisions are missing: those that are there were numbered anew."
    if report.bad_rows:
        where = f" {report.rejected} has them with the reasons." if report.rejected else ""
        yield f"{report.bad_rows} bad rows left out.{where}"
