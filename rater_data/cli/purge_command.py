"""`python -m rater_data purge`: a person is taken out, and what of them cannot be is said."""

from collections.abc import Iterator
from typing import Annotated

import typer

from rater_data.cli.common import Home, app, err_console, open_store, print_line
from rater_data.database_option import DatabaseUrl
from rater_data.store import Store
from rater_data.store.people.purge import Traces


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
    with open_store(home, database, make=False) as store:
        users = store.users()
        user = next((user for user in users if user.pseudonym == rater), None) or store.user_by_name(rater)
        for line in consequences(store.traces(user.id), ratings):
            print_line(line)
        if not yes and not typer.confirm("Go on? There is no way back.", err=True):
            raise typer.Exit(1)
        with err_console.status("Taking them out, and writing the database anew …"):
            traces = store.purge(user.id, "operator", ratings=ratings)
        print_line(f"{user.name} is {user.pseudonym} from now on.")
        if ratings:
            print_line("What they said was removed.")
        for line in (*traces.remaining, *remaining_copies(store)):
            print_line(line)


def consequences(traces: Traces, ratings: bool) -> Iterator[str]:
    """What a purge takes away, what it cannot, and what was learned from this person."""
    user = traces.user
    yield (
        f"{user.name} ({user.pseudonym}): {traces.current_ratings} ratings, {traces.ratings} with earlier revisions; "
        f"{traces.edits} better answers; {traces.links} links and tokens; {traces.events} entries in the journal."
    )
    for number, count, version in traces.sealed:
        outcome = "no version came of it" if version is None else f"version {version} came of it"
        yield f"Round {number} was sealed with {count} of their ratings; {outcome}."
    if traces.versions:
        names = ", ".join(map(str, traces.versions))
        yield f"Learned from them, directly or through a parent: version {names}. A purge cannot take that back."
    if traces.current is not None:
        yield f"Version {traces.current} is in use: roll back to one from before them to do without."
    if not ratings:
        yield "Their ratings and better answers stay, under the pseudonym, and go on counting; --ratings removes them."


def remaining_copies(store: Store) -> Iterator[str]:
    """Where a name may still be."""
    for copy in store.old_copies():
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
