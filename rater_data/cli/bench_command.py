"""`python -m rater_data bench`: how long a large store takes."""

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from rater_data.benchmark.measure import Measure
from rater_data.cli.app import app, err, opened, say

WIDTH = 110  # of the table where it goes into a file


@app.command()
def bench(
    ratings: Annotated[int, typer.Option(min=100, help="Ratings in the made-up store.")] = 1_000_000,
    database: Annotated[
        str | None,
        typer.Option(
            help="An empty PostgreSQL database to fill [default: a temporary home].", show_default=False
        ),
    ] = None,
    files: Annotated[bool, typer.Option(help="Export and import too, which take the longest.")] = True,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the numbers to this file too.", show_default=False)
    ] = None,
) -> None:
    """Measure what people wait for with a made-up store of many ratings; its limits are for a million."""
    if json_file is not None:
        _check_place(json_file)
    from rater_data.benchmark.measure import measure
    from rater_data.benchmark.synthetic import fill

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        tempfile.TemporaryDirectory(prefix="rateloop-bench-") as home,
        opened(Path(home), database) as store,
        contextlib.closing(store),
    ):
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("Making ratings", total=ratings)
            fill(store, ratings, lambda done: progress.update(task, completed=done))
        found = []
        with err.status("Measuring …") as status:
            for one in measure(store, ratings, files):
                found.append(one)
                status.update(f"Measured: {one.what}, {_time(one.median_ms)} …")
    Console(width=WIDTH if not say.is_terminal else None, highlight=False).print(
        _table(found, ratings, "PostgreSQL" if database else "SQLite")
    )
    if json_file is not None:
        rows = [one.as_json() for one in found]
        result = {"ratings": ratings, "database": "postgresql" if database else "sqlite", "measured": rows}
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")


def _check_place(file: Path) -> None:
    """Says so before a quarter of an hour is spent."""
    there = file.exists()
    try:
        with file.open("a", encoding="utf-8"):
            pass
        if not there:
            file.unlink()
    except OSError as error:
        err.print(
            f"{file} cannot be written ({error.strerror}): choose another --json.", style="red", markup=False
        )
        raise typer.Exit(1) from None


def _table(found: list[Measure], ratings: int, where: str) -> Table:
    table = Table("", "median", "95 %", "at most", "memory", "at most", title=f"{ratings} ratings on {where}")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in found:
        limits = "–" if one.limit_ms is None else _time(one.limit_ms)
        table.add_row(
            one.what,
            _time(one.median_ms),
            _time(one.p95_ms),
            limits if one.reached in (None, True) else f"[red]{limits}[/red]",
            "" if one.peak_mib is None else f"{one.peak_mib:.0f} MiB",
            "" if one.limit_mib is None else f"{one.limit_mib:.0f} MiB",
        )
    return table


def _time(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
