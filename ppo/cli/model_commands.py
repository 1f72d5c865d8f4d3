"""`python -m ppo get-model` and `python -m ppo doctor`: whether a model loads, and what it needs."""

import json
from typing import Annotated

import typer

from ppo.cli.common import (
    DEVICE,
    HOME,
    JSON_FILE,
    MAX_NEW_TOKENS,
    MODEL,
    PROMPT_FORMAT,
    QUANTIZE,
    SYSTEM,
    cli,
    console,
    quiet,
)
from rater_data.database_option import DatabaseUrl
from rater_data.round_settings import EMBEDDED_MODEL as DEFAULT_MODEL
from rater_data.store import default_home


@cli.command("get-model")
def get_model(home: HOME = None, model: MODEL = DEFAULT_MODEL) -> None:
    """Make the default model ready under the home folder, or check that another one loads."""
    quiet()
    from ppo.config import Config
    from ppo.model.loading.base_models import load_base
    from ppo.model.loading.default_model import DEFAULT, default_model
    from ppo.model.self_check import checked_policy

    home = home or default_home()
    if model == DEFAULT:
        print(f"The default model is ready in {default_model(home)}.")
    else:
        base = load_base(model, home, "cpu")
        millions = sum(p.numel() for p in base.lm.parameters()) / 1e6
        _, check = checked_policy(base, Config().lora, "fp32", seed=0)
        print("\n".join([f"{base.name} loads: {millions:.1f} million parameters.", check.says]))
        print("".join(f"{note}\n" for note in (*base.notes, *check.notes)), end="")


@cli.command()
def doctor(
    model: Annotated[
        str | None, typer.Option(help="As for the demo; the home's own model by default.")
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="Instead of a model: what one of this shape would need, calculated, as in llama-3.1-8b."
        ),
    ] = None,
    device: DEVICE = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    quantize: QUANTIZE = "",
    system: SYSTEM = None,
    prompt_format: PROMPT_FORMAT = None,
    max_new_tokens: MAX_NEW_TOKENS = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting of ppo/config.py, as in ppo.minibatch=4; repeatable."),
    ] = None,
    json_file: JSON_FILE = None,
    home: HOME = None,
    database: DatabaseUrl = None,
) -> None:
    """Say how a model loads, what it reads, where it stops, and what a round needs of this machine."""
    quiet()

    from ppo.doctor.command import diagnose_model, diagnose_named_shape

    settings = (changes or [], precision, quantize)
    if shape is not None:
        found = diagnose_named_shape(console, shape, model, device, max_new_tokens, *settings)
    else:
        told = (system, prompt_format, max_new_tokens)
        found = diagnose_model(console, home or default_home(), database, model, device, told, *settings)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=1), encoding="utf-8")
