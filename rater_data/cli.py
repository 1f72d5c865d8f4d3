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
from rater_data.errors import BadInput, Missing, RateloopError
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
    prompt_completion = "prompt-completion"
    preference = "preference"
    unpaired = "unpaired"
    helpsteer = "helpsteer"


NOUNS = {
    Format.ratings: "ratings",
    Format.prompt_completion: "texts",
    Format.preference: "pairs",
    Format.unpaired: "labelled texts",
    Format.helpsteer: "texts",
}


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


@app.command("import-prompts")
def import_prompts(
    file: Annotated[Path, typer.Argument(help=".jsonl, .csv or .txt (one prompt a line).")],
    split: Annotated[
        Split | None,
        typer.Option(help="For rows that do not say [default: a tenth is holdout].", show_default=False),
    ] = None,
    home: Home = None,
) -> None:
    """Add prompts from a file: all of it, or nothing."""
    with opened(home) as store:
        added, there = transfer.import_prompts(
            store, file, split, wrap=lambda rows: bar("Reading prompts", rows, len(rows))
        )
        say.print(f"{added} prompts added, {there} duplicates left out.")


@app.command("import-ratings")
def import_ratings(
    file: Annotated[
        Path, typer.Argument(help=".jsonl or .csv with prompt, response, rating and perhaps rater.")
    ],
    home: Home = None,
) -> None:
    """Add ratings that were given elsewhere, on the home's scale: all of the file, or nothing."""
    with opened(home) as store:
        added, there = transfer.import_ratings(
            store, file, wrap=lambda rows: bar("Reading ratings", rows, len(rows))
        )
        say.print(f"{added} ratings added, {there} were there already.")


@app.command()
def export(
    out: Annotated[
        Path, typer.Option(help="The file (for a dataset: the folder) to write.", show_default=False)
    ],
    format: Annotated[
        Format,
        typer.Option(
            help="Every rating with its lineage; texts, pairs or labelled texts for TRL; qualities from 0 to 4."
        ),
    ] = Format.ratings,
    as_: Annotated[
        As, typer.Option("--as", help="In which form; a dataset is a folder for the hub.")
    ] = As.jsonl,
    round: Annotated[
        int | None,
        typer.Option(help="Only responses of this round; 0 is what was imported.", show_default=False),
    ] = None,
    split: Annotated[
        Split | None, typer.Option(help="Only prompts of this split.", show_default=False)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Only ratings given or changed since a date or ISO 8601 time (UTC).", show_default=False
        ),
    ] = None,
    min_margin: Annotated[
        float, typer.Option(help="Pairs: the smallest difference, in points of the scale.")
    ] = 0.0,
    same_rater: Annotated[
        bool, typer.Option("--same-rater", help="Pairs: only as raters who scored both see it.")
    ] = False,
    ties: Annotated[
        bool, typer.Option("--ties", help="Pairs: equally good ones too, with a margin of 0.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="The score from which a text is good (unpaired) [default: the middle of the scale] or kept "
            "(prompt-completion).",
            show_default=False,
        ),
    ] = None,
    conversational: Annotated[
        bool, typer.Option("--conversational", help="Lists of messages, even where one text would do.")
    ] = False,
    llama_factory: Annotated[
        bool, typer.Option("--llama-factory", help="Add LLaMA-Factory's dataset_info.json beside the file.")
    ] = False,
    push_to_hub: Annotated[
        str | None,
        typer.Option(
            help="Send the dataset to the Hugging Face hub under this name, private.", show_default=False
        ),
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="On the hub: for everybody to see.")] = False,
    force: Annotated[bool, typer.Option(help="Replace what is there.")] = False,
    home: Home = None,
) -> None:
    """Write ratings for other programs, people by pseudonym. docs/exports.md tells the columns."""
    # pandas, scipy and pyarrow take a second to import: the other commands do not wait for them
    from rater_data import exporting, formats, pushing

    with opened(home, make=False) as store:
        if push_to_hub is not None:
            if as_ is not As.dataset:
                raise BadInput("Only a dataset goes to the hub: say --as dataset.")
            pushing.check_name(push_to_hub)
        count = exporting.export(
            store,
            out,
            format=format.value,
            as_=as_.value,
            round_number=round,
            split=split.value if split else None,
            since=None if since is None else formats.since_of(since),
            min_margin=min_margin,
            same_rater=same_rater,
            ties=ties,
            threshold=threshold,
            conversational=conversational,
            stanza=llama_factory,
            force=force,
            wrap=lambda portions, total: bar(
                "Writing", portions, total, size=lambda portion: len(portion.parts)
            ),
        )
        say.print(f"{count} {NOUNS[format]} written to {out}.", markup=False)
        if push_to_hub is not None:
            pushing.push(out, push_to_hub, public=public)
            say.print(f"Sent to {push_to_hub}, {'public' if public else 'private'}.", markup=False)


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


def main() -> None:
    """The entry of `python -m rater_data`."""
    try:
        app(prog_name="python -m rater_data")
    except BrokenPipeError:
        # the reader of our output (head, less) went away
        sys.stderr.close()
        raise SystemExit(1) from None
