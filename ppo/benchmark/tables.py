"""What `python -m ppo bench` prints."""

from typing import Any

from rich.console import Console
from rich.table import Table

from ppo.benchmark.memory_model import RoundSize


def print_bench(console: Console, result: dict[str, Any]) -> None:
    """Progress, rates, memory, the bound, and how other trainers compare."""
    work = result["work"]
    table = Table(
        title=f"{work['batch']} responses of {work['tokens']} tokens, {work['epochs']} epochs, mini-batch "
        f"{work['minibatch']}, {result['precision']}, median of {result['steps']}"
    )
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    for name in ("share", "peak MiB", "× weights"):
        table.add_column(name, justify="right")
    phases = result["phases"]
    for name, peak in result["peak_mib_by_phase"].items():
        seconds = phases.get(name)
        clock = (f"{seconds:.2f}", f"{seconds / result['seconds_per_step']:.0%}") if seconds else ("", "")
        table.add_row(name, *clock, f"{peak:.0f}", f"{result['peak_over_weights'][name]:.2f}")
    table.add_row("step", f"{result['seconds_per_step']:.2f}", "100%")
    console.print(table)
    console.print(result["path"])
    machine = result["machine"]
    console.print(
        f"{result['samples_per_s']:.2f} responses/s, {result['tokens_per_s']:.0f} tokens/s in all, "
        f"{result['generated_tokens_per_s']:.0f} generated/s; peak memory {result['peak_rss_mib']:.0f} MiB, weights "
        f"{result['weights_mib']:.0f} MiB."
    )
    if "plain_generate_seconds" in result:
        console.print(
            f"transformers' own generate takes {result['plain_generate_seconds']:.2f} s for the same responses: "
            f"{result['times_plain_generate']:.2f} times as long."
        )
    console.print(
        f"This machine: {machine['flops'] / 1e9:.0f} GFLOP/s ({machine['precision']} products, "
        f"{machine['threads']} threads), memory {machine['bandwidth'] / 1e9:.0f} GB/s. Bound for the same work: "
        f"{result['bound_seconds']:.2f} s, so the step takes {result['times_bound']:.2f} times the bound."
    )
    shares = result["share_of_flops"]
    console.print(
        f"Writing reads weights, keys and values at {result['share_of_bandwidth']:.0%} of the memory's speed; scoring "
        f"multiplies at {shares['score']:.0%} of the rate of products, updating at {shares['update']:.0%}."
    )
    green = "green" if result["ratio_green"] else "RED"
    console.print(f"Ratio gate: {green} (largest |new − old| before an update: {result['ratio_gap']:.1e}).")
    for name, found in result.get("peers", {}).items():
        console.print(
            f"{name}: {found['peer_seconds']:.1f} s a step; this is {found['times_faster']:.2f} times as fast, with "
            f"{found['share_of_memory']:.2f} of its peak memory."
        )


def print_scaling(console: Console, results: list[dict[str, Any]]) -> None:
    """Seconds a step beside the tokens in it: the last column stays level when cost grows with tokens."""
    table = Table(title="Cost against tokens")
    for name in ("responses", "tokens each", *results[0]["phases"], "step s", "ms a token"):
        table.add_column(name, justify="right")
    for found in results:
        tokens = found["tokens_per_s"] * found["seconds_per_step"]
        table.add_row(
            str(found["work"]["batch"]),
            str(found["work"]["tokens"]),
            *(f"{s:.2f}" for s in found["phases"].values()),
            f"{found['seconds_per_step']:.2f}",
            f"{1000 * found['seconds_per_step'] / tokens:.2f}",
        )
    console.print(table)


def print_memory(console: Console, name: str, size: RoundSize, rows: list[dict[str, Any]]) -> None:
    """What `--calculate` found: no model was made and nothing measured."""
    table = Table(
        title=f"{name}, calculated: {size.responses} responses of {size.response} tokens to prompts of "
        f"{size.prompt}, {size.per_prompt} each, LoRA r {size.rank}; GB at the peak of each phase in micro-batches of "
        f"{size.microbatch} tokens, and the largest micro-batch that fits a card"
    )
    for column in ("weights", "layers on the way back", "weights GB", *rows[0]["phases"]):
        table.add_column(column, justify="right")
    for card in rows[0]["fits"]:
        table.add_column(f"{card} GB", justify="right")
    for row in rows:
        table.add_row(
            row["weights"],
            "recomputed" if row["recompute"] else "kept",
            f"{row['parts']['weights']:.1f}",
            *(f"{count:.1f}" for count in row["phases"].values()),
            *(str(tokens) if tokens else "no" for tokens in row["fits"].values()),
        )
    console.print(table)
