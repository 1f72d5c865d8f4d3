"""What `python -m ppo fit-head` prints, and how far it is while it works."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

TELL_EVERY = 0.1  # of a phase, where there is no terminal


@contextlib.contextmanager
def phases(console: Console) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Takes what `Progress` shows: one line that changes on a terminal, and elsewhere a line now and then."""
    if console.is_terminal:
        with console.status("…") as status:
            yield lambda shown: status.update(_line(shown))
        return
    told: tuple[str, float] = ("", 0.0)

    def tell(shown: dict[str, Any]) -> None:
        nonlocal told
        share = shown["done"] / max(1, shown["total"])
        if shown["phase"] != told[0] or share >= told[1] + TELL_EVERY:
            told = (shown["phase"], share)
            console.print(_line(shown), markup=False, highlight=False)

    yield tell


def _line(shown: dict[str, Any]) -> str:
    left = f", about {shown['eta_s']:.0f} s left" if shown["eta_s"] else ""
    counted = f": {shown['done']} of {shown['total']}{left}" if shown["total"] > 1 else ""
    return f"{shown['phase']}{counted} …"


def print_fit(console: Console, page: dict[str, Any]) -> None:
    """The numbers that matter, each beside what it is to be compared with."""
    head, alpha, one = page["head"], page["agreement"]["alpha"], page["agreement"]["one_rater"]
    console.print(
        f"{page['ratings']} ratings ({page['comparisons']} comparisons) by {page['raters_who_count']} raters, of "
        f"{page['responses']} responses to {page['prompts']} prompts.",
        highlight=False,
    )
    if page["edits"]:
        console.print(f"{page['edits']} better answers taught the head beside them.", highlight=False)
    for why in page["left_out"]:
        console.print(f"Left out: {why}", markup=False, highlight=False)
    table = Table("", "agreement", "95 % interval", box=None, title_justify="left")
    if alpha is not None:
        table.add_row(
            "raters with each other (α)", f"{alpha['mean']:.2f}", _interval(alpha["low"], alpha["high"])
        )
    if one is not None and one["pair_accuracy"] is not None:
        table.add_row("pairs: one rater with the others", f"{one['pair_accuracy']:.2f}", "")
    table.add_row(
        "pairs: the head, unseen prompts", f"{head['pair_accuracy']:.2f}", _interval(*head["pair_ci"])
    )
    table.add_row(
        "pairs: the longer is better", f"{head['length_pair_accuracy']:.2f}", _interval(*head["length_ci"])
    )
    table.add_row(
        "Spearman: the head, unseen prompts", f"{head['spearman']:.2f}", _interval(*head["spearman_ci"])
    )
    console.print(table)
    console.print(head["reason"], markup=False, highlight=False)
    for finding in page["findings"]:
        console.print(f"{' and '.join(finding['raters'])} {finding['says']}.", markup=False, highlight=False)


def _interval(low: float, high: float) -> str:
    return f"{low:.2f} … {high:.2f}"
