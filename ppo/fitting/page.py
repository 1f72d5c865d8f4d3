"""What `python -m ppo fit-head` prints, and how far it is while it works."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ppo.training.store_tensors import THUMBS
from rater_data.overview.rater_words import leaving_out
from rater_data.scales import SCALES

TELL_EVERY = 0.1  # of a phase, where there is no terminal
NOTHING_MEASURED = (
    (-1, 1),
    (0, 1),
    (0, 0),
)  # what a report gives as the interval where there was nothing to measure


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
    head = page["head"]
    console.print(
        f"{page['ratings']} ratings ({page['comparisons']} comparisons) by {page['raters_who_count']} raters, of "
        f"{page['responses']} responses to {page['prompts']} prompts.",
        highlight=False,
    )
    if page["edits"]:
        console.print(f"{page['edits']} better answers taught the head beside them.", highlight=False)
    for why in page["left_out"] or ():
        console.print(f"Left out: {why}", markup=False, highlight=False)
    table = _table(page)
    if table.row_count:
        console.print(table)
    for sentence in (head["reason"], _advice(head["advice"] or ()), *_findings(page)):
        if sentence:
            console.print(sentence, markup=False, highlight=False)


def _table(page: dict[str, Any]) -> Table:
    """What the head reaches, what raters reach with each other and what length alone does; a row for what is known."""
    head, alpha, ceiling = page["head"], page["agreement"]["alpha"] or {}, page["head"]["ceiling"] or {}
    scale = SCALES[page["scale"]]
    unit = "logits" if scale.paired or scale.name == THUMBS else "points"
    rows = (
        ("raters with each other (α)", alpha.get("mean"), (alpha.get("low"), alpha.get("high"))),
        ("Spearman: one rater with the others", ceiling.get("spearman"), None),
        ("Spearman: the head, unseen prompts", head["spearman"], head["spearman_ci"]),
        ("pairs: one rater with the others", ceiling.get("pair_accuracy"), None),
        ("pairs: the head, unseen prompts", head["pair_accuracy"], head["pair_ci"]),
        ("pairs: the longer is better", head["length_pair_accuracy"], head["length_ci"]),
        (
            f"{unit}: the head's favourite above its prompt's mean",
            head["favourite_gain"],
            head["favourite_ci"],
        ),
        ("calibration slope (1: as sure as it may be)", head["calibration"], head["calibration_ci"]),
    )
    table = Table("", "found", "95 % interval", box=None, title_justify="left")
    for name, value, ends in rows:
        if value is not None and (ends is None or tuple(ends) not in NOTHING_MEASURED):
            table.add_row(name, f"{value:.2f}", _interval(ends))
    return table


def _advice(advice: Sequence[dict[str, Any]]) -> str:
    steps = [
        f"{step['more']} more {step['spearman']:+z.2f} ({step['low']:+z.2f} … {step['high']:+z.2f})"
        for step in advice
    ]
    return f"More ratings should add to Spearman, with 80 % intervals: {', '.join(steps)}." if steps else ""


def _findings(page: dict[str, Any]) -> Iterator[str]:
    """Who rates unlike the others, and what the head is with each of them and without."""
    for finding in page["findings"]:
        people = finding["raters"]
        yield f"{' and '.join(people)} {finding['says']}."
        for name in people:
            effect = leaving_out(page["head_without"].get(name))
            if effect:
                yield f"{name}: {effect}"


def _interval(ends: Sequence[float | None] | None) -> str:
    low, high = ends or (None, None)
    return "" if low is None or high is None else f"{low:.2f} … {high:.2f}"
