"""`python -m ppo bench`: one PPO step, measured in phases."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ppo.cli.common import DEVICE, HOME, JSON_FILE, QUANTIZE, cli, console, quiet
from rater_data.round_settings import EMBEDDED_MODEL as DEFAULT_MODEL
from rater_data.store import default_home


@cli.command()
def bench(
    model: Annotated[str | None, typer.Option(help="As for the demo; the embedded model by default.")] = None,
    shape: Annotated[
        str | None,
        typer.Option(help="Instead of a model: random weights of this shape, as in llama-3.1-8b."),
    ] = None,
    device: DEVICE = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    quantize: QUANTIZE = "",
    steps: Annotated[int, typer.Option(min=1, help="Steps measured, after one that does not count.")] = 3,
    batch: Annotated[int, typer.Option(min=1, help="Responses a step.")] = 16,
    per_prompt: Annotated[int, typer.Option(min=1, help="Responses to each prompt.")] = 1,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens a response.")] = 48,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the batch.")] = 4,
    minibatch: Annotated[int, typer.Option(min=1, help="Responses an optimiser step.")] = 4,
    calculate: Annotated[
        bool,
        typer.Option(
            "--calculate", help="Of a shape: say what memory of a GPU a round needs, and measure nothing."
        ),
    ] = False,
    scaling: Annotated[
        bool, typer.Option("--scaling", help="Also batches of 8 to 64 and responses of 24 to 96 tokens.")
    ] = False,
    head: Annotated[
        bool, typer.Option("--head", help="The reward head instead: seconds to fit it and to report on it.")
    ] = False,
    peer: Annotated[
        list[Path] | None, typer.Option(help="A result file of another trainer on the same work; repeatable.")
    ] = None,
    json_file: JSON_FILE = None,
    home: HOME = None,
) -> None:
    """Measure one PPO step in phases, beside what this machine could do at best."""
    quiet()
    from ppo.benchmark.bench import Bench
    from ppo.benchmark.command import calculate_memory, measure_step
    from ppo.benchmark.head_cost import measure_head
    from ppo.benchmark.work import BenchmarkSize
    from ppo.training.followers import joined_processes
    from rater_data.errors import BadInput

    if head:
        measured = measure_head(console)
        if json_file is not None:
            json_file.write_text(json.dumps(measured, indent=1), encoding="utf-8")
        return
    if model is not None and shape is not None:
        raise BadInput("Give --model or --shape, not both: a shape is a model of its own.")
    work = BenchmarkSize(
        batch=batch, per_prompt=per_prompt, tokens=tokens, epochs=epochs, minibatch=minibatch
    )
    result: Any = calculate_memory(console, shape, work) if calculate else None
    if not calculate:
        home, name = home or default_home(), model or DEFAULT_MODEL
        with joined_processes(home, device) as joined:
            if joined is None:
                return
            processes, own = joined
            result = measure_step(
                console,
                lambda: Bench(name, home, own, precision, processes, shape, quantize),
                work,
                steps,
                peer or [],
                scaling,
            )
    if json_file is not None:
        json_file.write_text(json.dumps(result, indent=1), encoding="utf-8")
