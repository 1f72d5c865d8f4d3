"""`python -m ppo work`: the trainer's process."""

import contextlib
from typing import Annotated

import typer

from ppo.cli.common import DEVICE, GENERATOR, HOME, QUANTIZE, cli, quiet
from rater_data.database_option import ArtifactsUrl, DatabaseUrl, Track
from rater_data.store import default_home


@cli.command()
def work(
    home: HOME = None,
    model: Annotated[
        str | None, typer.Option(help="As for the demo; the home's own model by default.")
    ] = None,
    device: DEVICE = "auto",
    quantize: QUANTIZE = "",
    generator: GENERATOR = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
    track: Track = None,
) -> None:
    """Claim jobs and do them until ended: the trainer's process."""
    quiet()
    from ppo.training.worker import work as run

    with contextlib.suppress(KeyboardInterrupt):
        run(home or default_home(), model, device, database, generator, artifacts, quantize, track)
