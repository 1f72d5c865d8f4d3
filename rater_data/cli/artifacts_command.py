"""`python -m rater_data move-artifacts`: versions from where they are kept to another place."""

from typing import Annotated

import typer

from rater_data.cli.common import Home, app, err_console, open_store, print_line
from rater_data.database_option import ArtifactsUrl, DatabaseUrl


@app.command("move-artifacts")
def move_artifacts(
    target: Annotated[
        str,
        typer.Option("--to", help="A folder, s3://bucket/path or gs://bucket/path.", show_default=False),
    ],
    home: Home = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
) -> None:
    """Copy all versions' files to another place, from which they are read from then on; with the server stopped."""
    from rater_data.artifacts.moving import move_artifacts as run
    from rater_data.artifacts.opening import open_artifacts

    with open_store(home, database, make=False) as store:
        old = open_artifacts(store, artifacts)
        with err_console.status("Copying …") as status:
            moved = run(store, old, target, lambda v: status.update(f"Copying version {v.number} …"))
        print_line(
            f"{moved} versions are in {target} and were checked there: name it with RATELOOP_ARTIFACTS or "
            f"--artifacts from now on. Those in {old.location} stay as they are."
        )
