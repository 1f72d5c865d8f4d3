"""Which response a rater sees next. Plain functions on a connection that is inside a write transaction.

A card is *free* for a rater when fewer than `overlap` raters have rated it or hold it, this rater has not
answered it, and it was not set aside (skipped, not judged) by three. The order among free cards:

1. the prompt of the rater's last card: responses to a prompt come back to back, so that they are compared;
2. prompts this rater has begun;
3. prompts that nobody has begun, before those that another rater is in the middle of;
4. by chance, another chance for every rater: what one rater sees first, another sees late. A prompt that
   wants several raters comes earlier than others, and does not wait until all of them are begun: the round is
   over when its quota is full, and by then its overlap has to have happened.

Where raters compare, a card is a response (the first) beside another of its prompt (the second), of another version
if there is any; of those that this rater has not compared it with the one they have compared least, the next by its
place among equals. So a prompt that is answered by two versions compares them. A rater compares two responses once,
whichever of them is the first: of a prompt with two, the first card is the only one for them. Which of the two is
shown first is chance, and kept.

The statements are built once: building them costs more than running them.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain

import sqlalchemy as sa
from sqlalchemy import bindparam

from rater_data.lifecycle import RATABLE_STATES
from rater_data.records import IMPORTED_ROUND, Card, judged_ids
from rater_data.round_settings import is_continuation, system_prompt
from rater_data.scales import COUNTING, SET_ASIDE
from rater_data.store.cards.large_rounds import TRIED, OpenPrompt, OpenPrompts, is_large
from rater_data.store.database import schema as t
from rater_data.store.database.recent_answers import RecentAnswers
from rater_data.store.database.rows import prompt_columns, prompt_of
from rater_data.store.rounds.round_states import find_round

SKIPS_TO_RETIRE = 3
NOBODY = 0  # a rater who has rated nothing

Rows = list[sa.Row[tuple[int, ...]]]
"""The responses of a prompt, with columns of `_availability`."""

_r, _g, _l = t.responses.c, t.ratings.c, t.leases.c
_in_round = _r.round_number == bindparam("round")
_rater, _now = bindparam("rater", type_=sa.Integer), bindparam("now", type_=sa.Double)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChoice:
    """A response (and the one beside it) and its place among those of its prompt in this rater's queue, from 1."""

    response_id: int
    position: int
    of: int
    other_id: int | None = None


def _availability(where: sa.ColumnElement[bool]) -> sa.Subquery:
    """For each response: `load`, `mine` and `free`.

    How many raters have it or hold it, whether this rater answered it, whether this rater may have it. What
    excluded raters said does not count: their cards are rated again by others.
    """
    others = _g.verdict.in_(COUNTING) & (_g.rater_id != _rater) & ~t.users.c.excluded
    answers = (
        sa.select(
            _g.response_id,
            sa.func.sum(sa.case((others, 1), else_=0)).label("covered"),
            sa.func.sum(sa.case((_g.verdict.in_(SET_ASIDE), 1), else_=0)).label("set_aside"),
            sa.func.sum(sa.case((_g.rater_id == _rater, 1), else_=0)).label("mine"),
        )
        .join(t.users, t.users.c.id == _g.rater_id)
        .join(t.responses, _r.id == _g.response_id)
        .where(_g.is_current, where)
        .group_by(_g.response_id)
        .subquery()
    )
    holds = (
        sa.select(_l.response_id, sa.func.count().label("held"))
        .where(_l.until > _now, _l.rater_id != _rater)
        .group_by(_l.response_id)
        .subquery()
    )
    load = sa.func.coalesce(answers.c.covered, 0) + sa.func.coalesce(holds.c.held, 0)
    mine = sa.func.coalesce(answers.c.mine, 0)
    set_aside = sa.func.coalesce(answers.c.set_aside, 0)
    free = (mine == 0) & (load < _r.overlap) & (set_aside < SKIPS_TO_RETIRE)
    return (
        sa.select(
            _r.id,
            _r.prompt_id,
            _r.version_number,
            _r.overlap,
            load.label("load"),
            mine.label("mine"),
            sa.case((free, 1), else_=0).label("free"),
        )
        .select_from(t.responses)
        .outerjoin(answers, answers.c.response_id == _r.id)
        .outerjoin(holds, holds.c.response_id == _r.id)
        .where(where)
        .subquery()
    )


