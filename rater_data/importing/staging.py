"""What a file brings, staged on disk until all of it is known to be good: a million ratings need little memory.

Prompts and responses are numbered as they come, ratings refer to them by number; equal ones are found by their hash, 16
bytes each. The store is neither read nor locked while a file is read.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from rater_data.checksums import digest
from rater_data.errors import BadInput
from rater_data.files import explain_os_error
from rater_data.importing.layouts.records import ImportedRating, ImportedResponse
from rater_data.names import clean_name, name_key
from rater_data.records import Message, Prompt

_RATING_FIELDS = (
    "score", "scale", "comment", "verdict", "swapped", "shown_at", "submitted_at", "given_at", "active_ms",
    "position", "guideline_version", "revision", "is_current", "pseudonym", "excluded", "active", "key",
    "flags", "attributes",
)  # fmt: skip
_STAGED_FIELDS = ("rater", "response", "other", *_RATING_FIELDS)
_rating_values = attrgetter(*_RATING_FIELDS)
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@lru_cache(maxsize=4096)
def _prompt_sha256(messages: tuple[Message, ...]) -> str:
    """The identity of a prompt, which neighbouring rows often share."""
    return Prompt(messages=messages).sha256


def _response_key(response: ImportedResponse) -> bytes:
    """A response by its prompt and text, and one of our export by its id there, too."""
    origin = response.origin
    own_id = (origin.response,) if origin is not None and origin.response else ()
    return digest(_prompt_sha256(response.prompt.messages), response.text, *own_id)


class StagedImport:
    """Prompts, responses and ratings of one file. Use it as a context: its files are gone afterwards."""

    def __init__(self) -> None:
        self.prompts = self.responses = self.ratings = self.duplicates = self.renamed = self.numbers = 0
        self._prompt_numbers: dict[bytes, int] = {}
        # below 0 (-1 - number): only compared with so far, not written yet
        self._response_numbers: dict[bytes, int] = {}
        # those responses: their rows may come later, and say more
        self._unwritten: dict[bytes, ImportedResponse] = {}
        # what each rater answered on each response, on each two of them, or in each revision
        self._answers: dict[bytes, Any] = {}
        # ratings by rater and response: with a current revision; with several: the highest one, and how many but the
        # first; with missing ones: those that exist
        self._with_current: set[bytes] = set()
        self._revisions: dict[bytes, tuple[int, int]] = {}
        self._with_gaps: dict[bytes, list[int]] = {}
        # the response that a rater's comparison begins with: a rater has one current rating on a response
        self._first_responses: set[bytes] = set()
        with _explain_errors():
            self._content_file: IO[str] = _temporary_file()
            self._rating_file: IO[str] = _temporary_file()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._content_file, self._rating_file):
            with suppress(OSError):  # what could not be written is not wanted any more
                file.close()

    # ---- in

    def add_prompt(self, prompt: Prompt) -> None:
        """Counts as a duplicate when the same prompt came before."""
        before = self.prompts
        self._prompt_number(prompt)
        self.duplicates += self.prompts == before

    def add_response(self, response: ImportedResponse) -> None:
        before = self.responses
        self._response_number(response, _response_key(response))
        self.duplicates += self.responses == before

    def add_rating(self, rating: ImportedRating) -> None:
        """Raises BadInput for what contradicts an earlier row. The same again is a duplicate."""
        rater = name_key(rating.rater)  # case tells nobody apart
        first = _response_key(rating.response)
        second = _response_key(rating.other) if rating.other is not None else None
        if first == second:
            raise BadInput("a response cannot be compared with itself")
        if rating.pseudonym:
            response = self._response_number(rating.response, first)
            if not self._is_new_revision(rating, rater, digest(rater, response)):
                return
        else:
            if not self._is_new_answer(rating, rater, first, second):
                return
            if second is not None:
                name, swap = self._reserve_first(rating.rater, first, second)
                rating = _renamed(rating, name, swap=swap)
                first, second = (second, first) if swap else (first, second)
            response = self._response_number(rating.response, first)
        other = None
        if rating.other is not None and second is not None:
            other = self._other_number(rating.other, second)
        values = (clean_name(rating.rater), response, other, *_rating_values(rating))
        self._write(self._rating_file, values)
        self.ratings += 1

    def add_ratings(self, ratings: Sequence[ImportedRating]) -> None:
        """Adds the ratings of one row, all or, when BadInput is raised, none of them. None of them is of our export."""
        for rating in ratings:
            key, answer = _answer(rating, name_key(rating.rater), _response_key(rating.response), None)
            if self._answers.get(key, answer) != answer:
                raise BadInput(_explain_contradiction(rating, self._answers[key]))
        for rating in ratings:
            self.add_rating(rating)

    def _is_new_answer(self, rating: ImportedRating, rater: str, first: bytes, second: bytes | None) -> bool:
        """Whether this is the first answer of this rater on the response, or on the two. Raises for another answer."""
        key, answer = _answer(rating, rater, first, second)
        if key not in self._answers:
            self._answers[key] = answer
            return True
        if self._answers[key] != answer:
            raise BadInput(_explain_contradiction(rating, self._answers[key]))
        self.duplicates += 1
        return False

    def _is_new_revision(self, rating: ImportedRating, rater: str, rating_key: bytes) -> bool:
        """Whether this revision of our export is new. Raises for one that contradicts another."""
        revision_key = digest(rating_key, rating.revision)
        answer = hash((rating.score, rating.verdict, rating.comment, rating.submitted_at))
        if revision_key in self._answers:
            if self._answers[revision_key] != answer:
                raise BadInput(
                    f"there is a revision {rating.revision} of this rating already, and it says other"
                )
            self.duplicates += 1
            return False
        decision_key = digest(rater, "key", rating.key) if rating.key else None
        if decision_key in self._answers:
            raise BadInput("the key of this rating is that of an earlier one")
        if rating.is_current and rating_key in self._with_current:
            raise BadInput("there is a current revision of this rating already")
        self._answers[revision_key] = answer
        if decision_key is not None:
            self._answers[decision_key] = True
        if rating.is_current:
            self._with_current.add(rating_key)
        if rating.revision > 1:
            highest, count = self._revisions.get(rating_key, (0, 0))
            self._revisions[rating_key] = max(highest, rating.revision), count + 1
        return True

    def _reserve_first(self, rater: str, first: bytes, second: bytes) -> tuple[str, bool]:
        """The name for a comparison, and whether it has to begin with the second response.

        It begins with one with which none of this rater's comparisons begins yet, of the two the one with the lower
        hash, so that two raters' comparisons of the same two meet. When both are taken, it goes under a further name.
        """
        number = 1
        while True:
            name = rater if number == 1 else f"{rater} ({number})"
            for response in sorted((first, second)):
                key = digest(name_key(name), response.hex())
                if key not in self._first_responses:
                    self._first_responses.add(key)
                    self.renamed += number > 1
                    return name, response != first
            number += 1

    # ---- numbers of prompts and responses

    def _prompt_number(self, prompt: Prompt) -> int:
        sha256 = _prompt_sha256(prompt.messages)
        key = bytes.fromhex(sha256)[:16]
        if key not in self._prompt_numbers:
            self._prompt_numbers[key] = self.prompts
            row = {"sha256": sha256, "messages": prompt.chat, "tags": list(prompt.tags)}
            self._write(self._content_file, row | {"split": prompt.split, "source": prompt.source})
            self.prompts += 1
        return self._prompt_numbers[key]

    def _response_number(self, response: ImportedResponse, key: bytes) -> int:
        number = self._response_numbers.get(key)
        if number is None:
            number = len(self._response_numbers)
        elif number < 0:
            number = -1 - number
            self._unwritten.pop(key, None)
        else:
            return number
        self._response_numbers[key] = number
        self._write_response(response, number)
        return number

    def _other_number(self, response: ImportedResponse, key: bytes) -> int:
        """The number of a response that was compared with. That of our export may have a row of its own later."""
        if response.origin is None:
            return self._response_number(response, key)
        if key not in self._response_numbers:
            self._response_numbers[key] = -1 - len(self._response_numbers)
            self._unwritten[key] = response
        number = self._response_numbers[key]
        return number if number >= 0 else -1 - number

    def _write_response(self, response: ImportedResponse, number: int) -> None:
        origin = response.origin
        row = {"number": number, "prompt": self._prompt_number(response.prompt), "text": response.text}
        fields = None if origin is None else {name: getattr(origin, name) for name in origin.__slots__}
        self._write(self._content_file, row | {"origin": fields})
        self.responses += 1

    def _write(self, file: IO[str], row: Any) -> None:
        with _explain_errors():
            file.write(_to_json(row) + "\n")

    # ---- out

    def close(self) -> int:
        """Writes what was held back and forgets what only reading needs. `content_rows` and `rating_rows` come after.

        Returns how many ratings have missing revisions: those that exist are numbered anew.
        """
        for key, response in self._unwritten.items():
            number = -1 - self._response_numbers[key]
            self._response_numbers[key] = number
            self._write_response(response, number)
        self._unwritten.clear()
        gaps = {
            key
            for key, (highest, count) in self._revisions.items()
            if highest != count + (digest(key, 1) in self._answers)
        }
        revisions: dict[bytes, list[int]] = {}
        for row in self.rating_rows() if gaps else ():
            key = digest(name_key(row["rater"]), row["response"])
            if key in gaps:
                revisions.setdefault(key, []).append(row["revision"])
        self._with_gaps = revisions
        self.numbers = len(self._response_numbers)
        for lookup in (self._prompt_numbers, self._response_numbers, self._answers, self._revisions):
            lookup.clear()
        self._with_current.clear()
        self._first_responses.clear()
        return len(gaps)

    def content_rows(self) -> Iterator[dict[str, Any]]:
        """Prompts (with "sha256") and responses (with "number"); each prompt before its responses."""
        return self._read(self._content_file)

    def rating_rows(self) -> Iterator[dict[str, Any]]:
        """The ratings, in the order of the file."""
        with_gaps = self._with_gaps
        for values in self._read(self._rating_file):
            row = dict(zip(_STAGED_FIELDS, values, strict=True))
            if with_gaps:
                revisions = with_gaps.get(digest(name_key(row["rater"]), row["response"]))
                if revisions is not None:
                    row["revision"] = 1 + sorted(revisions).index(row["revision"])
            yield row

    def _read(self, file: IO[str]) -> Iterator[Any]:
        with _explain_errors():
            file.flush()
            file.seek(0)
        for line in file:
            yield json.loads(line)


def _temporary_file() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", prefix="rateloop-import-")


@contextmanager
def _explain_errors() -> Iterator[None]:
    """A full disk as a sentence."""
    try:
        yield
    except OSError as error:
        where = Path(tempfile.gettempdir())
        raise explain_os_error(error, where) or BadInput(f"{where} cannot be written ({error}).") from error


def _answer(rating: ImportedRating, rater: str, first: bytes, second: bytes | None) -> tuple[bytes, Any]:
    """The hash of a rater with a response, or with two in any order; and the score, seen from the lower hash of two."""
    if second is None:
        return digest(rater, first.hex()), rating.score
    low, high = sorted((first, second))
    score = rating.score if low == first or not rating.score else -rating.score
    return digest(rater, low.hex(), high.hex()), score


def _renamed(comparison: ImportedRating, rater: str, *, swap: bool) -> ImportedRating:
    """The comparison under a rater's name, and with `swap` seen from the other response."""
    fields = {name: getattr(comparison, name) for name in comparison.__slots__} | {"rater": rater}
    if swap:
        score = None if comparison.score is None else -comparison.score
        # a tie stays 0.0: -0.0 would be written differently
        fields |= {
            "response": comparison.other,
            "other": comparison.response,
            "score": 0.0 if score == 0 else score,
        }
    return ImportedRating(**fields)


def _explain_contradiction(rating: ImportedRating, before: Any) -> str:
    if rating.other is not None:
        return (
            f"{rating.rater} compared these two before, with another outcome: "
            "tell raters apart in a column rater, or leave one out"
        )
    return (
        f"{rating.rater} rated this response with {before:g} before and now with {rating.score:g}: "
        "tell raters apart in a column rater, or leave one out"
    )
