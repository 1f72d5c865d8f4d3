"""`python -m ppo fit-head`: a reward head from the ratings that are there, and how far it agrees with people."""

import contextlib
import json
from pathlib import Path
from typing import Annotated

import typer

from ppo.cli.common import DEVICE, HOME, JSON_FILE, QUANTIZE, cli, console, quiet
from rater_data.database_option import DatabaseUrl
from rater_data.round_settings import EMBEDDED_MODEL as DEFAULT_MODEL
from rater_data.store import default_home


@cli.command("fit-head")
def fit_head(
    model: Annotated[
        str | None, typer.Option(help="As for the demo; the home's own model by default.")
    ] = None,
    device: DEVICE = "auto",
    quantize: QUANTIZE = "",
    out: Annotated[
        Path | None, typer.Option(help="An empty folder for the head: safetensors and JSON.")
    ] = None,
    json_file: JSON_FILE = None,
    home: HOME = None,
    database: DatabaseUrl = None,
) -> None:
    """Fit a reward head on all ratings, imported ones too, and say how far it agrees with people."""
    quiet()
    from ppo.config import Config
    from ppo.fitting.fit_head import check_empty, write_head
    from ppo.fitting.fit_head import fit_head as run
    from ppo.fitting.page import phases, print_fit
    from ppo.model.loading.base_models import model_name
    from ppo.progress import Progress
    from ppo.training.engine import Engine
    from rater_data.store import Store

    home = home or default_home()
    if out is not None:
        check_empty(out)
    with contextlib.closing(Store.open(home, database, make=False, upgrade=database is None)) as store:
        chosen = store.base_model(model) or model_name(model or DEFAULT_MODEL)
        with phases(console) as show:
            progress = Progress(show)
            progress.phase(f"Loading {chosen}", 1)
            engine = Engine(home, chosen, device, Config(quantize=quantize))
            found = run(store, engine, progress)
    print_fit(console, found.page)
    if out is not None:
        write_head(found, out)
        console.print(f"The head is in {out}.", markup=False, highlight=False)
    if json_file is not None:
        json_file.write_text(json.dumps(found.page, indent=1), encoding="utf-8")