def _open_prompts(d: sa.ColumnCollection) -> sa.Select[tuple[int, int, int, int]]:
    """The prompts of a round that have a free response, in three numbers each. `d`: columns of `_availability`."""
    wanted = sa.func.max(d.overlap)
    return (
        sa.select(
            d.prompt_id,
            wanted.label("wanted"),
            sa.case((sa.func.sum(d.mine) > 0, 0), else_=1).label("new"),
            sa.case((wanted > 1, 0), else_=sa.func.sum(d.load)).label("taken"),
        )
        .group_by(d.prompt_id)
        .having(sa.func.sum(d.free) > 0)
    )


def _comparable() -> sa.Subquery:
    """As `_availability` of a round; free is what can be compared with something new to this rater."""
    alone = _availability(_in_round)
    said = (
        sa.select(_g.response_id, _g.other_id)
        .join(t.responses, _r.id == _g.response_id)
        .where(_g.rater_id == _rater, _g.is_current, _g.other_id.is_not(None), _in_round)
        .cte("said")
    )
    sides = sa.union_all(sa.select(said.c.response_id), sa.select(said.c.other_id)).subquery()
    compared = (
        sa.select(sides.c.response_id, sa.func.count().label("times"))
        .group_by(sides.c.response_id)
        .subquery()
    )
    others = sa.func.count().over(partition_by=alone.c.prompt_id) - 1
    is_new = others > sa.func.coalesce(compared.c.times, 0)
    return (
        sa.select(
            *(column for column in alone.c if column.name != "free"),
            sa.case((is_new, alone.c.free), else_=0).label("free"),
        )
        .outerjoin(compared, compared.c.response_id == alone.c.id)
        .subquery()
    )


_FREE = sa.select(_availability(_r.id == bindparam("response")).c.free)
_OF_PROMPT = sa.select(
    _availability((_r.round_number == bindparam("round")) & (_r.prompt_id == bindparam("prompt")))
)
_OPEN_PROMPTS = {False: _open_prompts(_availability(_in_round).c), True: _open_prompts(_comparable().c)}
_BEGUN = (
    sa.select(_r.prompt_id)
    .distinct()
    .join(t.ratings, _g.response_id == _r.id)
    .where(_g.rater_id == _rater, _g.is_current, _in_round)
)
_ANSWER = sa.select(_g.id).where(
    _g.rater_id == _rater, _g.is_current, _g.low_id == bindparam("low"), _g.high_id == bindparam("high")
)
_COMPARED = (
    sa.select(_g.low_id, _g.high_id)
    .join(t.responses, _r.id == _g.low_id)
    .where(_g.rater_id == _rater, _g.is_current, _g.low_id != _g.high_id, _r.prompt_id == bindparam("prompt"))
)
_LAST_PROMPT = (
    sa.select(_r.prompt_id, _r.round_number)
    .join(t.ratings, _g.response_id == _r.id)
    .where(_g.rater_id == _rater, _g.is_current)
    .order_by(_g.given_at.desc(), _g.id.desc())
    .limit(1)
)
_PLACE = sa.select(_r.prompt_id, _r.round_number).where(_r.id == bindparam("response"))
_other = t.responses.alias("other")
_CARD = (
    sa.select(
        _r.text,
        _r.round_number,
        _l.shown_at,
        _l.until,
        _other.c.text.label("other_text"),
        t.rounds.c.config,
        *prompt_columns("prompt_"),
    )
    .select_from(t.responses)
    .join(t.rounds, t.rounds.c.number == _r.round_number)
    .join(t.leases, _l.response_id == _r.id)
    .join(t.prompts, t.prompts.c.id == _r.prompt_id)
    .outerjoin(_other, _other.c.id == _l.other_id)
    .where(_l.rater_id == _rater)
)


