"""Which response a rater sees next. Plain functions on a connection that is inside a write transaction.

A card is *free* for a rater when fewer than `overlap` raters have rated it or hold it, this rater has not
answered it, and it was not set aside (skipped, not judged) by three. The order among free cards:

1. the prompt of the rater's last card: responses to a prompt come back to back, so that they are compared;
2. prompts this rater has begun;
3. prompts that nobody has begun, before those that another rater is in the middle of;
4. by chance, another chance for every rater: what one rater sees first, another sees late. A prompt that
   wants several raters comes earlier than others, and does not wait until all of them are begun: the round is
   over when its quota is full, and by then its overlap has to have happened.

Where raters compare, a card is a response (the first) beside another of its prompt (the second): the next one
by its place, of another version if there is any. So every response is once the first of a card, and a prompt
that is answered by two versions compares them. Which of the two is shown first is chance, and kept.

The statements are built once: building them costs more than running them.
"""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import bindparam

from rater_data.lifecycle import RATABLE_STATES
from rater_data.records import IMPORTED_ROUND, Card
from rater_data.round_settings import is_continuation, system_prompt
from rater_data.scales import COUNTING, SET_ASIDE
from rater_data.store.database import schema as t
from rater_data.store.database.rows import prompt_columns, prompt_of
from rater_data.store.rounds.round_states import find_round

SKIPS_TO_RETIRE = 3

_r, _g, _l = t.responses.c, t.ratings.c, t.leases.c
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


def _open_prompts(fewest: int) -> sa.Select[tuple[int, int, int, int]]:
    """The prompts of a round that have a free response among at least `fewest`, in three numbers each."""
    d = _availability(_r.round_number == bindparam("round")).c
    wanted = sa.func.max(d.overlap)
    return (
        sa.select(
            d.prompt_id,
            wanted.label("wanted"),
            sa.case((sa.func.sum(d.mine) > 0, 0), else_=1).label("new"),
            sa.case((wanted > 1, 0), else_=sa.func.sum(d.load)).label("taken"),
        )
        .group_by(d.prompt_id)
        .having((sa.func.sum(d.free) > 0) & (sa.func.count() >= fewest))
    )


_FREE = sa.select(_availability(_r.id == bindparam("response")).c.free)
_OF_PROMPT = sa.select(
    _availability((_r.round_number == bindparam("round")) & (_r.prompt_id == bindparam("prompt")))
)
_OPEN_PROMPTS = {False: _open_prompts(1), True: _open_prompts(2)}
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


def is_swapped(rater_id: int, response_id: int) -> bool:
    """Whether this rater sees the second response of a comparison first."""
    return _chance(rater_id, 0, "swapped", response_id) < 0.5


def next_choice(
    connection: sa.Connection, rater_id: int, round_number: int, now: float, paired: bool = False
) -> CardChoice | None:
    """What this rater sees next of a round, alone or `paired`; None when nothing is free for them."""
    last = connection.execute(_LAST_PROMPT, {"rater": rater_id}).one_or_none()
    if last is not None and last.round_number == round_number:
        choice = _within_prompt(connection, rater_id, round_number, last.prompt_id, now, paired)
        if choice is not None:
            return choice
    rows = connection.execute(_OPEN_PROMPTS[paired], {"rater": rater_id, "round": round_number, "now": now})
    best = min(rows, key=lambda row: _rank(row, rater_id, round_number), default=None)
    if best is None:
        return None
    return _within_prompt(connection, rater_id, round_number, best.prompt_id, now, paired)


def _rank(row: sa.Row[tuple[int, int, int, int]], rater_id: int, round_number: int) -> tuple[int, int, float]:
    """The order of open prompts for a rater, lowest first."""
    chance = _chance(rater_id, round_number, "prompt", row.prompt_id)
    # Squared: all raters together fill the quota, so each has to meet these prompts early in its share
    return row.new, row.taken, chance / row.wanted**2


def choice_of(
    connection: sa.Connection, rater_id: int, response_id: int, other_id: int | None, now: float
) -> CardChoice:
    """The place of a response that this rater holds."""
    place = connection.execute(_PLACE, {"response": response_id}).one()
    rows = _rows(connection, rater_id, place.round_number, place.prompt_id, now)
    mine = sum(row.mine for row in rows)
    # the one in hand counts even if somebody took it while its lease had run out
    others = sum(row.free for row in rows if row.id != response_id)
    return CardChoice(response_id=response_id, position=mine + 1, of=mine + others + 1, other_id=other_id)


def _within_prompt(
    connection: sa.Connection,
    rater_id: int,
    round_number: int,
    prompt_id: int,
    now: float,
    paired: bool,
) -> CardChoice | None:
    rows = _rows(connection, rater_id, round_number, prompt_id, now)
    free = [row for row in rows if row.free]
    if not free or (paired and len(rows) < 2):
        return None
    best = min(free, key=lambda row: (row.load, _chance(rater_id, round_number, "response", row.id)))
    mine = sum(row.mine for row in rows)
    other_id = _comparison_partner(best, rows) if paired else None
    return CardChoice(response_id=best.id, position=mine + 1, of=mine + len(free), other_id=other_id)


def _comparison_partner(first: sa.Row[tuple[int, ...]], rows: list[sa.Row[tuple[int, ...]]]) -> int:
    """What a response is compared with: the next by its place, of another version if there is any."""
    after = sorted((row for row in rows if row.id != first.id), key=lambda row: (row.id < first.id, row.id))
    others = [row for row in after if row.version_number != first.version_number]
    return (others or after)[0].id


def _rows(
    connection: sa.Connection, rater_id: int, round_number: int, prompt_id: int, now: float
) -> list[sa.Row[tuple[int, ...]]]:
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
        other_text=row["other_text"],
        swapped=row["other_text"] is not None and is_swapped(rater_id, choice.response_id),
        system=own_rules or system_prompt(row["config"]),
        continuation=is_continuation(row["config"]),
    )
