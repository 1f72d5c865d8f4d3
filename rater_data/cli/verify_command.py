"""`python -m rater_data verify`: is a home, or an exported dataset, what it says?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from rater_data.cli.common import Home, app, err_console, exit_on_error, open_store, print_error, print_line
from rater_data.database_option import ArtifactsUrl, DatabaseUrl


@app.command()
def verify(
    dataset: Annotated[
        Path | None,
        typer.Option(help="An exported dataset's folder, in place of the home.", show_default=False),
    ] = None,
    home: Home = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
) -> None:
    """Count, hash and look up everything anew; say what differs, and end with an error if anything does."""
    # pandas, scipy and pyarrow take a second to import: the other commands do not wait for them
    if dataset is not None:
        from rater_data.verify.dataset import verify_dataset

        with exit_on_error(), err_console.status("Checking the files …"):
            count = _print_differences(verify_dataset(dataset.expanduser()))
        _print_result(f"The dataset in {dataset}", count)
        return
    from rater_data.artifacts.opening import open_artifacts
    from rater_data.verify.home import verify as verify_home

    with open_store(home, database, make=False) as store:
        kept = open_artifacts(store, artifacts)
        with err_console.status("Checking …") as status:
            faults = verify_home(store, lambda what: status.update(f"Checking {what} …"), kept)
            count = _print_differences(faults)
        _print_result(f"The home folder {store.home}", count)


def _print_differences(sentences: Iterator[str]) -> int:
    """Prints each as it is found; returns how many there were."""
    count = 0
    for sentence in sentences:
        print_error(sentence)
        count += 1
    return count


def _print_result(what: str, count: int) -> None:
    if count:
        print_error(f"{what} is not what it says: {count} things differ.")
        raise typer.Exit(1)
    print_line(f"{what} is what it says.")