def open_round(connection: sa.Connection) -> int | None:
    """The latest round, if raters get cards of it: what an older version wrote is not shown again."""
    latest = find_round(connection)
    return latest.number if latest is not None and latest.state in RATABLE_STATES else None


def open_rounds(connection: sa.Connection) -> list[int]:
    """Where raters get cards, in this order: the latest round, then imported responses that are offered."""
    latest = open_round(connection)
    imported = find_round(connection, IMPORTED_ROUND)
    offered = imported is not None and imported.state in RATABLE_STATES
    return ([] if latest is None else [latest]) + ([IMPORTED_ROUND] if offered else [])


def is_free(connection: sa.Connection, response_id: int, rater_id: int, now: float) -> bool:
    """Whether this rater may have this card, were they not holding it."""
    return connection.scalar(_FREE, {"response": response_id, "rater": rater_id, "now": now}) == 1


def has_compared(connection: sa.Connection, rater_id: int, response_id: int, other_id: int) -> bool:
    """Whether this rater has an answer on these two, whichever was named first."""
    low, high = judged_ids(response_id, other_id)
    return connection.scalar(_ANSWER, {"rater": rater_id, "low": low, "high": high}) is not None


def is_swapped(rater_id: int, response_id: int) -> bool:
    """Whether this rater sees the second response of a comparison first."""
    return _chance(rater_id, 0, "swapped", response_id) < 0.5


def next_choice(
    connection: sa.Connection,
    rater_id: int,
    round_number: int,
    now: float,
    recent: RecentAnswers,
    paired: bool = False,
) -> CardChoice | None:
    """What this rater sees next of a round, alone or `paired`; None when nothing is free for them."""
    last = connection.execute(_LAST_PROMPT, {"rater": rater_id}).one_or_none()
    if last is not None and last.round_number == round_number:
        choice = _within_prompt(connection, rater_id, round_number, last.prompt_id, now, paired)
        if choice is not None:
            return choice
    if is_large(connection, round_number):
        choice, were_all = _recently_open(connection, rater_id, round_number, now, recent, paired)
        if choice is not None or were_all:
            return choice
    rows = connection.execute(_OPEN_PROMPTS[paired], {"rater": rater_id, "round": round_number, "now": now})
    best = min(rows, key=lambda row: _rank(row, row.new, rater_id, round_number), default=None)
    if best is None:
        return None
    return _within_prompt(connection, rater_id, round_number, best.prompt_id, now, paired)


def _recently_open(
    connection: sa.Connection,
    rater_id: int,
    round_number: int,
    now: float,
    recent: RecentAnswers,
    paired: bool,
) -> tuple[CardChoice | None, bool]:
    """As `next_choice`, of prompts that were open a moment ago; that the card is free is looked at now.

    With it whether these were all: whoever found nothing looks again in a few seconds, and 200 who wait for the next
    round must not each go through all ratings of this one.
    """

    def ask() -> OpenPrompts:
        where = {"rater": NOBODY, "round": round_number, "now": now}
        return OpenPrompts.of(connection.execute(_OPEN_PROMPTS[paired], where))

    found: OpenPrompts = recent.get(("open prompts", round_number, paired), ask)
    begun = connection.scalars(_BEGUN, {"rater": rater_id, "round": round_number})
    news = found.candidates(begun)
    for row in nsmallest(TRIED, news, key=lambda row: _rank(row, news[row], rater_id, round_number)):
        choice = _within_prompt(connection, rater_id, round_number, row.prompt_id, now, paired)
        if choice is not None:
            return choice, True
    return None, len(found.by_id) <= TRIED


def _rank(row: OpenPrompt, new: int, rater_id: int, round_number: int) -> tuple[int, int, float]:
    """The order of open prompts for a rater, lowest first. `new`: 0 where they have begun it."""
    chance = _chance(rater_id, round_number, "prompt", row.prompt_id)
    # Squared: all raters together fill the quota, so each has to meet these prompts early in its share
    return new, row.taken, chance / row.wanted**2


