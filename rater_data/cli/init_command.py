"""`python -m rater_data init`: a new home with the bundled prompts."""

from typing import Annotated

import typer

from rater_data.cli.common import Home, app, open_store, print_line
from rater_data.database_option import DatabaseUrl
from rater_data.importing.import_files import bundled_prompts
from rater_data.scales import SCALES


@app.command()
def init(
    home: Home = None,
    database: DatabaseUrl = None,
    scale: Annotated[
        str | None,
        typer.Option(help=f"What raters judge by, while there are no ratings: {', '.join(SCALES)}."),
    ] = None,
) -> None:
    """Make a home folder with the bundled prompts in it."""
    with open_store(home, database) as store:
        if scale is not None:
            store.choose_scale(scale)
        added, _ = store.add_prompts(bundled_prompts())
        print_line(f"The home folder {store.home} is ready: {added} prompts added.")
