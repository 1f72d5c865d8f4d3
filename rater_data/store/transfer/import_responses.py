"""The prompts and responses of an import: new ones are stored, those that exist are recognised."""

from array import array
from collections import Counter
from typing import Any

import sqlalchemy as sa

from rater_data.checksums import digest
from rater_data.records import IMPORTED_ROUND
from rater_data.store.database import schema as t
from rater_data.store.rounds.prompts import find_prompt_ids
from rater_data.store.transfer.restored_rounds import RestoredRounds

BATCH = 5000  # rows that are held and written at once
_responses = t.responses.c


class ResponseImport:
    """The prompts and responses of one import, inside its transaction.

    `response_ids`: the ids of the file's responses by their numbers there; `existing_ids`: those of them that were
    stored before.
    """

    def __init__(
        self, connection: sa.Connection, rounds: RestoredRounds, now: float, *, prompts: int, numbers: int
    ) -> None:
        self.connection, self.rounds, self.now = connection, rounds, now
        self.new_prompts = self.new_responses = 0
        self.response_ids = array("q", [0]) * numbers
        self.existing_ids: set[int] = set()
        self._prompt_ids = array("q", [0]) * prompts
        self._prompts_seen = 0
        self._ids_by_identity = self._stored_ids()
        self._copies: Counter[bytes] = Counter()
        self._highest_slot: dict[int, int] = {}  # by round
        self._taken_slots: dict[int, set[int]] = {}  # by round

    def _stored_ids(self) -> dict[bytes, list[int]]:
        """The ids of the stored responses, by what makes them the same as one in the file."""
        ids: dict[bytes, list[int]] = {}
        r = _responses
        query = sa.select(r.id, r.round_number, r.version_number, r.prompt_id, r.text, r.seed)
        if self.rounds.restores and not self.rounds.numbers:
            query = query.where(r.round_number == IMPORTED_ROUND)
        rows = self.connection.execute(query.order_by(r.id).execution_options(yield_per=BATCH))
        for response_id, number, version, prompt, text, seed in rows:
            ids.setdefault(_identity(number, version, prompt, text, seed), []).append(response_id)
        return ids

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Stores what is new of some prompts (with "sha256") and responses (with "number")."""
        self._add_prompts([row for row in rows if "sha256" in row])
        new: list[dict[str, Any]] = []
        number_of_place: dict[tuple[int, int], int] = {}
        for row in rows:
            if "sha256" in row:
                continue
            response = self._new_response(row)
            if response is not None:
                new.append(response)
                number_of_place[response["round_number"], response["slot"]] = row["number"]
        if new:
            self.connection.execute(t.responses.insert(), new)
            for place, response_id in self._ids_of_places(list(number_of_place)).items():
                self.response_ids[number_of_place[place]] = response_id
        self.new_responses += len(new)

    def _add_prompts(self, rows: list[dict[str, Any]]) -> None:
        hashes = [row["sha256"] for row in rows]
        ids = find_prompt_ids(self.connection, hashes)
        defaults = {"created_at": self.now, "retired_at": None}
        new = [row | defaults for row in rows if row["sha256"] not in ids]
        if new:
            self.connection.execute(t.prompts.insert(), new)
            ids |= find_prompt_ids(self.connection, [row["sha256"] for row in new])
        for sha256 in hashes:
            self._prompt_ids[self._prompts_seen] = ids[sha256]
            self._prompts_seen += 1
        self.new_prompts += len(new)

    def _new_response(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The columns of a new response; None for one that exists, whose id is noted."""
        prompt, text, origin = self._prompt_ids[row["prompt"]], row["text"], row["origin"]
        number, version, seed = IMPORTED_ROUND, None, 0
        if origin is not None and origin["round_number"] != IMPORTED_ROUND:
            number, version, seed = (origin[name] for name in ("round_number", "version_number", "seed"))
            if not self.rounds.restores and not self._is_stored(
                _identity(number, version, prompt, text, seed)
            ):
                number, version, seed = IMPORTED_ROUND, None, 0
        identity = _identity(number, version, prompt, text, seed)
        stored, copy = self._ids_by_identity.get(identity, []), self._copies[identity]
        self._copies[identity] += 1
        if copy < len(stored):
            self.response_ids[row["number"]] = stored[copy]
            self.existing_ids.add(stored[copy])
            return None
        if number != IMPORTED_ROUND:
            self.rounds.restore(number, origin)
        return {
            "prompt_id": prompt,
            "round_number": number,
            "version_number": version,
            "slot": self._take_slot(number, None if origin is None else origin["slot"]),
            "text": text,
            "created_at": self.now,
            **_WRITTEN_ELSEWHERE,
            **({name: origin[name] for name in _FROM_ORIGIN} if number != IMPORTED_ROUND else {}),
        }

    def _is_stored(self, identity: bytes) -> bool:
        return self._copies[identity] < len(self._ids_by_identity.get(identity, []))

    def _take_slot(self, number: int, wanted: int | None) -> int:
        """The place in a round that a response had where it comes from, if it is free; else the next free one."""
        if number not in self._highest_slot:
            query = sa.select(_responses.slot).where(_responses.round_number == number)
            self._taken_slots[number] = set(self.connection.scalars(query))
            self._highest_slot[number] = max(self._taken_slots[number], default=-1)
        if wanted is None or wanted in self._taken_slots[number]:
            wanted = self._highest_slot[number] + 1
        self._highest_slot[number] = max(wanted, self._highest_slot[number])
        self._taken_slots[number].add(wanted)
        return wanted

    def _ids_of_places(self, places: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
        """The ids of new responses by round and slot, which are nearly always in a row."""
        ids: dict[tuple[int, int], int] = {}
        for number in {number for number, _ in places}:
            slots = [slot for n, slot in places if n == number]
            in_range = _responses.slot.between(min(slots), max(slots))
            where = (_responses.round_number == number) & in_range
            rows = self.connection.execute(sa.select(_responses.slot, _responses.id).where(where))
            ids |= {(number, row.slot): row.id for row in rows}
        return {place: ids[place] for place in places}


_WRITTEN_ELSEWHERE: dict[str, Any] = {
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
_FROM_ORIGIN = (
    "seed", "temperature", "finish_reason", "stratum", "overlap", "propensity", "ref_logprob", "head_score",
)  # fmt: skip


def _identity(number: int, version: int | None, prompt: int, text: str, seed: int) -> bytes:
    """What two responses share that are the same one."""
    return digest(number, version, prompt, text, seed if number != IMPORTED_ROUND else 0)
