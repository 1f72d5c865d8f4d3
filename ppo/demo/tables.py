"""What `python -m ppo demo` prints."""

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
SETUP = ("Generating responses", "Loading the model")


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
        if "score_gain" in row:
            console.print(f"  {score_worth(row)}")
        if said := raters_said(row):
            console.print(f"  {said}")
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
        why = "Nothing of the training could be kept" if row["kept_nothing"] else "The gate refused"
        return f"{why}: the model stays as it was."
    if row["helped"]:
        return "The raters would like the new version better."
    return (
        "The new version is liked less."
        if row["gain_ci"][1] < 0
        else "No improvement can be told from chance."
    )


def score_worth(row: dict[str, Any]) -> str:
    """What the score that PPO gained is worth, beside what picking by the same head buys."""
    said = f"Score {row['score_gain']:+.2f} of the head's units, true rating {row['gain']:+.2f} points"
    picked = row["best_of"]
    if picked is None:
        return f"{said}."
    low, high = picked["gain_ci"]
    return (
        f"{said}; the head's favourite of {picked['of']:.0f} of the base: score {picked['score_gain']:+.2f}, "
        f"true rating {picked['gain']:+.2f} ({low:+.2f} … {high:+.2f}) at {picked['kl']:.1f} nats."
    )


def raters_said(row: dict[str, Any]) -> str:
    """What an operator read before this training: the verdict on the version in use, and who was named."""
    said = []
    if row["verdict_gain"] is not None:
        mean, low, high = row["verdict_gain"]
        said.append(
            f"Before it, blind ratings said of version {row['of_version']}: {row['verdict']}, "
            f"{mean:+.2f} ({low:+.2f} … {high:+.2f})"
        )
    if row["named"]:
        said.append("Named: " + ", ".join(f"{name} ({kind})" for name, kind in row["named"]))
    return "".join(f"{sentence}. " for sentence in said).strip()


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
