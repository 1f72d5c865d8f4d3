"""The formats of an export, each in the columns that the trainer or loader it is for reads.

Sources: TRL, "Dataset formats and types" (prompt-completion, preference, unpaired preference; standard = strings,
conversational = lists of messages); HelpSteer (arXiv 2311.09528): five qualities as whole numbers from 0 to 4.
"""

import json
import math
import shlex
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from rater_data import checks
from rater_data.errors import BadInput
from rater_data.exporting.aggregate import DIGITS, Asked, Judged, Pair, Qualities, pairs_of
from rater_data.exporting.rating_rows import MESSAGES, RATINGS, Rows, part_of, rating_rows
from rater_data.scales import ATTRIBUTE_HIGH, ATTRIBUTE_LOW
from rater_data.store import Store
from rater_data.store.reports.export_rows import Which

AT_ONCE = 2_000  # rows that become columns together
RATERS = ("raters", pa.list_(pa.string()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be exported. `as_` is the form of the file; the rest says which ratings and which rows.

    Of pairs: `min_margin` in points of the scale, only of texts that the `same_rater` scored, `ties` too.
    `threshold`: the score from which a text is good. `conversational`: lists of messages even where strings would do.
    """

    format: str = "ratings"
    as_: str = "jsonl"
    split: str | None = None
    round_number: int | None = None
    since: float | None = None
    min_margin: float = 0.0
    same_rater: bool = False
    ties: bool = False
    threshold: float | None = None
    conversational: bool = False

    def __post_init__(self) -> None:
        checks.one_of("The format", self.format, FORMATS)
        _ = self.which  # checks what it is made of
        checks.number("The smallest margin", self.min_margin, low=0)
        if self.threshold is not None:
            checks.number("The threshold", self.threshold)
        for field in fields(self):
            if field.name not in OPTIONS or getattr(self, field.name) == field.default:
                continue
            if self.format not in OPTIONS[field.name]:
                raise BadInput(
                    f"{_flag(field.name)} is for {' and '.join(OPTIONS[field.name])}, not for {self.format}."
                )
        if self.ties and self.min_margin > 0:
            raise BadInput("Ties have no margin: leave --ties or --min-margin out.")

    @property
    def which(self) -> Which:
        """Which ratings are meant."""
        return Which(split=self.split, round_number=self.round_number, since=self.since)

    def command(self, out: str) -> str:
        """What makes this export, as one types it."""
        words = [
            "python",
            "-m",
            "rater_data",
            "export",
            "--format",
            self.format,
            "--as",
            self.as_,
            "--out",
            out,
        ]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("format", "as_") or value == field.default:
                continue
            words.append(_flag(field.name))
            if field.name == "since":
                words.append(datetime.fromtimestamp(value, UTC).isoformat())
            elif value is not True:
                words.append(repr(value) if isinstance(value, float) else str(value))
        return shlex.join(words)


OPTIONS: dict[str, tuple[str, ...]] = {
    "min_margin": ("preference",),
    "same_rater": ("preference",),
    "ties": ("preference",),
    "threshold": ("prompt-completion", "unpaired"),
    "conversational": ("prompt-completion", "preference", "unpaired"),
}
"""Of which formats an option is."""


def _flag(name: str) -> str:
    return "--" + {"round_number": "round"}.get(name, name).replace("_", "-")


def since_of(text: str) -> float:
    """UTC epoch seconds of a date or an ISO 8601 time; without a zone it is UTC. Raises BadInput."""
    try:
        moment = datetime.fromisoformat(text.strip())
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no date or time: write 2026-01-31 or 2026-01-31T18:00:00Z.") from None
    if not 0 <= seconds <= checks.LATEST_SECOND:
        raise BadInput(f"{text.strip()} is not between 1970 and the year 9999: no rating is of such a time.")
    return seconds


@dataclass(frozen=True, slots=True)
class Stream:
    """The rows of an export, what they are called, and how many there will be where that is known before."""

    schema: pa.Schema
    rows: Generator[Rows, None, None]
    noun: str
    total: int | None = None


def stream(store: Store, wish: Wish) -> Stream:
    """Raises BadInput when there is nothing to export, Missing for a round that does not exist."""
    made = FORMATS[wish.format](store, wish)
    first = next(made.rows, None)
    if first is None:
        raise BadInput(f"There is nothing to export: the store has no {made.noun} of this kind.")
    return Stream(made.schema, _from(first, made.rows), made.noun, made.total)


def _from(first: Rows, rest: Generator[Rows, None, None]) -> Generator[Rows, None, None]:
    yield first
    yield from rest


def _ratings(store: Store, wish: Wish) -> Stream:
    total = store.count_revisions(wish.which)
    return Stream(RATINGS, rating_rows(store, wish.which), "ratings", total)


# ---- rows that become columns

Row = tuple[Any, dict[str, Any]]
"""A prompt (as `Exports.asked` has it) and the columns of a row about it."""


def _rows(found: Iterable[Row], schema: pa.Schema) -> Generator[Rows, None, None]:
    found = iter(found)
    while some := list(islice(found, AT_ONCE)):
        batch = pa.RecordBatch.from_pylist([row for _, row in some], schema=schema)
        yield Rows(batch, np.array([part_of(prompt.sha256, prompt.split) for prompt, _ in some]))


def _prompt(prompt: Any, chat: bool) -> Any:
    messages = json.loads(prompt.messages)
    return messages if chat else messages[-1]["content"]


def _answer(text: str, chat: bool) -> Any:
    return [{"role": "assistant", "content": text}] if chat else text


Told = Callable[[Asked, bool, Callable[[set[int]], list[str]]], Iterator[dict[str, Any]]]
"""Rows about a prompt: given what was said, whether it is a chat, and how to name raters."""


def _stream(
    store: Store, wish: Wish, judged: Judged, columns: list[tuple[str, Any]], told: Told, noun: str
) -> Stream:
    """Rows from what people say of each prompt. A column without a type is text, or messages of a chat."""
    chat = wish.conversational or store.longest_chat(wish.which) > 1
    schema = pa.schema([(name, kind or (MESSAGES if chat else pa.string())) for name, kind in columns])
    people = store.around().people

    def names(raters: set[int]) -> list[str]:
        return sorted(people[rater].pseudonym for rater in raters)

    found = ((one.prompt, row) for one in judged.prompts() for row in told(one, chat, names))
    return Stream(schema, _rows(found, schema), noun)


# ---- the formats


def _preference(store: Store, wish: Wish) -> Stream:
    """Pairs within one prompt, the better one first."""

    def rows(asked: Asked, chat: bool, names: Callable[[set[int]], list[str]]) -> Iterator[dict[str, Any]]:
        prompt = _prompt(asked.prompt, chat)
        found = pairs_of(asked, min_margin=wish.min_margin, same_rater=wish.same_rater, ties=wish.ties)
        for pair in found:
            yield {"prompt": prompt, **_pair(pair, chat), "raters": names(pair.raters)}

    numbers = [(name, pa.float64()) for name in ("margin", "chosen_score", "rejected_score")]
    columns = [("prompt", None), ("chosen", None), ("rejected", None), *numbers, RATERS]
    columns.append(("agreement", pa.float64()))
    noun = "pairs of differently rated responses to one prompt"
    return _stream(store, wish, Judged(store, wish.which), columns, rows, noun)


def _pair(pair: Pair, chat: bool) -> dict[str, Any]:
    return {
        "chosen": _answer(pair.chosen, chat),
        "rejected": _answer(pair.rejected, chat),
        "margin": pair.margin,
        "chosen_score": pair.chosen_score,
        "rejected_score": pair.rejected_score,
        "agreement": pair.agreement,
    }


def _completion(store: Store, wish: Wish) -> Stream:
    """Each text with its score, and only those from the threshold on where there is one."""
    least = -math.inf if wish.threshold is None else wish.threshold
    judged = Judged(store, wish.which)
    return _texts(store, wish, judged, [], lambda score: {} if score >= least else None)


def _unpaired(store: Store, wish: Wish) -> Stream:
    """Each text, good (true) from the threshold on: without one, from the middle of the scale."""
    judged = Judged(store, wish.which)
    middle = (judged.scale.low + judged.scale.high) / 2
    least = middle if wish.threshold is None else wish.threshold
    return _texts(store, wish, judged, [("label", pa.bool_())], lambda score: {"label": score >= least})


def _texts(
    store: Store,
    wish: Wish,
    judged: Judged,
    more: list[tuple[str, Any]],
    kept: Callable[[float], dict[str, Any] | None],
) -> Stream:
    """A row for each text whose score is kept, with what `kept` says of it."""

    def rows(asked: Asked, chat: bool, names: Callable[[set[int]], list[str]]) -> Iterator[dict[str, Any]]:
        prompt = _prompt(asked.prompt, chat)
        raters = [text.raters for text in asked.texts]
        for first, second, rater, _ in asked.compared:
            raters[first].add(rater)
            raters[second].add(rater)
        for text, who in zip(asked.texts, raters, strict=True):
            score = round(text.score, DIGITS)
            if (values := kept(score)) is not None:
                answer = {"prompt": prompt, "completion": _answer(text.text, chat)}
                yield answer | values | {"score": score, "raters": names(who)}

    columns = [("prompt", None), ("completion", None), *more, ("score", pa.float64()), RATERS]
    return _stream(store, wish, judged, columns, rows, "rated texts")


HELPSTEER = {
    "helpfulness": ("helpful", "helpfulness"),
    "correctness": ("correct", "correctness", "accurate", "accuracy"),
    "coherence": ("coherent", "coherence", "clear", "clarity"),
    "complexity": ("complex", "complexity"),
    "verbosity": ("verbose", "verbosity", "long"),
}
"""HelpSteer's qualities, and the names under which ours count as one of them."""


def quality_column(name: str) -> str:
    """The column of a quality: HelpSteer's, or its own name unless that is taken."""
    known = _HELPSTEER_NAMES.get(name.strip().casefold())
    return known or (f"quality {name}" if name in ("prompt", "response", "raters") else name)


_HELPSTEER_NAMES = {ours: theirs for theirs, names in HELPSTEER.items() for ours in names}


def _helpsteer(store: Store, wish: Wish) -> Stream:
    """Each text with its qualities from 0 to 4: the mean of its raters' 1 to 5, less 1, to the nearest whole number.

    Of two qualities that are one column a rater says their mean.
    """
    found = Qualities(store, wish.which, quality_column)
    own = [name for name in found.names if name not in HELPSTEER]
    schema = pa.schema(
        [("prompt", pa.string()), ("response", pa.string())]
        + [(name, pa.int64()) for name in (*HELPSTEER, *own)]
        + [RATERS]
    )
    people = store.around().people

    def rows() -> Iterator[Row]:
        for prompt, text, means, raters in found.texts():
            row: dict[str, Any] = {"prompt": _flat(prompt), "response": text}
            for name, mean in means.items():
                row[name] = math.floor(min(max(mean, ATTRIBUTE_LOW), ATTRIBUTE_HIGH) - ATTRIBUTE_LOW + 0.5)
            yield prompt, row | {"raters": sorted(people[rater].pseudonym for rater in raters)}

    return Stream(schema, _rows(rows(), schema), "ratings with further qualities")


def _flat(prompt: Any) -> str:
    """HelpSteer's prompts are text: of a chat, its turns one after another, each with who speaks."""
    messages = json.loads(prompt.messages)
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n\n".join(f"{message['role'].capitalize()}: {message['content']}" for message in messages)


FORMATS: dict[str, Callable[[Store, Wish], Stream]] = {
    "ratings": _ratings,
    "prompt-completion": _completion,
    "preference": _preference,
    "unpaired": _unpaired,
    "helpsteer": _helpsteer,
}
