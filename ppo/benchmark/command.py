"""What `python -m ppo bench` does: measures or calculates, and prints."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ppo.benchmark.bench import Bench, Step, add_plain_generate, run
from ppo.benchmark.memory_model import RoundSize, memory_table
from ppo.benchmark.peers import compare_with_peer, read_peer
from ppo.benchmark.shapes import find_shape
from ppo.benchmark.tables import print_bench, print_memory, print_scaling
from ppo.benchmark.work import BenchmarkSize
from rater_data.errors import BadInput

MICROBATCH = 2048  # tokens of those whose memory is shown; the largest that fits is shown beside it


def measure_step(
    console: Console,
    make: Callable[[], Bench],
    work: BenchmarkSize,
    steps: int,
    peers: Sequence[Path],
    scaling: bool,
) -> dict[str, Any]:
    """One PPO step in phases, of the `Bench` that `make` makes; printed, and as `--json` writes it."""
    others = {path.stem: read_peer(path) for path in peers}
    with console.status("Loading the model …") as status:
        bench = make()

        def tell(number: int, step: Step) -> None:
            status.update(f"Step {number} of {steps}: {step.seconds:.1f} s")

        result = run(bench, work, steps, tell)
        result["peers"] = {name: compare_with_peer(result, found) for name, found in others.items()}
        if scaling:
            result["scaling"] = []
            for other in work.scaled():
                status.update(f"{other.batch} responses of {other.tokens} tokens …")
                result["scaling"].append(run(bench, other, 1))
        status.update("transformers' own generate …")
        add_plain_generate(bench, work, result)
    print_bench(console, result)
    if scaling:
        print_scaling(console, result["scaling"])
    return result


def calculate_memory(console: Console, shape: str | None, work: BenchmarkSize) -> list[dict[str, Any]]:
    """What a round of that work needs of a GPU; printed, and as `--json` writes it. Raises BadInput without a shape."""
    if shape is None:
        raise BadInput("--calculate is of a shape: name one with --shape, as in --shape llama-3.1-8b.")
    size = RoundSize(
        work.batch, work.tokens, per_prompt=work.per_prompt, rank=work.rank, microbatch=MICROBATCH
    )
    rows = memory_table(find_shape(shape), size)
    print_memory(console, shape, size, rows)
    return rows
