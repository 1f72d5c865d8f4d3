"""What comes from elsewhere, in one transaction and in batches; the round that holds its responses.

Round 0 has an empty config and no version. It is published and never the latest round; its ratings are in every
snapshot, so they teach the reward head. They cannot move the policy: their text was not sampled from any version, so
there are no log-probabilities. In records such a response says version 0 and round 0; in the database its version is
null. Responses that came without ratings may be offered: then round 0 is in the state rating, and raters get its cards
when their own round has none left for them.

Our own export brings rounds and versions along. In a home that has none of its own they are made anew, as records
without weights; in any other a response is matched with the one it was exported from, or goes to round 0.
"""

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import sqlalchemy as sa

from rater_data import checks
from rater_data.checksums import digest
from rater_data.errors import NOTHING_IMPORTED, BadInput, Refused
from rater_data.names import name_key
from rater_data.records import IMPORTED_ROUND
from rater_data.scales import DEFAULT_SCALE, SCALES
from rater_data.setting_names import CHOSEN_SCALE
from rater_data.store.database import schema as t
from rater_data.store.database.engine import Database
from rater_data.store.people.people import new_users_in
from rater_data.store.rounds.events import record_event
from rater_data.store.rounds.prompts import AT_ONCE, prompt_ids_in
from rater_data.store.rounds.settings import setting_in
from rater_data.store.transfer.restored_rounds import Restored

BATCH = 5000  # rows that are held and written at once
Rows = Iterator[dict[str, Any]]
Wrap = Callable[[Rows, int], Rows]


class StagedRows(Protocol):
    """What a file brings, whoever put it aside (`importing.staging`): rows in the order in which they are stored."""

    prompts: int
    responses: int
    ratings: int
    numbers: int

    def content_rows(self) -> Rows:
        """Prompts (with "sha256") and responses (with "number"); each prompt before its responses."""

    def rating_rows(self) -> Rows:
        """The ratings, in the order of the file."""


@dataclass(slots=True, kw_only=True)
class Stored:
    """What an import did, or would do: new rows, and ratings that were there, some of them with another score."""

    prompts: int = 0
    responses: int = 0
    ratings: int = 0
    raters: int = 0
    rounds: int = 0
    there: int = 0
    differing: int = 0


class _Undo(Exception):
    """A dry run is over."""


class Imports(Database):
    """Round 0, and what an export brings back."""

    def add_staged(
        self,
        staged: StagedRows,
        *,
        scale: str | None = None,
        offer: bool = False,
        dry_run: bool = False,
        wrap: Wrap = lambda rows, _total: rows,
    ) -> Stored:
        """Adds all that was staged (`staged.close()` first), or nothing; a dry run only says what it would do.

        A rating is there already when this rater has one on this response; it is left as it is. `scale`: of the
        ratings; a home that has chosen none yet takes it over. Raises Refused when it has another.
        """
        done = Stored()
        try:
            with self.writing() as connection:
                if scale is not None:
                    _take_scale(connection, scale)
                intake = _Intake(connection, staged, done, time.time())
                if staged.numbers or scale is not None:
                    intake.restored.make_imported()
                for some in _batches(wrap(staged.content_rows(), staged.prompts + staged.responses)):
                    intake.things(some)
                intake.restored.finish()
                done.rounds = intake.restored.made
                for some in _batches(wrap(staged.rating_rows(), staged.ratings)):
                    intake.ratings(some)
                if offer:
                    where = t.rounds.c.number == IMPORTED_ROUND
                    connection.execute(t.rounds.update().where(where).values(state="rating"))
                intake.tell()
                if dry_run:
                    raise _Undo
        except _Undo:
            pass
        except sa.exc.IntegrityError as error:
            why = str(error.orig).splitlines()[0]
            raise BadInput(
                f"The file contradicts what is here already ({why}). {NOTHING_IMPORTED}"
            ) from error
        return done


def _take_scale(connection: sa.Connection, scale: str) -> None:
    there = connection.scalar(sa.select(t.ratings.c.scale).limit(1)) or setting_in(connection, CHOSEN_SCALE)
    if there is None and scale != DEFAULT_SCALE:
        connection.execute(t.settings.insert().values(name=CHOSEN_SCALE, value=SCALES[scale].name))
    elif (there or DEFAULT_SCALE) != scale:
        raise Refused(f"Ratings of this home are on the scale {there}; those of the file are on {scale}.")


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    rows = iter(rows)
    while some := list(islice(rows, BATCH)):
        yield some


