"""How far the jobs of a demo are: bars on a terminal, lines in a file."""

import contextlib
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextlib.contextmanager
def job_bars(console: Console) -> Iterator[Any]:
    """Progress bars on a terminal; in a file, one line a phase."""
    if not console.is_terminal:
        said = {"phase": ""}

        def tell(job: Any, progress: dict[str, Any]) -> None:
            if progress["phase"] != said["phase"]:
                said["phase"] = progress["phase"]
                console.print(f"{job.kind}: {progress['phase']} …")

        yield tell
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[tuple[int, str], Any] = {}

        def show(job: Any, progress: dict[str, Any]) -> None:
            key = (job.id, progress["phase"])
            if key not in tasks:
                for other in tasks.values():
                    bars.update(other, visible=False)
                tasks[key] = bars.add_task(progress["phase"], total=progress["total"], note="")
            eta = f"about {progress['eta_s']:.0f} s left" if progress["eta_s"] else ""
            bars.update(tasks[key], completed=progress["done"], note=f"{eta}  {progress['note']}")

        yield show
