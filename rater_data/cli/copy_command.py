"""`python -m rater_data copy`: a whole store from one database into another."""

from typing import Annotated

import typer

from rater_data.cli.app import app, bar, err, say
from rater_data.errors import RateloopError
from rater_data.store.transfer import copy


@app.command("copy")
def copy_store(
    source: Annotated[
        str, typer.Option("--from", help="A home folder, or postgresql://user@host/name.", show_default=False)
    ],
    target: Annotated[
        str, typer.Option("--to", help="The same; it must hold nothing yet.", show_default=False)
    ],
) -> None:
    """Copy a whole store into an empty one, SQLite or PostgreSQL, either way: all of it, or nothing."""
    try:
        counts = copy.copy(source, target, lambda name, rows, total: bar(f"Copying {name}", rows, total))
    except RateloopError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    say.print(f"Copied and counted, the same in both: {told or 'nothing, the store is empty'}.", markup=False)
    say.print(_about_files("://" not in source, "://" not in target), markup=False)


def _about_files(from_home: bool, to_home: bool) -> str:
    folders = " and ".join(f"{name}/" for name in copy.FILES)
    if from_home and to_home:
        return f"Adapters and checkpoints ({folders}) came along; the base model is made anew by make setup."
    if from_home:
        return (
            "Adapters and checkpoints stay in the home folder: go on with it, and name the database with "
            "RATELOOP_DATABASE_URL or --database. The home's own database is left as it was and grows old."
        )
    if to_home:
        return f"Adapters and checkpoints are in no database: bring {folders} of the old home folder along."
    return "Adapters and checkpoints are in no database: they stay in the home folder that was used with it."
