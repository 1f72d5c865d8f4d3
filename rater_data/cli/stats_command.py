"""`python -m rater_data stats`: how far raters agree, how each works, and what share of each round is rated."""

from typing import Annotated

import typer
from rich.table import Table

from rater_data.cli.common import Home, app, err_console, open_store, out_console, print_line
from rater_data.database_option import DatabaseUrl
from rater_data.records import RaterStats
from rater_data.store import Store


@app.command()
def stats(
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Raters by pseudonym in place of their names.")
    ] = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """How far raters agree, how they work, and how much of each round is rated."""
    with open_store(home, database, make=False) as store:
        with err_console.status("Counting …"):
            line, tables = agreement_line(store), (raters_table(store, pseudonyms), coverage_table(store))
        print_line(line)
        for table in tables:
            if table.row_count:
                out_console.print(table)


def agreement_line(store: Store) -> str:
    """Alpha with its interval, of the raters who count."""
    from rater_data.statistics import agreement

    alpha, units = agreement.krippendorff_alpha(store.counted_ratings()), store.scale().rated_units
    if alpha is None:
        return (
            f"Agreement: not known yet, fewer than two {units} have two raters, or all of them said the same."
        )
    return (
        f"Agreement: Krippendorff's alpha {alpha.mean:.2f} (95 % interval {alpha.low:.2f} to {alpha.high:.2f}), "
        f"on n = {alpha.n} {units} with two or more raters."
    )


def raters_table(store: Store, pseudonyms: bool) -> Table:
    """Pace, mean, spread and agreement with the others, rater by rater."""
    table = Table("Rater", box=None, title_justify="left")
    for name in ("ratings", "median s", "mean", "sd", "agrees", ""):
        table.add_column(name, justify="right")
    for row in store.rater_stats():
        user = row.user
        state = "excluded" if user.excluded else "" if user.active else "kept out"
        table.add_row(user.pseudonym if pseudonyms else user.name, *_format_figures(row), state)
    return table


def _format_figures(stats: RaterStats) -> list[str]:
    figures = [(stats.median_s, ".1f"), (stats.mean, ".2f"), (stats.sd, ".2f"), (stats.agreement, ".2f")]
    return [str(stats.ratings), *("–" if value is None else f"{value:{spec}}" for value, spec in figures)]


def coverage_table(store: Store) -> Table:
    """Responses that were rated, of how many, by round and stratum."""
    table = Table("Round", "stratum", box=None)
    for name in ("responses", "rated", "done", "ratings", "wanted"):
        table.add_column(name, justify="right")
    for row in store.coverage():
        numbers = (row.responses, row.rated, row.done, row.ratings, row.wanted)
        table.add_row(
            "imported" if row.round_number == 0 else str(row.round_number), row.stratum, *map(str, numbers)
        )
    return table
