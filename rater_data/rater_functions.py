"""Raters that are functions: (prompt, response) → a score, from a file of the user's own; and names of classifiers."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rater_data.errors import BadInput, Missing

Rater = Callable[[str, str], float]
CLASSIFIER_SIGN = "hf:"
CLASSIFIER_HELP = "hf:MODEL[:LABEL], where the label's probability 0 earns a 1 and 1 a 10"
PROBABILITY, LOGIT = "probability", "logit"
"""What of a classifier's answer becomes the score; the logit alone may name the range that the scale stands for."""


def load_rater_function(name: str) -> Rater:
    """FILE.py:FUNCTION. Raises BadInput or Missing with a sentence."""
    file, _, function = name.rpartition(":")
    if not file.endswith(".py"):
        raise BadInput(f"--rater {name} is neither FILE.py:FUNCTION nor hf:MODEL:LABEL.")
    if not Path(file).is_file():
        raise Missing(f"The rater's file {file} does not exist.")
    spec = importlib.util.spec_from_file_location("rateloop_rater", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # anything may go wrong in somebody else's file
        raise BadInput(f"The rater's file {file} failed: {type(error).__name__}: {error}") from error
    rater = getattr(module, function, None)
    if not callable(rater):
        raise BadInput(f"{file} has no function {function!r}.")
    return rater


@dataclass(frozen=True, slots=True)
class ClassifierName:
    """A text classifier as a rater: `hf:MODEL[:LABEL][:logit]`.

    `model`: a folder or a hub id; `label`: the name or the number of one of its labels, None for the one that goes
    without saying; `by`: `probability`, `logit` or `logit=LOW..HIGH`.
    """

    model: str
    label: str | None = None
    by: str = PROBABILITY

    @classmethod
    def parse(cls, name: str) -> "ClassifierName":
        """Raises BadInput where no model is named."""
        parts = name.removeprefix(CLASSIFIER_SIGN).split(":")
        # A folder's name may hold colons, and so may a label's
        folders = (n for n in range(len(parts), 0, -1) if Path(":".join(parts[:n])).expanduser().is_dir())
        length = next(folders, 1)
        model, rest = ":".join(parts[:length]), parts[length:]
        if not model:
            raise BadInput(f"--rater {name} names no model: it is hf:MODEL or hf:MODEL:LABEL.")
        by = PROBABILITY
        if rest and rest[-1].partition("=")[0] in (PROBABILITY, LOGIT):
            by = rest.pop()
        return cls(model, ":".join(rest) or None, by)
