"""What `python -m ppo demo` and `python -m ppo bench` print."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

COLUMNS = (
    "round",
    "version",
    "true rating on holdout (95 %)",
    "gain (95 %)",
    "KL nats",
    "tokens",
    "EOS",
    "distinct-2",
    "head ρ",
    "pairs",
    "fit+PPO s",
)
SETUP = ("Writing responses", "Loading the model")


def print_demo(console: Console, result: dict[str, Any], texts: list[list[tuple[str, str]]]) -> None:
    """The table of rounds, seconds of each phase, and three samples before and after."""
    table = Table(title=f"{result['rater']}, seed {result['seed']}, {result['ratings']} ratings a round")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for row in result["rounds"]:
        table.add_row(*_cells(row))
    console.print(table)
    for row in result["rounds"][1:]:
        parts = ", ".join(f"{name.lower()} {seconds:.0f}" for name, seconds in row["seconds"].items())
        console.print(f"Round {row['round']}: {row['state']}; seconds: {parts}. {verdict(row)}")
    for before, after in zip(texts[0], texts[-1], strict=True):
        console.print(f"\n[bold]{escape(before[0])}[/bold]")
        console.print(f"  before: {escape(before[1])}")
        console.print(f"  after:  {escape(after[1])}")


def training_seconds(row: dict[str, Any]) -> float:
    """Seconds of fit and PPO: every phase of the training job but the loading of the model."""
    return sum(s for name, s in row["seconds"].items() if name[0].isupper() and name not in SETUP)


def verdict(row: dict[str, Any]) -> str:
    """Did this round help? Only an interval that lies above 0 is called an improvement."""
    if row["state"] == "refused":
        return "The gate refused: the model stays as it was."
    if row["helped"]:
        return "The raters would like the new version better."
    return (
        "The new version is liked less."
        if row["gain_ci"][1] < 0
        else "No improvement can be told from chance."
    )


def _cells(row: dict[str, Any]) -> list[str]:
    def number(value: float | None, digits: int = 2) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    gain = (
        f"{row['gain']:+.2f} ({row['gain_ci'][0]:+.2f} … {row['gain_ci'][1]:+.2f})" if "gain" in row else ""
    )
    return [
        str(row["round"]),
        str(row["version"]),
        f"{row['true_mean']:.2f} ({row['true_ci'][0]:.2f} … {row['true_ci'][1]:.2f})",
        gain,
        number(row["kl"], 1),
        number(row["length"], 1),
        f"{row['eos_share']:.0%}",
        number(row["distinct_2"]),
        number(row["head_spearman"]),
        number(row["head_pair_accuracy"]),
        number(training_seconds(row), 0) if row["round"] else "",
    ]


def print_bench(console: Console, result: dict[str, Any]) -> None:
    """Phases, rates, memory, the bound, and how other trainers compare."""
    work = result["work"]
    table = Table(
        title=f"{work['batch']} responses of {work['tokens']} tokens, {work['epochs']} epochs, mini-batch "
        f"{work['minibatch']}, {result['precision']}, median of {result['steps']}"
    )
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    for name, seconds in result["phases"].items():
        table.add_row(name, f"{seconds:.2f}", f"{seconds / result['seconds_per_step']:.0%}")
    table.add_row("step", f"{result['seconds_per_step']:.2f}", "100%")
    console.print(table)
    machine = result["machine"]
    console.print(
        f"{result['samples_per_s']:.2f} responses/s, {result['tokens_per_s']:.0f} tokens/s in all, "
        f"{result['generated_tokens_per_s']:.0f} generated/s; peak memory {result['peak_rss_mib']:.0f} MiB."
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
