"""Raters that are functions: (prompt, response) → a score, from a file of the user's own."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from rater_data.errors import BadInput, Missing

Rater = Callable[[str, str], float]


def load_rater_function(name: str) -> Rater:
    """FILE.py:FUNCTION. Raises BadInput or Missing with a sentence."""
    file, _, function = name.rpartition(":")
    if not file.endswith(".py"):
        raise BadInput(f"--rater {name} is not FILE.py:FUNCTION.")
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
