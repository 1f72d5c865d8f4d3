"""What the commands of `python -m rater_data` share: the app, the home's option, how errors and progress are shown."""

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
out_console = Console(highlight=False, soft_wrap=True)
err_console = Console(stderr=True, highlight=False, soft_wrap=True)

Home = Annotated[
    Path | None,
    typer.Option(
        help="Where everything is kept [default: $RATELOOP_HOME or ~/.rateloop].", show_default=False
    ),
]


def print_line(sentence: str) -> None:
    """A line on stdout, as it is: brackets in it are no markup."""
    out_console.print(sentence, markup=False)


def print_error(sentence: str) -> None:
    """A red line on stderr."""
    err_console.print(sentence, style="red", markup=False)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """An error that a person can mend becomes a sentence on stderr, and exit code 1."""
    try:
        yield
    except RateloopError as error:
        print_error(str(error))
        raise typer.Exit(1) from None


@contextmanager
def open_store(home: Path | None, database: str | None = None, *, make: bool = True) -> Iterator[Store]:
    """The store of a home, which is made if need be (unless `make` is false); errors end the command."""
    with exit_on_error(), closing(Store.open(home or default_home(), database, make=make)) as store:
        yield store


def progress_bar(
    description: str, items: Iterable[Any], total: int | None, size: Callable[[Any], int] = lambda _item: 1
) -> Iterator[Any]:
    """The items, with a progress bar on stderr while they pass (nothing where that is no terminal).

    `size`: for how many an item counts, where it is a batch.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=err_console, transient=True, disable=not err_console.is_terminal
    ) as progress:
        task = progress.add_task(description, total=total)
        for item in items:
            yield item
            progress.advance(task, size(item))
