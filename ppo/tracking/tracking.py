"""A training as a tracker sees it: a run for each round, its steps, its gate, its version.

The store comes first: what is tracked is what it holds, and it holds everything without a tracker, too.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ppo.tracking.run_thread import RunThread
from ppo.tracking.trackers import TrackerChoice, begin_alone, log_texts
from rater_data import checks
from rater_data.lifecycle import Round
from rater_data.round_settings import SERVER_URL, joined_text
from rater_data.store import Store

NOT_METRICS = ("step", "lights", "samples")
SAMPLES = ("prompt", "answer")


class Tracking:
    """Tells a tracker what the trainer records; nothing of it ever stops a training."""

    def __init__(self, choice: TrackerChoice) -> None:
        begin_alone()
        self._choice = choice
        self._round: int | None = None
        self._run: RunThread | None = None
        self._told_error = False

    def record_step(
        self, store: Store, log: Callable[[str], None], number: int, step: int, metrics: dict[str, Any]
    ) -> None:
        """Keeps a step of round `number` in the store, and tells the tracker. `log`: a line for the job's log."""
        store.add_step(number, step, metrics)
        self._guarded(log, lambda: self._tell_step(store, number, step, metrics))

    def end_round(self, store: Store, log: Callable[[str], None], number: int) -> None:
        """The round is over, published or refused: tells the gate, the decision and the version, and ends the run."""
        self._guarded(log, lambda: self._tell_end(store, number))
        self.close(log)

    def close(self, log: Callable[[str], None]) -> None:
        """Ends the run, if there is one: the round is over, was stopped or failed."""
        run, self._run = self._run, None
        if run is not None:
            self._say_once(log, run.finish())

    def _tell_step(self, store: Store, number: int, step: int, metrics: dict[str, Any]) -> None:
        run = self._run_of(store, number)
        values = dict(numbers_of({k: v for k, v in metrics.items() if k not in NOT_METRICS}))
        for light in metrics.get("lights", ()):
            values[f"rules/{tag(light['rule'])}"] = float(light["ok"])
        rows = [(sample["prompt"], sample["text"]) for sample in metrics.get("samples", ())]
        run.tell(lambda tracker: tracker.log(values, step=step))
        if rows:
            run.tell(lambda tracker: log_texts(tracker, "samples", SAMPLES, rows, step))

    def _tell_end(self, store: Store, number: int) -> None:
        round_ = store.round(number)
        assert round_ is not None, "it was trained"
        run = self._run_of(store, number)
        steps = [int(step["step"]) for step in store.steps(number)]
        last = max(steps, default=0)
        values = dict(numbers_of(round_.gate or {}, "gate/"))
        rows: list[tuple[str, str]] = []
        if round_.published_version is not None:
            version = store.version(round_.published_version)
            told = {name: value for name, value in version.metrics.items() if name != "sample"}
            values |= {"version/number": float(version.number), **dict(numbers_of(told, "version/"))}
            rows = [
                (joined_text(store.prompt(sample.prompt_id).chat), sample.text)
                for sample in store.samples(version.number)
            ]
        decision = [(round_.state, round_.decision or "")]
        run.tell(lambda tracker: tracker.log(values, step=last))
        run.tell(lambda tracker: log_texts(tracker, "decision", ("state", "decision"), decision, last))
        if rows:
            run.tell(lambda tracker: log_texts(tracker, "version/samples", SAMPLES, rows, last))

    def _guarded(self, log: Callable[[str], None], tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:  # a round must not end because somebody watches it
            self._say_once(log, f"{type(error).__name__}: {error}"[:300])
        if self._run is not None:
            self._say_once(log, self._run.error())

    def _run_of(self, store: Store, number: int) -> RunThread:
        if self._run is None or self._round != number:
            if self._run is not None:
                self._run.finish()
            config = run_config(store, number)
            self._round, self._told_error = number, False
            self._run = RunThread(lambda: self._choice.open(f"round-{number:04d}", config))
        return self._run

    def _say_once(self, log: Callable[[str], None], error: str) -> None:
        if error and not self._told_error:
            self._told_error = True
            log(
                f"The tracker {self._choice.kind} is told nothing more of this round ({error}); the training goes on, "
                "and its steps are in the store."
            )


def run_config(store: Store, number: int) -> dict[str, Any]:
    """What a run is of: round, version, base, the address of the console, and every setting of the round by path."""
    round_ = store.round(number)
    assert round_ is not None, "steps are of a round"
    current = store.current_version()
    about: dict[str, Any] = {"round": number, "seal": round_.snapshot_sha256 or ""}
    if current is not None:
        about |= {
            "from_version": current.number,
            "base_model": Path(current.base_model).name
            if Path(current.base_model).is_absolute()
            else current.base_model,
            "base_revision": current.base_revision,
        }
    url = store.setting(SERVER_URL)
    if url:
        about["console"] = str(url)
    return about | dict(_settings_of(round_))


def _settings_of(round_: Round) -> Iterator[tuple[str, Any]]:
    for part, settings in round_.config.items():
        if not isinstance(settings, dict):
            yield part, _plain(settings)
            continue
        for name, value in settings.items():
            yield f"{part}.{name}", _plain(value)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def numbers_of(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every finite number in nested values, by its path as a tag; true and false are 1 and 0, intervals two numbers."""
    for name, value in values.items():
        path = f"{prefix}{tag(name)}"
        if isinstance(value, bool) or checks.is_number(value):
            yield path, float(value)
        elif isinstance(value, dict):
            yield from numbers_of(value, f"{path}/")
        elif isinstance(value, list | tuple) and len(value) == 2:
            yield from numbers_of(dict(zip(("low", "high"), value, strict=True)), f"{path}/")


def tag(name: str) -> str:
    """A name that every tracker takes as it is."""
    return re.sub(r"[^\w/.-]+", "_", name, flags=re.ASCII).strip("_")
