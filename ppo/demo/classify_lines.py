"""JSON lines in, scores out: a classifier for other programs, which may wait for each answer or send a whole file."""

import json
import os
from collections.abc import Callable, Iterator

from ppo.demo.classifier import Classifier, text_read
from rater_data.errors import BadInput

CHUNK = 2**16  # bytes read at once


def classify_lines(classifier: Classifier, plain: bool, source: int, write: Callable[[str], None]) -> None:
    """Answers each line {"prompt", "response"} of the file descriptor `source` with {"score"}, until its end.

    `plain`: prompt and response are one text. `write` gets the answers to as many lines as there were to read. Raises
    BadInput naming the first line that cannot be read.
    """
    done = 0
    for lines in _waiting_lines(source):
        numbered = enumerate(lines, done + 1)
        texts = [_parse(line, number, plain) for number, line in numbered if line.strip()]
        write("".join(json.dumps({"score": score}) + "\n" for score in classifier.scores(texts)))
        done += len(lines)


def _waiting_lines(source: int) -> Iterator[list[bytes]]:
    """Whole lines, as many as are there: much of a file, and the one line of a program that waits for its answer."""
    rest = b""
    while chunk := os.read(source, CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


def _parse(line: bytes, number: int, plain: bool) -> str:
    """The text of a line that the classifier reads."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BadInput(f"Line {number} is no JSON: {error}.") from error
    wanted = ("prompt", "response") if plain else ("response",)
    for name in wanted:
        if not isinstance(row, dict) or not isinstance(row.get(name), str):
            raise BadInput(
                f'Line {number} has no text "{name}": a line is {{"prompt": "…", "response": "…"}}.'
            )
    return text_read(row.get("prompt", ""), row["response"], plain=plain)
