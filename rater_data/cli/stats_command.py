"""`python -m rater_data stats`: how far raters agree, how each works, and what share of each round is rated.

And `verdict-error`: how often a round's verdict is wrong, measured on simulated rounds.
"""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from rater_data.cli.common import Home, app, err_console, open_store, out_console, print_line
from rater_data.database_option import DatabaseUrl
from rater_data.errors import BadInput
from rater_data.overview import rater_words
from rater_data.overview.people import RaterFigures, read_rater_figures
from rater_data.round_settings import RATER_REVIEW
from rater_data.scales import DEFAULT_SCALE, SCALES
from rater_data.statistics.intervals import Interval
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
            line, coverage = agreement_line(store), coverage_table(store)
            figures, review = read_rater_figures(store), store.setting(RATER_REVIEW, {})
        print_line(line)
        if figures:
            out_console.print(raters_table(figures, pseudonyms))
        for line in what_figures_say(figures, pseudonyms):
            print_line(line)
        traits = [name for name in rater_words.TRAITS if any(getattr(one, name) for one in figures)]
        if traits:
            out_console.print(traits_table(figures, traits, pseudonyms))
            print_line(rater_words.looked_at(review, traits))
        if coverage.row_count:
            out_console.print(coverage)


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


def raters_table(figures: Sequence[RaterFigures], pseudonyms: bool) -> Table:
    """Offset, spread, agreement with the others, repeats and pace, rater by rater, each over its 95 % interval."""
    table = Table("Rater", box=None, title_justify="left")
    for name in ("ratings", "offset", "spread", "agrees", "repeats", "median s", ""):
        table.add_column(name, justify="right")
    for one in figures:
        user = one.stats.user
        state = "excluded" if user.excluded else "" if user.active else "kept out"
        table.add_row(user.pseudonym if pseudonyms else user.name, *_format_figures(one), state)
    return table


def traits_table(figures: Sequence[RaterFigures], traits: Sequence[str], pseudonyms: bool) -> Table:
    """What the trainer's last look knows of each rater, over its 95 % interval; nothing of whom it knows nothing."""
    table = Table("Rater", box=None, title_justify="left")
    for name in traits:
        table.add_column(name, justify="right")
    for one in figures:
        known = [getattr(one, name) for name in traits]
        if any(known):
            user = one.stats.user
            shown = (_format_interval(interval, ".2f") for interval in known)
            table.add_row(user.pseudonym if pseudonyms else user.name, *shown)
    return table


def _format_figures(one: RaterFigures) -> list[str]:
    figures = ((one.offset, "+.1f"), (one.spread, ".1f"), (one.agreement, ".2f"), (one.repeats, ".0%"))
    seconds = one.stats.median_s
    pace = _format_interval(one.pace, ".1f") if one.pace else f"{seconds:.1f}" if seconds else "–"
    return [str(one.stats.ratings), *(_format_interval(*figure) for figure in figures), pace]


def _format_interval(interval: Interval | None, spec: str) -> str:
    if interval is None:
        return "–"
    return f"{interval.mean:{spec}}\n{interval.low:{spec}} … {interval.high:{spec}}"


def what_figures_say(figures: Sequence[RaterFigures], pseudonyms: bool) -> list[str]:
    """A line for every rater: what can be said, and what cannot from so few ratings."""
    lines = []
    for one in figures:
        user = one.stats.user
        says = one.says.replace(user.name, user.pseudonym) if pseudonyms else one.says
        lines.append(f"{user.pseudonym if pseudonyms else user.name}: {says}")
    return lines


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


@app.command("verdict-error")
def verdict_error(
    controls: Annotated[
        str, typer.Option("--controls", help="Control ratings of a round, several parted by commas.")
    ] = "8,16,24,48",
    gain: Annotated[
        float, typer.Option("--gain", help="The true gain that is looked for, in points of 1–10.")
    ] = 1.0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Simulated rounds of each kind.")] = 200,
    raters: Annotated[
        int,
        typer.Option("--raters", min=1, help="Who rates; fewer than the four that the round is planned for."),
    ] = 4,
    between: Annotated[
        float, typer.Option("--between", min=0, help="Spread of quality over prompts (sd).")
    ] = 1.2,
    within: Annotated[
        float, typer.Option("--within", min=0, help="Spread over responses to one prompt (sd).")
    ] = 1.0,
    scale: Annotated[str, typer.Option("--scale", help="What raters judge by.")] = DEFAULT_SCALE,
    seed: Annotated[int, typer.Option("--seed")] = 0,
) -> None:
    """How often a round's verdict is wrong, and how often it finds a gain, looked at after every rating.

    Raters have noise and bias of sd 1.
    """
    from rater_data.statistics.verdict_error import World, error_rates

    counts = [part.strip() for part in controls.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) >= 4 for part in counts):
        raise BadInput(f"--controls takes whole numbers from 4, parted by commas, not {controls!r}.")
    if scale not in SCALES:
        raise BadInput(f"The scale {scale!r} is not known: use one of {', '.join(SCALES)}.")
    table = Table("Control ratings", box=None)
    for name in ("ratings in all", "wrong without an effect", "found", "called hurt"):
        table.add_column(name, justify="right")
    for count in map(int, counts):
        world = World(control=count, gain=gain, between=between, within=within, raters=raters, scale=scale)
        with err_console.status(f"{count} control ratings …"):
            rates = error_rates(world, rounds, seed)
        shares = (rates.wrong_without_effect, rates.found, rates.wrong_with_gain)
        table.add_row(str(count), str(rates.ratings), *(f"{share:.1%}" for share in shares))
    print_line(
        f"{rounds} rounds without an effect and {rounds} with a gain of {gain:g}, each looked at after every rating; "
        f"quality spreads by {between:g} over prompts and {within:g} within one."
    )
    out_console.print(table)