class _Intake:
    """One import, inside its transaction."""

    def __init__(self, connection: sa.Connection, staged: StagedRows, done: Stored, now: float) -> None:
        self.connection, self.staged, self.done, self.now = connection, staged, done, now
        self.restored = Restored(connection, now)
        self.restores = self.restored.possible
        self.prompt_ids = array("q", [0]) * staged.prompts
        self.response_ids = array("q", [0]) * staged.numbers
        self.at_prompt = 0
        self.existing = self._existing()
        self.copies: Counter[bytes] = Counter()
        self.matched: set[int] = set()
        self.slots: dict[int, int] = {}  # the highest slot of a round
        self.taken: dict[int, set[int]] = {}
        self.users = {row.name_key: row.id for row in connection.execute(_USERS)}
        self.pseudonyms = {row.pseudonym: row.id for row in connection.execute(_USERS)}
        self.newest = connection.scalar(sa.select(sa.func.max(t.ratings.c.id))) or 0

    def _existing(self) -> dict[bytes, list[int]]:
        """The ids of the responses there are, by what makes them the same as one in the file."""
        found: dict[bytes, list[int]] = {}
        r = t.responses.c
        query = sa.select(r.id, r.round_number, r.version_number, r.prompt_id, r.text, r.seed)
        if self.restores and not self.restored.rounds:
            query = query.where(r.round_number == IMPORTED_ROUND)
        rows = self.connection.execute(query.order_by(r.id).execution_options(yield_per=BATCH))
        for i, number, version, prompt, text, seed in rows:
            found.setdefault(_identity(number, version, prompt, text, seed), []).append(i)
        return found

    # ---- prompts and responses

    def things(self, some: list[dict[str, Any]]) -> None:
        self._prompts([row for row in some if "sha256" in row])
        new: list[dict[str, Any]] = []
        numbers: dict[tuple[int, int], int] = {}
        for row in some:
            if "sha256" not in row:
                made = self._response(row)
                if made is not None:
                    new.append(made)
                    numbers[made["round_number"], made["slot"]] = row["number"]
        if new:
            self.connection.execute(t.responses.insert(), new)
            for (number, slot), i in self._ids(list(numbers)).items():
                self.response_ids[numbers[number, slot]] = i
        self.done.responses += len(new)

    def _prompts(self, rows: list[dict[str, Any]]) -> None:
        digests = [row["sha256"] for row in rows]
        there = prompt_ids_in(self.connection, digests)
        extra = {"created_at": self.now, "retired_at": None}
        fresh = [row | extra for row in rows if row["sha256"] not in there]
        if fresh:
            self.connection.execute(t.prompts.insert(), fresh)
            there |= prompt_ids_in(self.connection, [row["sha256"] for row in fresh])
        for sha in digests:
            self.prompt_ids[self.at_prompt] = there[sha]
            self.at_prompt += 1
        self.done.prompts += len(fresh)

    def _response(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The row of a new response; None for one that is there, whose id is kept."""
        prompt, text, origin = self.prompt_ids[row["prompt"]], row["text"], row["origin"]
        number, version, seed = IMPORTED_ROUND, None, 0
        if origin is not None and origin["round_number"] != IMPORTED_ROUND:
            number, version, seed = (origin[n] for n in ("round_number", "version_number", "seed"))
            if not self.restores and not self._matches(_identity(number, version, prompt, text, seed)):
                number, version, seed = IMPORTED_ROUND, None, 0
        same = _identity(number, version, prompt, text, seed)
        there, copy = self.existing.get(same, []), self.copies[same]
        self.copies[same] += 1
        if copy < len(there):
            self.response_ids[row["number"]] = there[copy]
            self.matched.add(there[copy])
            return None
        if number != IMPORTED_ROUND:
            self.restored.make(number, origin)
        return {
            "prompt_id": prompt,
            "round_number": number,
            "version_number": version,
            "slot": self._slot(number, None if origin is None else origin["slot"]),
            "text": text,
            "created_at": self.now,
            **_AS_SAMPLED,
            **({name: origin[name] for name in _AS_TOLD} if number != IMPORTED_ROUND else {}),
        }

    def _matches(self, same: bytes) -> bool:
        return self.copies[same] < len(self.existing.get(same, []))

    def _slot(self, number: int, wanted: int | None) -> int:
        """The place in a round that a response had where it comes from, if it is free; else the next free one."""
        if number not in self.slots:
            r = t.responses.c
            self.taken[number] = set(
                self.connection.scalars(sa.select(r.slot).where(r.round_number == number))
            )
            self.slots[number] = max(self.taken[number], default=-1)
        if wanted is None or wanted in self.taken[number]:
            wanted = self.slots[number] + 1
        self.slots[number] = max(wanted, self.slots[number])
        self.taken[number].add(wanted)
        return wanted

    def _ids(self, places: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """The ids of new responses by round and slot, which are nearly always in a row."""
        r = t.responses.c
        found = {}
        for number in {number for number, _ in places}:
            slots = [slot for n, slot in places if n == number]
            where = (r.round_number == number) & r.slot.between(min(slots), max(slots))
            rows = self.connection.execute(sa.select(r.slot, r.id).where(where))
            found |= {(number, row.slot): row.id for row in rows}
        return {place: found[place] for place in places}

    # ---- ratings

    def ratings(self, some: list[dict[str, Any]]) -> None:
        self._raters(some)
        ids = [self.response_ids[row["response"]] for row in some]
        there = self._there({i for i in ids if i in self.matched})
        new = []
        for row, response in zip(some, ids, strict=True):
            rater = self._rater(row)
            if (response, rater) in there:
                self.done.there += 1
                said = there[response, rater]
                self.done.differing += row["is_current"] and said != (row["verdict"], row["score"])
                continue
            new.append(self._row(row, response, rater))
        if new:
            self._check_keys(new)
            self.connection.execute(t.ratings.insert(), new)
        self.done.ratings += len(new)

    def _row(self, row: dict[str, Any], response: int, rater: int) -> dict[str, Any]:
        """The columns of a new rating, made of the staged row."""
        submitted = self.now if row["submitted_at"] is None else row["submitted_at"]
        return {
            "response_id": response,
            "rater_id": rater,
            "other_id": None if row["other"] is None else self.response_ids[row["other"]],
            "shown_at": submitted if row["shown_at"] is None else row["shown_at"],
            "submitted_at": submitted,
            "given_at": submitted if row["given_at"] is None else row["given_at"],
            "key": (row["key"] if self.restores else "") or f"{t.IMPORTED_KEY}{response}:{row['revision']}",
            "sha256": None,
            **{name: row[name] for name in _SAID},
        }

    def _check_keys(self, new: list[dict[str, Any]]) -> None:
        """Raises BadInput where a rater has another rating with the key of a new one: it is of one decision only."""
        if not (self.restores and self.newest):
            return
        keys: dict[int, list[str]] = {}
        for row in new:
            keys.setdefault(row["rater_id"], []).append(row["key"])
        g = t.ratings.c
        for rater, mine in keys.items():
            query = sa.select(g.key, g.response_id).where(g.rater_id == rater, g.key.in_(mine)).limit(1)
            if (found := self.connection.execute(query).one_or_none()) is not None:
                name = self.connection.scalar(sa.select(t.users.c.name).where(t.users.c.id == rater))
                raise BadInput(
                    f"The key {checks.quoted(found.key)} of a rating by {name} is that of another rating which is "
                    f"here already, on response {found.response_id}: these two files are not of one home. "
                    f"{NOTHING_IMPORTED}"
                )

    def _there(self, responses: set[int]) -> dict[tuple[int, int], tuple[str, float | None]]:
        """What raters had said of these responses before: the newest revision."""
        g = t.ratings.c
        found = {}
        for some in _chunks(sorted(responses), AT_ONCE):
            query = sa.select(g.response_id, g.rater_id, g.verdict, g.score).where(g.response_id.in_(some))
            for row in self.connection.execute(query.where(g.id <= self.newest).order_by(g.revision)):
                found[row.response_id, row.rater_id] = (row.verdict, row.score)
        return found

    def _rater(self, row: dict[str, Any]) -> int:
        name = row["rater"]
        found = self.pseudonyms.get(name) if row["pseudonym"] else None
        return self.users[name_key(name)] if found is None else found

    def _raters(self, some: list[dict[str, Any]]) -> None:
        """Makes the raters that are not known yet. They have no link, so nobody can come in as them."""
        new: dict[str, dict[str, Any]] = {}
        for row in some:
            name = row["rater"]
            if row["pseudonym"] and name in self.pseudonyms:
                continue
            if name_key(name) not in self.users:
                pseudonym = name if row["pseudonym"] else None
                fields = {name: row[name] for name in ("excluded", "active")}
                fields |= {"name": name, "pseudonym": pseudonym}
                new.setdefault(name_key(name), fields)
        if new:
            self.users |= new_users_in(self.connection, list(new.values()), self.now)
            self.pseudonyms = {row.pseudonym: row.id for row in self.connection.execute(_USERS)}
            self.done.raters += len(new)

    def tell(self) -> None:
        done = self.done
        if self.staged.ratings:
            record_event(
                self.connection,
                "import",
                f"imported {done.ratings} ratings",
                self.now,
                there_already=done.there,
            )
        elif self.staged.responses:
            record_event(self.connection, "import", f"imported {done.responses} responses", self.now)


_USERS = sa.select(t.users.c.id, t.users.c.name_key, t.users.c.pseudonym)
_AS_SAMPLED = {
    "prompt_ids": [],
    "token_ids": [],
    "logprobs": [],
    "seed": 0,
    "temperature": 1.0,
    "finish_reason": "eos",
    "stratum": "imported",
    "overlap": 1,
    "propensity": 1.0,
    "ref_logprob": None,
    "head_score": None,
}
_AS_TOLD = (
    "seed", "temperature", "finish_reason", "stratum", "overlap", "propensity", "ref_logprob", "head_score",
)  # fmt: skip
_SAID = (
    "score", "scale", "comment", "verdict", "swapped", "active_ms", "position", "guideline_version",
    "revision", "is_current", "flags", "attributes",
)  # fmt: skip


def _identity(number: int, version: int | None, prompt: int, text: str, seed: int) -> bytes:
    """What two responses share that are the same one."""
    return digest(number, version, prompt, text, seed if number != IMPORTED_ROUND else 0)


def _chunks(values: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
