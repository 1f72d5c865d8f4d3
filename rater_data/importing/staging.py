"""What a file brings, put aside on disk until all of it is known to be good: a million ratings fit a small memory.

Prompts and responses are numbered as they come, ratings name them by number; equal ones are found by their hash, 16
bytes each. Nothing of the store is asked or locked while a file is read.
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


@lru_cache(maxsize=4096)
def _sha256(messages: tuple[Message, ...]) -> str:
    """The identity of a prompt, which several rows in a row share."""
    return Prompt(messages=messages).sha256


class Staged:
    """Prompts, responses and ratings of one file. Use it as a context: its files are gone afterwards."""

    def __init__(self) -> None:
        self.prompts = self.responses = self.ratings = self.duplicates = self.renamed = self.numbers = 0
        self._prompts: dict[bytes, int] = {}
        self._responses: dict[bytes, int] = {}
        # of responses of ours that were only compared with so far: their rows may come later, and say more
        self._others: dict[bytes, ImportedResponse] = {}
        # what each rater said of each response, or of each two; of those with several, the highest revision and how
        # many there are but the first
        self._said: dict[bytes, Any] = {}
        self._currents: set[bytes] = set()
        self._revisions: dict[bytes, tuple[int, int]] = {}
        self._there: dict[bytes, list[int]] = {}  # of ratings with missing revisions, those that are there
        # whose comparison begins with which response: a rater has one current rating on a response
        self._firsts: set[bytes] = set()
        with _told():
            self._things: IO[str] = _spool()
            self._ratings: IO[str] = _spool()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what could not be written is not wanted any more
            self._things.close()
        with suppress(OSError):
            self._ratings.close()

    # ---- in

    def add_prompt(self, prompt: Prompt) -> None:
        """Counts as a duplicate when the same prompt came before."""
        before = self.prompts
        self._prompt(prompt)
        self.duplicates += self.prompts == before

    def add_response(self, response: ImportedResponse) -> None:
        before = self.responses
        self._response(response)
        self.duplicates += self.responses == before

    def add_rating(self, one: ImportedRating) -> None:
        """Raises BadInput for what contradicts an earlier row. The same again is a duplicate."""
        rater = name_key(one.rater)  # case tells nobody apart
        if one.other is not None and self._key(one.other) == self._key(one.response):
            raise BadInput("a response cannot be compared with itself")
        if one.pseudonym:
            response = self._response(one.response)
            if not self._revision(one, rater, digest(rater, response)):
                return
        else:
            first, second = self._key(one.response), self._key(one.other) if one.other else None
            if not self._new(one, rater, first, second):
                return
            if second is not None:
                one = self._placed(one, first, second)
            response = self._response(one.response)
        other = self._other(one.other) if one.other else None
        self._write(self._ratings, (clean_name(one.rater), response, other, *_said(one)))
        self.ratings += 1

    def add_ratings(self, several: Sequence[ImportedRating]) -> None:
        """Adds what one row says, all of it or, when BadInput is raised, nothing. None of it is of our export."""
        for one in several:
            where, said = self._says(one, name_key(one.rater), self._key(one.response), None)
            if self._said.get(where, said) != said:
                raise BadInput(_contradiction(one, self._said[where]))
        for one in several:
            self.add_rating(one)

    def _new(self, one: ImportedRating, rater: str, first: bytes, second: bytes | None) -> bool:
        """Whether nobody of this name said the same of the same before."""
        where, said = self._says(one, rater, first, second)
        if where not in self._said:
            self._said[where] = said
            return True
        if self._said[where] != said:
            raise BadInput(_contradiction(one, self._said[where]))
        self.duplicates += 1
        return False

    def _says(self, one: ImportedRating, rater: str, first: bytes, second: bytes | None) -> tuple[bytes, Any]:
        """Of what a rating is, and what it says of it."""
        if second is None:
            where, said = digest(rater, first.hex()), one.score
        else:
            low, high = sorted((first, second))
            where = digest(rater, low.hex(), high.hex())
            said = one.score if low == first or not one.score else -one.score
        return where, said

    def _revision(self, one: ImportedRating, rater: str, where: bytes) -> bool:
        """Whether this revision of ours is new."""
        key = digest(where, one.revision)
        said = hash((one.score, one.verdict, one.comment, one.submitted_at))
        if key in self._said:
            if self._said[key] != said:
                raise BadInput(
                    f"there is a revision {one.revision} of this rating already, and it says other"
                )
            self.duplicates += 1
            return False
        if one.key and (used := digest(rater, "key", one.key)) in self._said:
            raise BadInput("the key of this rating is that of an earlier one")
        if one.is_current and where in self._currents:
            raise BadInput("there is a current revision of this rating already")
        self._said[key] = said
        if one.key:
            self._said[used] = True
        if one.is_current:
            self._currents.add(where)
        if one.revision > 1:
            highest, count = self._revisions.get(where, (0, 0))
            self._revisions[where] = max(highest, one.revision), count + 1
        return True

    def _placed(self, one: ImportedRating, first: bytes, second: bytes) -> ImportedRating:
        """The comparison with the response first that this rater's comparisons do not begin with yet.

        Of the two the one with the lower hash, so that two raters' comparisons of the same two meet. When both are
        taken, the comparison goes under a further name.
        """
        number = 1
        while True:
            name = one.rater if number == 1 else f"{one.rater} ({number})"
            key = name_key(name)
            for begins in sorted((first, second)):
                where = digest(key, begins.hex())
                if where not in self._firsts:
                    self._firsts.add(where)
                    self.renamed += number > 1
                    return _turned(one, begins != first, name)
            number += 1

    # ---- numbers of prompts and responses

    def _prompt(self, prompt: Prompt) -> int:
        sha = _sha256(prompt.messages)
        key = bytes.fromhex(sha)[:16]
        if key not in self._prompts:
            self._prompts[key] = self.prompts
            row = {"sha256": sha, "messages": prompt.chat, "tags": list(prompt.tags)}
            self._write(self._things, row | {"split": prompt.split, "source": prompt.source})
            self.prompts += 1
        return self._prompts[key]

    def _key(self, one: ImportedResponse) -> bytes:
        """A response by its prompt and text, and one of ours by its id in the export, too."""
        ours = (one.origin.response,) if one.origin is not None and one.origin.response else ()
        return digest(_sha256(one.prompt.messages), one.text, *ours)

    def _response(self, one: ImportedResponse) -> int:
        key = self._key(one)
        self._others.pop(key, None)
        if key not in self._responses:
            self._responses[key] = len(self._responses)
            self._write_response(one, self._responses[key])
        elif self._responses[key] < 0:  # was only compared with so far
            self._responses[key] = -1 - self._responses[key]
            self._write_response(one, self._responses[key])
        return self._responses[key]

    def _other(self, one: ImportedResponse) -> int:
        if one.origin is None:
            return self._response(one)
        key = self._key(one)
        if key not in self._responses:
            self._responses[key] = -1 - len(self._responses)
            self._others[key] = one
        number = self._responses[key]
        return number if number >= 0 else -1 - number

    def _write_response(self, one: ImportedResponse, number: int) -> None:
        origin = one.origin
        row = {"number": number, "prompt": self._prompt(one.prompt), "text": one.text}
        told = None if origin is None else {name: getattr(origin, name) for name in origin.__slots__}
        self._write(self._things, row | {"origin": told})
        self.responses += 1

    def _write(self, file: IO[str], row: Any) -> None:
        with _told():
            file.write(_ENCODE(row) + "\n")

    # ---- out

    def close(self) -> int:
        """Writes what was kept back and forgets what only reading needs. `said` and `things` come after.

        Returns of how many ratings revisions are missing: what is there of them is numbered anew.
        """
        for key, one in list(self._others.items()):
            number = -1 - self._responses[key]
            self._responses[key] = number
            self._write_response(one, number)
        self._others.clear()
        gaps = {
            where
            for where, (highest, count) in self._revisions.items()
            if highest != count + (digest(where, 1) in self._said)
        }
        there: dict[bytes, list[int]] = {}
        for row in self.said() if gaps else ():
            where = digest(name_key(row["rater"]), row["response"])
            if where in gaps:
                there.setdefault(where, []).append(row["revision"])
        self._there = there
        self.numbers = len(self._responses)
        for kept in (self._prompts, self._responses, self._said, self._revisions):
            kept.clear()
        self._currents.clear(), self._firsts.clear()
        return len(gaps)

    def things(self) -> Iterator[dict[str, Any]]:
        """Prompts (with "sha256") and responses (with "number"); each prompt before its responses."""
        return self._lines(self._things)

    def said(self) -> Iterator[dict[str, Any]]:
        """The ratings, in the order of the file."""
        there = self._there
        for values in self._lines(self._ratings):
            row = dict(zip(_ROW, values, strict=True))
            if there and (mine := there.get(digest(name_key(row["rater"]), row["response"]))):
                row["revision"] = 1 + sorted(mine).index(row["revision"])
            yield row

    def _lines(self, file: IO[str]) -> Iterator[Any]:
        with _told():
            file.flush()
            file.seek(0)
        for line in file:
            yield json.loads(line)


_SAID = (
    "score", "scale", "comment", "verdict", "swapped", "shown_at", "submitted_at", "given_at", "active_ms",
    "position", "guideline_version", "revision", "is_current", "pseudonym", "excluded", "active", "key",
    "flags", "attributes",
)  # fmt: skip


_ROW = ("rater", "response", "other", *_SAID)
_said = attrgetter(*_SAID)
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _spool() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", prefix="rateloop-import-")


@contextmanager
def _told() -> Iterator[None]:
    """A full disk as a sentence."""
    try:
        yield
    except OSError as error:
        where = Path(tempfile.gettempdir())
        raise explain_os_error(error, where) or BadInput(f"{where} cannot be written ({error}).") from error


def _turned(one: ImportedRating, turn: bool, rater: str) -> ImportedRating:
    """The same comparison seen from the other response, under a name."""
    fields = {name: getattr(one, name) for name in one.__slots__} | {"rater": rater}
    if turn:
        score = None if one.score is None else -one.score
        # a tie stays 0.0: −0.0 would be written otherwise
        fields |= {"response": one.other, "other": one.response, "score": 0.0 if score == 0 else score}
    return ImportedRating(**fields)


def _contradiction(one: ImportedRating, before: Any) -> str:
    if one.other is not None:
        return (
            f"{one.rater} compared these two before, with another outcome: "
            "tell raters apart in a column rater, or leave one out"
        )
    return (
        f"{one.rater} rated this response with {before:g} before and now with {one.score:g}: "
        "tell raters apart in a column rater, or leave one out"
    )
