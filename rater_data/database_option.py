"""The option --database of all three command lines, and the environment variable behind it."""

from typing import Annotated

import typer

DATABASE_VARIABLE = "RATELOOP_DATABASE_URL"

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar=DATABASE_VARIABLE,
        help="A PostgreSQL database instead of the home's own, as postgresql://user@host/name.",
        show_default=False,
    ),
]
"""Better by environment than by the command line, which every user of a machine can read."""
