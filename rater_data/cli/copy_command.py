"""`python -m rater_data copy`: a whole store from one database into another."""

from typing import Annotated

import typer

from rater_data.cli.common import app, exit_on_error, print_line, progress_bar
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
    with exit_on_error():
        counts = copy.copy_store(
            source, target, lambda name, rows, total: progress_bar(f"Copying {name}", rows, total)
        )
    copied = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    print_line(f"Copied and counted, the same in both: {copied or 'nothing, the store is empty'}.")
    print_line(_explain_files("://" not in source, "://" not in target))


def _explain_files(from_home: bool, to_home: bool) -> str:
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
