"""What was found as a page of Markdown, ready for docs/gpu.md, and as lines on the terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.gpu_check.outcome import Table

if TYPE_CHECKING:  # it imports this
    from tests.gpu_check.run import Ran

PHASES = ("load", "policy", "generate", "score", "update")


def line(ran: "Ran") -> str:
    """One check on the terminal."""
    return f"{'ok    ' if ran.outcome.ok else 'FAILED'} {ran.name} ({ran.seconds:.0f} s): {ran.outcome.says}"


def markdown(ran: Sequence["Ran"]) -> str:
    """All of it."""
    overview = Table("Checks", ["check", "", "s", "what it says"])
    for one in ran:
        result = "ok" if one.outcome.ok else "**FAILED**"
        overview.rows.append([one.name, result, f"{one.seconds:.0f}", one.outcome.says])
    tables = [overview, *(table for one in ran for table in one.outcome.tables)]
    benches = [
        one.outcome.numbers for one in ran if one.name.startswith("bench") and "phases" in one.outcome.numbers
    ]
    if benches:
        tables += [_speeds(benches), _memory(benches)]
    return "\n".join(_table(table) for table in tables)


def _speeds(benches: Sequence[dict[str, Any]]) -> Table:
    work = benches[0]["work"]
    table = Table(
        f"One step: {work['batch']} responses of {work['tokens']} tokens, mini-batches of {work['minibatch']}",
        [
            *("shape", "precision", "generate s", "tokens/s", "transformers takes", "of the memory's speed"),
            *(
                "score s",
                "of the rate",
                "update s",
                "of the rate",
                "step / bound",
                "ratio gap",
                "micro-batch",
            ),
        ],
    )
    for found in benches:
        phases, shares = found["phases"], found["share_of_flops"]
        table.rows.append(
            [
                *(found["model"], found["precision"], f"{phases['generate']:.2f}"),
                f"{found['generated_tokens_per_s']:.0f}",
                f"{found['times_plain_generate']:.1f} ×" if "times_plain_generate" in found else "",
                f"{found['share_of_bandwidth']:.0%}",
                *(f"{phases['score']:.2f}", f"{shares['score']:.0%}"),
                *(f"{phases['update']:.2f}", f"{shares['update']:.0%}"),
                *(
                    f"{found['times_bound']:.1f}",
                    f"{found['ratio_gap']:.0e}",
                    str(found["microbatch_tokens"]),
                ),
            ]
        )
    return table


def _memory(benches: Sequence[dict[str, Any]]) -> Table:
    table = Table("Peak of memory by phase, MiB (times the weights)", ["shape", "weights", *PHASES])
    for found in benches:
        peaks, times = found["peak_mib_by_phase"], found["peak_over_weights"]
        cells = [f"{peaks[name]:.0f} ({times[name]:.1f})" for name in PHASES]
        table.rows.append([found["model"], f"{found['weights_mib']:.0f}", *cells])
    return table


def _table(table: Table) -> str:
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    rule = "|" + "---|" * len(table.columns)
    return "\n".join([f"### {table.title}", "", row(table.columns), rule, *map(row, table.rows), ""])
