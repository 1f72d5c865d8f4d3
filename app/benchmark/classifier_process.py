"""A text classifier as a rater of cards: `python -m ppo classify` in a process of its own, since torch lives there."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from app.benchmark.simulate import Bounds, CardRater, prompt_of, rate_with
from rater_data.errors import BadInput
from rater_data.rater_functions import CLASSIFIER_SIGN, ClassifierName, load_rater_function
from rater_data.scales import SCALES

SCALE = SCALES["score_1_10"]  # what the process answers on
STOP_TIMEOUT = 10.0  # seconds


@contextmanager
def open_rater(name: str) -> Iterator[CardRater]:
    """FILE.py:FUNCTION, or hf:MODEL:LABEL with its process while the body runs. Raises BadInput or Missing."""
    if not name.startswith(CLASSIFIER_SIGN):
        yield rate_with(load_rater_function(name))
        return
    with tempfile.TemporaryFile() as errors:
        classifier = ClassifierProcess(ClassifierName.parse(name), errors)
        try:
            classifier.score("Is it there?")  # or its sentence, before anything is rated
            yield classifier.rate
        finally:
            classifier.close()


class ClassifierProcess:
    """Scores texts one after the other, from any thread.

    The process ends with `close`, and with this one, however that ends: its input closes then.
    """

    def __init__(self, name: ClassifierName, errors: IO[bytes]) -> None:
        """`errors` takes what the process has to say when it ends early."""
        command = [sys.executable, "-m", "ppo", "classify", "--model", name.model, "--by", name.by]
        if name.label is not None:
            command += ["--label", name.label]
        self._lock = threading.Lock()
        self._known: dict[str, float] = {}
        self._errors = errors
        # Its own session: Ctrl-C in the terminal is for this process, and that one ends after it
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def score(self, text: str) -> float:
        """From 1 to 10; a text that was scored before is not sent again. Raises BadInput with its sentence."""
        with self._lock:
            if text not in self._known:
                self._known[text] = self._ask(text)
            return self._known[text]

    def rate(self, card: dict[str, Any], text: str, bounds: Bounds) -> float:
        """A response between the bounds; where it goes on with its prompt, both are one text."""
        read = prompt_of(card) + text if card["continuation"] else text
        low, high = bounds
        return low + (self.score(read) - SCALE.low) / (SCALE.high - SCALE.low) * (high - low)

    def close(self) -> None:
        """Ends the process: without input it has nothing to do."""
        try:
            self._process.communicate(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _ask(self, text: str) -> float:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        answer = ""
        try:
            process.stdin.write(json.dumps({"response": text}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            pass  # it ended, and says why
        if not answer:
            raise BadInput(self._last_words())
        return float(json.loads(answer)["score"])

    def _last_words(self) -> str:
        """Why the process ended, in its own sentence."""
        code = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"The classifier's process ended with exit code {code}."