def choice_of(
    connection: sa.Connection, rater_id: int, response_id: int, other_id: int | None, now: float
) -> CardChoice:
    """The place of a response that this rater holds."""
    place = connection.execute(_PLACE, {"response": response_id}).one()
    rows = _rows(connection, rater_id, place.round_number, place.prompt_id, now)
    # the one in hand counts even if somebody took it while its lease had run out
    free = {row.id for row in rows if row.free}
    if other_id is not None:
        free &= _partners(connection, rater_id, place.prompt_id, rows).keys()
    return _card_choice(rows, response_id, other_id, len(free | {response_id}))


def _within_prompt(
    connection: sa.Connection,
    rater_id: int,
    round_number: int,
    prompt_id: int,
    now: float,
    paired: bool,
) -> CardChoice | None:
    rows = _rows(connection, rater_id, round_number, prompt_id, now)
    partners = _partners(connection, rater_id, prompt_id, rows) if paired else {}
    free = [row for row in rows if row.free and (not paired or row.id in partners)]
    if not free:
        return None
    best = min(free, key=lambda row: (row.load, _chance(rater_id, round_number, "response", row.id)))
    return _card_choice(rows, best.id, partners.get(best.id), len(free))


def _card_choice(rows: Rows, response_id: int, other_id: int | None, free: int) -> CardChoice:
    """A card of a prompt of which so many responses are free, this one among them."""
    mine = sum(row.mine for row in rows)
    of = mine + free
    if other_id is not None:
        of = max(mine + 1, min(of, len(rows) * (len(rows) - 1) // 2))  # there are no more pairs
    return CardChoice(response_id=response_id, position=mine + 1, of=of, other_id=other_id)


def _partners(connection: sa.Connection, rater_id: int, prompt_id: int, rows: Rows) -> dict[int, int]:
    """What each response would be compared with; without those that this rater has compared with all others."""
    said = connection.execute(_COMPARED, {"rater": rater_id, "prompt": prompt_id})
    compared = {(low, high) for low, high in said}
    times = Counter(chain.from_iterable(compared))
    partners = {}
    for first in rows:
        new = [r for r in rows if r.id != first.id and judged_ids(first.id, r.id) not in compared]
        across = [row for row in new if row.version_number != first.version_number]
        places = (
            # the other's own card would be left without one of another version, were it not used by now
            (bool(across) and not row.mine, times[row.id], row.id < first.id, row.id)
            for row in across or new
        )
        if new:
            partners[first.id] = min(places)[-1]
    return partners


def _rows(connection: sa.Connection, rater_id: int, round_number: int, prompt_id: int, now: float) -> Rows:
    where = {"rater": rater_id, "round": round_number, "prompt": prompt_id, "now": now}
    return list(connection.execute(_OF_PROMPT, where))


def _chance(rater_id: int, round_number: int, kind: str, number: int) -> float:
    """As good as random in 0..1, and the same whenever this rater asks in this round."""
    digest = hashlib.sha256(f"{rater_id}:{round_number}:{kind}:{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def card_of(connection: sa.Connection, rater_id: int, choice: CardChoice) -> Card:
    """The card that this rater holds."""
    row = connection.execute(_CARD, {"rater": rater_id}).mappings().one()
    prompt = prompt_of(row, "prompt_")
    own_rules = "\n\n".join(m.content for m in prompt.messages if m.role == "system")
    return Card(
        response_id=choice.response_id,
        prompt=prompt,
        text=row["text"],
        round_number=row["round_number"],
        position=choice.position,
        of=choice.of,
        lease_until=row["until"],
        shown_at=row["shown_at"],
        other_id=choice.other_id,
        other_text=row["other_text"],
        swapped=row["other_text"] is not None and is_swapped(rater_id, choice.response_id),
        system=own_rules or system_prompt(row["config"]),
        continuation=is_continuation(row["config"]),
    )
