"""`python -m ppo merge` and `python -m ppo push`: a version leaves, as a plain model or as an adapter with a card."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from ppo.cli.common import HOME, cli, quiet
from rater_data.database_option import ArtifactsUrl, DatabaseUrl
from rater_data.store import default_home

VERSION = Annotated[int | None, typer.Option(help="Which version; the current one by default.")]


@cli.command()
def merge(
    out: Annotated[Path, typer.Option(help="The folder to write; it must not exist or be empty.")],
    version: VERSION = None,
    home: HOME = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
) -> None:
    """Write a version as a plain transformers model, with the adapter in its weights."""
    quiet()
    from ppo.sharing.merge import merge as run
    from rater_data.artifacts.opening import open_artifacts
    from rater_data.store import Store

    home = home or default_home()
    with contextlib.closing(Store.open(home, database, upgrade=database is None)) as store:
        done = run(store, home, version, out, open_artifacts(store, artifacts))
    print(
        f"Version {done.version} of {done.base_model} is in {done.folder} as a plain model. "
        f"Its logits differ from the adapted model's by {done.difference:.1e} at most (on one prompt, fp32)."
    )


@cli.command()
def push(
    target: Annotated[
        str,
        typer.Option("--to", help="A name on the hub, owner/name, or a folder, as in ./my-adapter."),
    ],
    version: VERSION = None,
    public: Annotated[bool, typer.Option("--public", help="For everybody; private by default.")] = False,
    base: Annotated[
        str | None,
        typer.Option(help="The base's name on the hub, where this home has it as a folder."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--license", help="The adapter's own licence, as in apache-2.0.")
    ] = None,
    datasets: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="Where the ratings are on the hub, owner/name; repeatable."),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, max=20, help="Held-out prompts that the card shows, with answers; 0: none.")
    ] = 3,
    home: HOME = None,
    database: DatabaseUrl = None,
    artifacts: ArtifactsUrl = None,
) -> None:
    """Send a version's adapter to the hub or into a folder, with a card that says how it came about."""
    quiet()
    from ppo.sharing.push import PushWish
    from ppo.sharing.push import push as run
    from rater_data.artifacts.opening import open_artifacts
    from rater_data.store import Store

    wish = PushWish(
        version=version,
        base=base,
        licence=licence,
        datasets=tuple(datasets or ()),
        samples=samples,
        public=public,
    )
    home = home or default_home()
    with contextlib.closing(Store.open(home, database, upgrade=database is None)) as store:
        done = run(store, open_artifacts(store, artifacts), target, wish)
    print(
        f"Version {done.version}, an adapter for {done.base.name}, is in {done.where}: read its README.md first."
    )
