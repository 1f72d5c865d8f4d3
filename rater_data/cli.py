"""`python -m rater_data`: a home folder and what goes in and out of it."""

import gc
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from rater_data import export_options as to
from rater_data import transfer
from rater_data.errors import BadInput, RateloopError
from rater_data.options import DatabaseUrl
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


@contextmanager
def plainly() -> Iterator[None]:
    """What a person can mend becomes a sentence, and exit code 1."""
    try:
        yield
    except RateloopError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None


@contextmanager
def opened(home: Path | None, database: str | None = None, *, make: bool = True) -> Iterator[Store]:
    """The store of a home, by default made if need be; what a person can mend becomes a sentence, and exit code 1."""
    with plainly(), closing(Store.open(home or default_home(), database, make=make)) as store:
        yield store


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
def init(home: Home = None, database: DatabaseUrl = None) -> None:
    """Make a home folder with the bundled prompts in it."""
    with opened(home, database) as store:
        added, _ = store.add_prompts(transfer.bundled_prompts())
        say.print(f"The home folder {store.home} is ready: {added} prompts added.", markup=False)


@app.command()
def export(
    out: to.Out,
    format: to.FormatOption = to.Format.ratings,
    as_: to.AsOption = to.As.jsonl,
    round: to.Round = None,
    split: to.SplitOption = None,
    since: to.Since = None,
    min_margin: to.MinMargin = 0.0,
    same_rater: to.SameRater = False,
    ties: to.Ties = False,
    threshold: to.Threshold = None,
    conversational: to.Conversational = False,
    llama_factory: to.LlamaFactory = None,
    push_to_hub: to.PushToHub = None,
    public: to.Public = False,
    force: to.Force = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Write ratings for other programs, people by pseudonym. docs/exports.md tells the columns."""
    # pandas, scipy and pyarrow take a second to import: the other commands do not wait for them
    from rater_data import exporting, formats, pushing
    from rater_data.llama_factory import put

    gc.freeze()  # what was imported stays: looking through it again and again took a fifth of a large export
    with opened(home, database, make=False) as store:
        if push_to_hub is not None:
            if as_ is not to.As.dataset:
                raise BadInput("Only a dataset goes to the hub: say --as dataset.")
            pushing.check_name(push_to_hub)
        elif public:
            raise BadInput("--public is for --push-to-hub: a file has no public.")
        show = {to.Stanza.write: put, to.Stanza.print: lambda _out, stanza: say.print_json(data=stanza)}
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
            stanza=show[llama_factory] if llama_factory else None,
            force=force,
            wrap=lambda rows, total: bar("Writing", rows, total, size=lambda some: len(some.parts)),
        )
        say.print(f"{count} {to.NOUNS[format]} written to {out}.", markup=False)
        if push_to_hub is not None:
            pushing.push(out, push_to_hub, public=public)
            say.print(f"Sent to {push_to_hub}, {'public' if public else 'private'}.", markup=False)


@app.command()
def status(home: Home = None, database: DatabaseUrl = None) -> None:
    """What is in a home folder."""
    with opened(home, database, make=False) as store:
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
        *([] if store.where == store.home else [("Database", str(store.where))]),
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


def _end(number: int, _frame: object) -> None:
    """Somebody ends the command: what was half-done is undone on the way out."""
    raise SystemExit(128 + number)


def main() -> None:
    """The entry of `python -m rater_data`."""
    for ended in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ended) is signal.SIG_DFL:  # of nohup, hanging up is ignored
            signal.signal(ended, _end)
    try:
        app(prog_name="python -m rater_data")
    except BrokenPipeError:
        # the reader of our output (head, less) went away
        sys.stderr.close()
        raise SystemExit(1) from None


# Commands with a module of their own add themselves to `app`
from rater_data import cli_bench, cli_check, cli_copy, cli_import  # noqa: E402, F401
