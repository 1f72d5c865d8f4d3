"""Options of several command lines: --database and --artifacts, with the environment variables behind them; --track."""

from typing import Annotated

import typer

from rater_data.checks import TRACKERS

DATABASE_VARIABLE = "RATELOOP_DATABASE_URL"
ARTIFACTS_VARIABLE = "RATELOOP_ARTIFACTS"

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

ArtifactsUrl = Annotated[
    str | None,
    typer.Option(
        "--artifacts",
        envvar=ARTIFACTS_VARIABLE,
        help="Where versions and checkpoints are kept instead of the home: a folder, s3://bucket/path, gs://bucket/path.",
        show_default=False,
    ),
]

Track = Annotated[
    str | None,
    typer.Option(
        "--track",
        help=f"Tell an experiment tracker every step: {', '.join(TRACKERS)}; none by default.",
        show_default=False,
    ),
]
