"""`python -m rater_data bench`: how long a large store takes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from rater_data.cli.common import app, err_console, open_store, out_console, print_error

if TYPE_CHECKING:
    from rater_data.benchmark.timing import Measurement

FILE_WIDTH = 110  # columns of the table where it goes into a file


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
        _check_writable(json_file)
    # numpy, scipy and pandas take a second to import: the other commands do not wait for them
    from rater_data.benchmark.row_bytes import bytes_per_row
    from rater_data.benchmark.store_benchmark import benchmark_store
    from rater_data.benchmark.synthetic import TOKENS, fill

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        tempfile.TemporaryDirectory(prefix="rateloop-bench-") as home,
        open_store(Path(home), database) as store,
    ):
        with Progress(
            *columns, console=err_console, transient=True, disable=not err_console.is_terminal
        ) as progress:
            task = progress.add_task("Making ratings", total=ratings)
            fill(store, ratings, lambda done: progress.update(task, completed=done))
        row_bytes = bytes_per_row(store)
        measurements = []
        with err_console.status("Measuring …") as status:
            for measurement in benchmark_store(store, ratings, files):
                measurements.append(measurement)
                status.update(f"Measured: {measurement.what}, {_format_ms(measurement.median_ms)} …")
    Console(width=FILE_WIDTH if not out_console.is_terminal else None, highlight=False).print(
        _table(measurements, ratings, "PostgreSQL" if database else "SQLite")
    )
    if row_bytes:
        said = ", ".join(f"{name} {size:.0f}" for name, size in row_bytes.items())
        out_console.print(f"Bytes a row, indexes included: {said} (responses of {TOKENS} tokens).")
    if json_file is not None:
        rows = [measurement.to_json() for measurement in measurements]
        result = {
            "ratings": ratings,
            "database": "postgresql" if database else "sqlite",
            "measured": rows,
            "bytes_per_row": row_bytes,
        }
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")


def _check_writable(file: Path) -> None:
    """Ends the command before a quarter of an hour is spent on numbers that cannot be written."""
    existed = file.exists()
    try:
        with file.open("a", encoding="utf-8"):
            pass
        if not existed:
            file.unlink()
    except OSError as error:
        print_error(f"{file} cannot be written ({error.strerror}): choose another --json.")
        raise typer.Exit(1) from None


def _table(measurements: list[Measurement], ratings: int, database: str) -> Table:
    table = Table(
        "", "median", "95 %", "at most", "memory", "at most", title=f"{ratings} ratings on {database}"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for row in measurements:
        limit = "–" if row.limit_ms is None else _format_ms(row.limit_ms)
        table.add_row(
            row.what,
            _format_ms(row.median_ms),
            _format_ms(row.p95_ms),
            limit if row.reached in (None, True) else f"[red]{limit}[/red]",
            "" if row.peak_mib is None else f"{row.peak_mib:.0f} MiB",
            "" if row.limit_mib is None else f"{row.limit_mib:.0f} MiB",
        )
    return table


def _format_ms(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
