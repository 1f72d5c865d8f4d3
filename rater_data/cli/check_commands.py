"""The commands that look after a home: is it what it says, how do people rate, and taking a person out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from rater_data.cli.app import Home, app, err, opened, say
from rater_data.cli.options import DatabaseUrl
from rater_data.errors import RateloopError
from rater_data.records import RaterStats
from rater_data.store import Store
from rater_data.store.people.purge import Traces


@app.command()
def verify(
    dataset: Annotated[
        Path | None,
        typer.Option(help="An exported dataset's folder, in place of the home.", show_default=False),
    ] = None,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Count, hash and look up everything anew; say what differs, and end with an error if anything does."""
    # pandas, scipy and pyarrow take a second to import: the other commands do not wait for them
    if dataset is not None:
        from rater_data.verify.dataset import verify_dataset

        try:
            with err.status("Checking the files …"):
                count = _tell(verify_dataset(dataset.expanduser()))
        except RateloopError as error:
            err.print(str(error), style="red", markup=False)
            raise typer.Exit(1) from None
        _sum_up(count, f"The dataset in {dataset}")
        return
    from rater_data.verify.home import verify as look

    with opened(home, database, make=False) as store:
        with err.status("Checking …") as status:
            count = _tell(look(store, lambda what: status.update(f"Checking {what} …")))
        _sum_up(count, f"The home folder {store.home}")


def _tell(found: Iterator[str]) -> int:
    """Says what differs as it is found; how much it was."""
    count = 0
    for sentence in found:
        err.print(sentence, style="red", markup=False)
        count += 1
    return count


def _sum_up(count: int, what: str) -> None:
    if count:
        err.print(f"{what} is not what it says: {count} things differ.", style="red", markup=False)
        raise typer.Exit(1)
    say.print(f"{what} is what it says.", markup=False)


@app.command()
def stats(
    pseudonyms: Annotated[
        bool, typer.Option("--pseudonyms", help="Raters by pseudonym in place of their names.")
    ] = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """How far raters agree, how they work, and how much of each round is rated."""
    with opened(home, database, make=False) as store:
        with err.status("Counting …"):
            line, tables = agreement_line(store), (raters_table(store, pseudonyms), coverage_table(store))
        say.print(line, markup=False)
        for table in tables:
            if table.row_count:
                say.print(table)


def agreement_line(store: Store) -> str:
    """Alpha with its interval, of the raters who count."""
    from rater_data.statistics import agreement

    alpha, judged = agreement.alpha(store.counting()), store.scale().rated_units
    if alpha is None:
        return f"Agreement: not known yet, fewer than two {judged} have two raters, or all of them said the same."
    return (
        f"Agreement: Krippendorff's alpha {alpha.mean:.2f} (95 % interval {alpha.low:.2f} to {alpha.high:.2f}), "
        f"on n = {alpha.n} {judged} with two or more raters."
    )


def raters_table(store: Store, pseudonyms: bool) -> Table:
    """Pace, mean, spread and agreement with the others, rater by rater."""
    table = Table("Rater", box=None, title_justify="left")
    for name in ("ratings", "median s", "mean", "sd", "agrees", ""):
        table.add_column(name, justify="right")
    for one in store.rater_stats():
        user = one.user
        state = "excluded" if user.excluded else "" if user.active else "kept out"
        table.add_row(user.pseudonym if pseudonyms else user.name, *_figures(one), state)
    return table


def _figures(one: RaterStats) -> list[str]:
    figures = [(one.median_s, ".1f"), (one.mean, ".2f"), (one.sd, ".2f"), (one.agreement, ".2f")]
    return [str(one.ratings), *("–" if value is None else f"{value:{form}}" for value, form in figures)]


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


@app.command()
def purge(
    rater: Annotated[
        str, typer.Option(help="The name of the person, or their pseudonym.", show_default=False)
    ],
    ratings: Annotated[bool, typer.Option("--ratings", help="Remove what they said, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    home: Home = None,
    database: DatabaseUrl = None,
) -> None:
    """Take a person out: their name, links and tokens, and with --ratings all they said. There is no way back."""
    with opened(home, database, make=False) as store:
        user = next((one for one in store.users() if one.pseudonym == rater), None) or store.user_by_name(
            rater
        )
        for line in about(store.traces(user.id), ratings):
            say.print(line, markup=False)
        if not yes and not typer.confirm("Go on? There is no way back.", err=True):
            raise typer.Exit(1)
        with err.status("Taking them out, and writing the database anew …"):
            found = store.purge(user.id, "operator", ratings=ratings)
        say.print(f"{user.name} is {user.pseudonym} from now on.", markup=False)
        if ratings:
            say.print("What they said was removed.")
        for line in (*found.left, *left_behind(store)):
            say.print(line, markup=False)


def about(found: Traces, ratings: bool) -> Iterator[str]:
    """What a purge takes away, what it cannot, and what was learned from this person."""
    user = found.user
    yield (
        f"{user.name} ({user.pseudonym}): {found.current_ratings} ratings, {found.ratings} with earlier revisions; "
        f"{found.links} links and tokens; {found.events} entries in the journal."
    )
    for number, count, version in found.sealed:
        made = "no version came of it" if version is None else f"version {version} came of it"
        yield f"Round {number} was sealed with {count} of their ratings; {made}."
    if found.versions:
        names = ", ".join(map(str, found.versions))
        yield f"Learned from them, directly or through a parent: version {names}. A purge cannot take that back."
    if found.current is not None:
        yield f"Version {found.current} is in use: roll back to one from before them to do without."
    if not ratings:
        yield "Their ratings stay, under the pseudonym, and go on counting; --ratings removes them."


def left_behind(store: Store) -> Iterator[str]:
    """Where a name may still be."""
    for copy in store.copies():
        yield f"A copy of the database still has everything: delete {copy}, or purge there too."
    if not store.is_file:
        yield (
            "PostgreSQL keeps what was removed until it cleans up (VACUUM FULL does at once), and longer in its log "
            "(WAL), in replicas and in backups: they are not in the hands of this program."
        )
    yield (
        "Comments, notes and guidelines were not searched for the name; exports made before, files that were imported "
        "(with the bad rows beside them, *.rejected.jsonl) and backups are as they were."
    )
