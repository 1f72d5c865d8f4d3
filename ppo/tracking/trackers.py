"""accelerate's trackers, opened for one round, and texts in the form that each of them shows."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import PartialState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker

from ppo.markdown import fenced, shortened
from rater_data import checks

PROJECT = "rateloop"
TRACKED = "tracking"  # the folder in a home where trackers that keep files write
_LAUNCHED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


@dataclass(frozen=True, slots=True)
class TrackerChoice:
    """`kind`: one of `checks.TRACKERS`; `folder`: where those write that keep files; `prefix` of the runs' names.

    Raises BadInput for another kind, and for one that is not installed.
    """

    kind: str
    folder: Path
    prefix: str = ""

    def __post_init__(self) -> None:
        checks.tracker(self.kind)

    def open(self, run: str, config: dict[str, Any]) -> GeneralTracker:
        """A started run with its settings. Raises whatever the tracker raises."""
        name = f"{self.prefix}{run}"
        made: GeneralTracker = LOGGER_TYPE_TO_CLASS[self.kind](**self._arguments(name))
        made.start()
        made.store_init_configuration(config)
        return made

    def _arguments(self, name: str) -> dict[str, Any]:
        if self.kind == "tensorboard":
            self.folder.mkdir(parents=True, exist_ok=True)
            return {"run_name": name, "logging_dir": self.folder}
        if self.kind == "mlflow":
            return {"experiment_name": PROJECT, "run_name": name}
        if self.kind == "wandb":
            self.folder.mkdir(parents=True, exist_ok=True)
            return {"run_name": PROJECT, "name": name, "dir": str(self.folder)}
        return {"run_name": PROJECT, "name": name, "resume": "allow"}


def begin_alone() -> None:
    """Lets accelerate know its processes, which its log asks for: this one alone, since the first of them tracks.

    It shall not look for the others, nor set threads for them. To be called in the main thread.
    """
    hidden = {name: os.environ.pop(name) for name in _LAUNCHED if name in os.environ}
    try:
        PartialState(cpu=True)
    finally:
        os.environ.update(hidden)


def log_texts(
    tracker: Any, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], step: int
) -> None:
    """Rows of texts: a table where the tracker has tables, a file where it takes no texts, else Markdown."""
    if hasattr(tracker, "log_table"):
        tracker.log_table(name, columns=list(columns), data=[list(row) for row in rows], step=step)
        return
    parts = [
        f"{column}:\n\n{fenced(shortened(text))}"
        for row in rows
        for column, text in zip(columns, row, strict=True)
    ]
    text = "\n\n".join(parts)
    if tracker.name != "mlflow":
        tracker.log({name: text}, step=step)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name.replace('/', '-')}-{step:04d}.md"
        file.write_text(text, encoding="utf-8")
        tracker.log_artifact(str(file))
