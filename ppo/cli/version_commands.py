"""`python -m ppo merge`: a version, elsewhere."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from ppo.cli.common import HOME, cli, quiet
from rater_data.database_option import ArtifactsUrl, DatabaseUrl
from rater_data.store import default_home


@cli.command()
def merge(
    out: Annotated[Path, typer.Option(help="The folder to write; it must not exist or be empty.")],
    version: Annotated[int | None, typer.Option(help="Which version; the current one by default.")] = None,
    home: HOME = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
) -> None:
    """Write a version as a plain transformers model, with the adapter in its weights."""
    quiet()
    from ppo.training.merge import merge as run
    from rater_data.artifacts.opening import open_artifacts
    from rater_data.store import Store

    home = home or default_home()
    with contextlib.closing(Store.open(home, database, upgrade=database is None)) as store:
        done = run(store, home, version, out, open_artifacts(store, artifacts))
    print(
        f"Version {done.version} of {done.base_model} is in {done.folder} as a plain model. "
        f"Its logits differ from the adapted model's by {done.difference:.1e} at most (on one prompt, fp32)."
    )
