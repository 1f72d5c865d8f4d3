"""What `python -m ppo doctor` does: finds out, prints, and gives what `--json` writes."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from ppo.config import Config, sample_of
from ppo.doctor.diagnosis import diagnose
from ppo.doctor.page import print_diagnosis, print_shape_needs
from ppo.doctor.shape_needs import diagnose_shape
from ppo.model.loading.base_models import model_name
from ppo.training.engine import Engine
from rater_data.errors import BadInput
from rater_data.planning.basis import read_facts
from rater_data.planning.costs import RoundCosts
from rater_data.planning.estimate import HomeFacts
from rater_data.round_settings import EMBEDDED_MODEL
from rater_data.store import Store


def diagnose_model(
    console: Console,
    home: Path,
    database: str | None,
    model: str | None,
    device: str,
    told: tuple[str | None, str | None, str | None],
    changes: Sequence[str],
    precision: str,
    quantize: str,
) -> dict[str, Any]:
    """Loads a model as a round of the home would and works a mini-batch. `told`: system prompt, prompt format and
    length of responses, as the options give them; without them those of the home's own model."""
    config, own = Config(), None
    if database or (home / "rateloop.db").is_file():
        with contextlib.closing(Store.open(home, database, upgrade=database is None)) as store:
            own = store.base_model()
            if own is not None and model in (None, own):
                config = Engine.merge_round_config(config, store)
    chosen = model_name(model or own or EMBEDDED_MODEL)

    def facts(costs: RoundCosts) -> HomeFacts:
        if chosen != own:
            return HomeFacts()
        with contextlib.closing(Store.open(home, database)) as store:
            return read_facts(store, costs)

    if chosen != own or any(given is not None for given in told):
        config = replace(config, sample=sample_of(chosen, *told))
    config = replace(config.changed(changes), precision=precision, quantize=quantize)
    with console.status(f"Loading {chosen} …") as status:
        engine = Engine(home, chosen, device, config)
        found = diagnose(engine, config, status.update, facts)
    print_diagnosis(console, found)
    return found


def diagnose_named_shape(
    console: Console,
    shape: str,
    model: str | None,
    device: str,
    length: str | None,
    changes: Sequence[str],
    precision: str,
    quantize: str,
) -> dict[str, Any]:
    """Calculates what a model of that shape would need here. Raises BadInput where a model is named as well."""
    if model is not None:
        raise BadInput("Give --model or --shape, not both: a shape is a model of its own.")
    config = replace(Config(), sample=sample_of(shape, length=length)).changed(changes)
    found = diagnose_shape(shape, device, replace(config, precision=precision, quantize=quantize))
    print_shape_needs(console, found)
    return found
