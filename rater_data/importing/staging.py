"""What a file brings, staged on disk until all of it is known to be good: a million ratings need little memory.

Prompts and responses are numbered as they come, ratings refer to them by number; equal ones are found by their hash, 16
bytes each. The store is neither read nor locked while a file is read.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from operator import attrgetter, itemgetter
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from rater_data.checksums import digest
from rater_data.errors import BadInput
from rater_data.files import explain_os_error
from rater_data.importing.layouts.records import ImportedEdit, ImportedRating, ImportedResponse
from rater_data.names import clean_name, name_key
from rater_data.records import Message, Prompt, judged_ids

_RATING_FIELDS = (
    "score", "scale", "comment", "verdict", "swapped", "shown_at", "submitted_at", "given_at", "active_ms",
    "position", "guideline_version", "revision", "is_current", "pseudonym", "excluded", "active", "key",
    "flags", "attributes",
)  # fmt: skip
_STAGED_FIELDS = ("rater", "response", "other", *_RATING_FIELDS)
_EDIT_FIELDS = ("rater", "pseudonym", "response", "text", "given_at", "active_ms")
_rating_values = attrgetter(*_RATING_FIELDS)
NewNumbers = dict[tuple[int, int], tuple[int, bool]]
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@lru_cache(maxsize=4096)
def _name_and_key(rater: str) -> tuple[str, str]:
    """A name as it is kept, and what makes it the same as another."""
    return clean_name(rater), name_key(rater)


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
        self.prompts = self.responses = self.ratings = self.duplicates = self.joined = self.numbers = 0
        self.edits = 0
        self._prompt_numbers: dict[bytes, int] = {}
        # below 0 (-1 - number): only compared with so far, not written yet
        self._response_numbers: dict[bytes, int] = {}
        # those responses: their rows may come later, and say more
        self._unwritten: dict[bytes, ImportedResponse] = {}
        # what each rater answered on each response, on each two of them, or in each revision
        self._answers: dict[bytes, Any] = {}
        # ratings of our export by rater and what they judged: with a current revision; with several: the highest one,
        # and how many but the first; compared from both sides, as releases before kept them
        self._with_current: set[bytes] = set()
        self._revisions: dict[bytes, tuple[int, int]] = {}
        self._from_both_sides: set[bytes] = set()
        # of those that are numbered anew: the revision, and whether it is current, by response and old revision
        self._new_numbers: dict[bytes, NewNumbers] = {}
        with _explain_errors():
            self._content_file: IO[str] = _temporary_file()
            self._rating_file: IO[str] = _temporary_file()
            self._edit_file: IO[str] = _temporary_file()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._content_file, self._rating_file, self._edit_file):
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
        name, rater = _name_and_key(rating.rater)  # case tells nobody apart
        first = _response_key(rating.response)
        second = _response_key(rating.other) if rating.other is not None else None
        if first == second:
            raise BadInput("a response cannot be compared with itself")
        written = rating.edit is not None or rating.other_edit is not None
        edits = self._new_edits(rating, rater, first, second) if written else []
        if not rating.pseudonym:
            if not self._is_new_answer(rating, rater, first, second):
                return
            if second is not None and second < first:  # a file names the better one first: that is no order
                rating, first, second = _turned(rating), second, first
        response, other = self._response_number(rating.response, first), None
        if rating.other is not None and second is not None:
            other = self._other_number(rating.other, second)
        if rating.pseudonym and not self._is_new_revision(rating, rater, response, other):
            return
        values = (name, response, other, *_rating_values(rating))
        self._write(self._rating_file, values)
        self.ratings += 1
        for edit, replaced in edits:
            about = (values[0], rating.pseudonym, response if replaced == first else other)
            self._write(self._edit_file, (*about, edit.text, edit.given_at, edit.active_ms))
            self.edits += 1

    def add_ratings(self, ratings: Sequence[ImportedRating]) -> None:
        """Adds the ratings of one row, all or, when BadInput is raised, none of them. None of them is of our export."""
        for rating in ratings:
            key, answer = _answer(
                rating, _name_and_key(rating.rater)[1], _response_key(rating.response), None
            )
            if self._answers.get(key, answer) != answer:
                raise BadInput(_explain_contradiction(rating, self._answers[key]))
        for rating in ratings:
            self.add_rating(rating)

    def _new_edits(
        self, rating: ImportedRating, rater: str, first: bytes, second: bytes | None
    ) -> list[tuple[ImportedEdit, bytes]]:
        """The better answers of a row that no row before had, each with the response it replaces.

        Raises for one that says other than a row before.
        """
        new = []
        for edit, response in ((rating.edit, first), (rating.other_edit, second)):
            if edit is None or response is None:
                continue
            key, text = digest(rater, "edit", response.hex()), digest(edit.text)
            if key not in self._answers:
                self._answers[key] = text
                new.append((edit, response))
            elif self._answers[key] != text:
                raise BadInput("this rater's better answer to this response is another one in an earlier row")
        return new

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

    def _is_new_revision(self, rating: ImportedRating, rater: str, response: int, other: int | None) -> bool:
        """Whether this revision of our export is new. Raises for one that contradicts another."""
        rating_key = digest(rater, *judged_ids(response, other))
        revision_key = digest(rating_key, rating.revision)
        side_key, answer = rating_key, _answer_of_revision(rating, response)
        if other is not None:
            side_key = digest(rating_key, response)
            if revision_key in self._answers and self._answers[revision_key][0] != response:
                self._from_both_sides.add(rating_key)
                revision_key = digest(side_key, rating.revision)
            if rating.is_current and digest(rating_key, other) in self._with_current:
                self._from_both_sides.add(rating_key)
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
        if rating.is_current and side_key in self._with_current:
            raise BadInput("there is a current revision of this rating already")
        self._answers[revision_key] = answer
        if decision_key is not None:
            self._answers[decision_key] = True
        if rating.is_current:
            self._with_current.add(side_key)
        if rating.revision > 1:
            highest, count = self._revisions.get(rating_key, (0, 0))
            self._revisions[rating_key] = max(highest, rating.revision), count + 1
        return True

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
        self.joined = len(self._from_both_sides)
        self._new_numbers = self._numbers_of(gaps | self._from_both_sides)
        self.numbers = len(self._response_numbers)
        for lookup in (self._prompt_numbers, self._response_numbers, self._answers, self._revisions):
            lookup.clear()
        self._with_current.clear()
        return len(gaps - self._from_both_sides)

    def _numbers_of(self, keys: set[bytes]) -> dict[bytes, NewNumbers]:
        """The revisions of these from 1 without a gap; what was said last from either side is current."""
        revisions: dict[bytes, list[dict[str, Any]]] = {}
        for row in self._read_ratings() if keys else ():
            key = _key_of_row(row)
            if key in keys:
                revisions.setdefault(key, []).append(row)
        return {key: _number_anew(rows) for key, rows in revisions.items()}

    def content_rows(self) -> Iterator[dict[str, Any]]:
        """Prompts (with "sha256") and responses (with "number"); each prompt before its responses."""
        return self._read(self._content_file)

    def rating_rows(self) -> Iterator[dict[str, Any]]:
        """The ratings, in the order of the file."""
        new_numbers = self._new_numbers
        for row in self._read_ratings():
            if new_numbers and (numbers := new_numbers.get(_key_of_row(row))) is not None:
                row["revision"], row["is_current"] = numbers[row["response"], row["revision"]]
            yield row

    def edit_rows(self) -> Iterator[dict[str, Any]]:
        """The better answers, in the order of the file."""
        for values in self._read(self._edit_file):
            yield dict(zip(_EDIT_FIELDS, values, strict=True))

    def _read_ratings(self) -> Iterator[dict[str, Any]]:
        for values in self._read(self._rating_file):
            yield dict(zip(_STAGED_FIELDS, values, strict=True))

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


def _answer_of_revision(rating: ImportedRating, response: int) -> Any:
    """What tells a revision from another that has its number; of a comparison with the side it is seen from."""
    said = hash((rating.score, rating.verdict, rating.comment, rating.submitted_at))
    return said if rating.other is None else (response, said)


def _key_of_row(row: dict[str, Any]) -> bytes:
    """Whose rating of what a staged row is a revision of."""
    return digest(_name_and_key(row["rater"])[1], *judged_ids(row["response"], row["other"]))


def _number_anew(rows: list[dict[str, Any]]) -> NewNumbers:
    """By response and old revision: the new one, and whether it is current. `rows`: all of one rating, in their order.

    What was said from one side stays together; the side of the later answer comes last.
    """
    sides: dict[int, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=itemgetter("revision")):
        sides.setdefault(row["response"], []).append(row)
    is_turned = sum(any(row["is_current"] for row in side) for side in sides.values()) > 1
    is_turned |= len({row["revision"] for row in rows}) < len(rows)
    if is_turned:
        rows = [row for side in sorted(sides.values(), key=_last_said) for row in side]
    else:
        rows = sorted(rows, key=itemgetter("revision"))
    return {
        (row["response"], row["revision"]): (number, row["is_current"] and row is rows[-1])
        for number, row in enumerate(rows, 1)
    }


def _last_said(side: list[dict[str, Any]]) -> tuple[bool, float]:
    return any(row["is_current"] for row in side), max(row["submitted_at"] or 0.0 for row in side)


def _turned(comparison: ImportedRating) -> ImportedRating:
    """The comparison seen from the other response."""
    assert comparison.other is not None, "it is a comparison"
    score = None if comparison.score is None else -comparison.score
    return replace(
        comparison,
        response=comparison.other,
        other=comparison.response,
        score=0.0 if score == 0 else score,  # -0.0 would be written differently
    )


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
