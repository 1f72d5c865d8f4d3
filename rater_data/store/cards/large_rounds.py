"""Rounds of so many ratings that to go through them all at every rating would cost more than all else.

That costs 1.4 µs a rating. So there the prompts that are open, how full the round is, and why one has to wait are told
as they were a moment ago; whether a card is free is always looked at now.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from rater_data.store.database import schema as t

LARGE_ROUND = 500  # responses
DRAWN = 64  # prompts of many that are put in a rater's order: for a thousand it takes three milliseconds
TRIED = 3  # prompts that were open a moment ago, before it is looked which are now

OpenPrompt = sa.Row[tuple[int, int, int, int]]
"""A prompt with a free response: prompt_id, wanted, new, taken; see card_order."""

_r = t.responses.c
_IS_LARGE = sa.select(_r.id).where(_r.round_number == sa.bindparam("round")).limit(1).offset(LARGE_ROUND - 1)


def is_large(connection: sa.Connection, round_number: int) -> bool:
    """Whether a round has at least LARGE_ROUND responses."""
    return connection.scalar(_IS_LARGE, {"round": round_number}) is not None


@dataclass(frozen=True, slots=True)
class OpenPrompts:
    """The open prompts by id, and those of them that the fewest raters are in the middle of."""

    by_id: dict[int, OpenPrompt]
    untaken: list[OpenPrompt]

    @classmethod
    def of(cls, rows: Iterable[OpenPrompt]) -> "OpenPrompts":
        by_id = {row.prompt_id: row for row in rows}
        least = min((row.taken for row in by_id.values()), default=0)
        return cls(by_id, [row for row in by_id.values() if row.taken == least])

    def candidates(self, begun: Iterable[int]) -> dict[OpenPrompt, int]:
        """What a rater who has begun these prompts may go on with: 0 for those, 1 for some that are new to them."""
        others = self.untaken if len(self.untaken) <= DRAWN else random.sample(self.untaken, DRAWN)
        own = [self.by_id[prompt] for prompt in begun if prompt in self.by_id]
        return dict.fromkeys(others, 1) | dict.fromkeys(own, 0)
