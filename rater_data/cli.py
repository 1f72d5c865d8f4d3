"""`python -m rater_data`: a home folder and what goes in and out of it."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from rater_data import transfer
from rater_data.errors import Missing, RateloopError
from rater_data.store import Store, default_home

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A home folder of Rateloop: make one, bring prompts and ratings in, get ratings out.",
)
say = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Home = Annotated[
    Path | None,
    typer.Option(
        help="Where everything is kept [default: $RATELOOP_HOME or ~/.rateloop].", show_default=False
    ),
]


class Format(StrEnum):
    ratings = "ratings"
    preference = "preference"


class As(StrEnum):
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    dataset = "dataset"


class Split(StrEnum):
    train = "train"
    holdout = "holdout"


@contextmanager
def opened(home: Path | None, *, make: bool = True) -> Iterator[Store]:
    """The store of a home, made if need be; what a person can mend becomes a sentence, and exit code 1."""
    try:
        place = home or default_home()
        if not make and not place.expanduser().exists():
            raise Missing(f"There is no home folder at {place}: check the path, or make one with init.")
        store = Store.open(place)
        try:
            yield store
        finally:
            store.close()
    except RateloopError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


def bar(
    what: str, rows: Iterable[Any], total: int | None, size: Callable[[Any], int] = lambda _row: 1
) -> Iterator[Any]:
    """The rows, with a progress bar on stderr while they pass (nothing where that is no terminal).

    `size`: for how many one of them counts, where it is a portion.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        for row in rows:
            yield row
            progress.advance(task, size(row))


@app.command()
def init(home: Home = None) -> None:
    """Make a home folder with the bundled prompts in it."""
    with opened(home) as store:
        added, _ = store.add_prompts(transfer.bundled_prompts())
        say.print(f"The home folder {store.home} is ready: {added} prompts added.", markup=False)


@app.command()
def export(
    out: Annotated[
        Path, typer.Option(help="The file (for a dataset: the folder) to write.", show_default=False)
    ],
    format: Annotated[Format, typer.Option(help="Every rating, or pairs of responses.")] = Format.ratings,
    as_: Annotated[As, typer.Option("--as", help="In which form.")] = As.jsonl,
    split: Annotated[
        Split | None, typer.Option(help="Only prompts of this split.", show_default=False)
    ] = None,
    min_margin: Annotated[
        float, typer.Option(help="Pairs: the smallest difference, in points of the scale.")
    ] = 0.0,
    force: Annotated[bool, typer.Option(help="Replace what is there.")] = False,
    home: Home = None,
) -> None:
    """Write ratings for other programs, people by pseudonym."""
    # pandas, scipy and pyarrow take a second to import: the other commands do not wait for them
    from rater_data.exporting import export as write_out

    with opened(home, make=False) as store:
        count = write_out(
            store,
            out,
            format=format.value,
            as_=as_.value,
            split=split.value if split else None,
            min_margin=min_margin,
            force=force,
            wrap=lambda rows, total: bar("Writing", rows, total),
        )
        what = "ratings" if format is Format.ratings else "pairs"
        say.print(f"{count} {what} written to {out}.", markup=False)


@app.command()
def status(home: Home = None) -> None:
    """What is in a home folder."""
    with opened(home, make=False) as store:
        table = Table("", "", show_header=False, box=None)
        for name, value in facts(store):
            table.add_row(name, value)
        say.print(table)


def facts(store: Store) -> list[tuple[str, str]]:
    """What `status` shows, line by line."""
    train, holdout = len(store.prompts(split="train")), len(store.prompts(split="holdout"))
    version, progress, job = store.current_version(), store.round_progress(), store.active_job()
    lines = [
        ("Home", str(store.home)),
        ("Prompts", f"{train + holdout} ({holdout} holdout)"),
        ("People", str(len(store.users()))),
        ("Ratings", str(store.count_ratings())),
        ("Version in use", "none yet" if version is None else str(version.number)),
    ]
    if progress is None:
        lines.append(("Round", "none yet"))
    else:
        lines.append(("Round", f"{progress.round.number}, {progress.round.state}"))
        lines.append(("Responses in it", str(progress.responses)))
        lines.append(("Ratings in it", f"{progress.ratings} of {progress.quota}"))
    if job is not None:
        lines.append(("At work", f"{job.kind}, {job.state}"))
    return lines


# Commands with modules of their own: they need `app`, and are registered when they are read
from rater_data import cli_check, cli_import  # noqa: E402, F401


def main() -> None:
    """The entry of `python -m rater_data`."""
    try:
        app(prog_name="python -m rater_data")
    except BrokenPipeError:
        # the reader of our output (head, less) went away
        sys.stderr.close()
        raise SystemExit(1) from None
