"""What the commands of `python -m rater_data` share: the app itself, a home, sentences and progress bars."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rater_data.errors import RateloopError
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
