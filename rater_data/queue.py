"""Which response a rater sees next. Plain functions on a connection that is inside a write transaction.

A card is *free* for a rater when fewer than `overlap` raters have rated it or hold it, this rater has not
answered it, and it was not set aside (skipped, not judged) by three. The order among free cards:

1. the prompt of the rater's last card: responses to a prompt come back to back, so that they are compared;
2. prompts this rater has begun;
3. prompts that nobody has begun, before those that another rater is in the middle of;
4. by chance, another chance for every rater: what one rater sees first, another sees late. A prompt that wants
   several raters comes that many times earlier, and does not wait until all others are begun: the round is
   over when its quota is full, and by then its overlap has to have happened.

The statements are built once: building them costs more than running them.
"""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import bindparam

from rater_data import schema as t
from rater_data.records import Card
from rater_data.reports import RATABLE
from rater_data.rows import prompt_columns, prompt_of
from rater_data.scales import COUNTING, SET_ASIDE
from rater_data.store_rounds import round_in

SKIPS_TO_RETIRE = 3
PRIME = 2_147_483_647  # 2**31 - 1: products of two residues fit a database integer

_r, _g, _l = t.responses.c, t.ratings.c, t.leases.c
_rater, _now = bindparam("rater", type_=sa.Integer), bindparam("now", type_=sa.Double)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A response and its place among the responses of its prompt in this rater's queue, from 1."""

    response_id: int
    position: int
    of: int


def _demand(where: sa.ColumnElement[bool]) -> sa.Subquery:
    """For each response: `load`, how many raters have or hold it; `mine`, whether this rater answered; `free`.

    What excluded raters said does not count: their cards are rated again by others.
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


def _best_prompt() -> sa.Select[tuple[int]]:
    d = _demand(_r.round_number == bindparam("round")).c
    wanted = sa.func.max(d.overlap)
    begun = sa.case((sa.func.sum(d.mine) > 0, 0), else_=1)
    waits = sa.case((wanted > 1, 0), else_=sa.func.sum(d.load))
    # as good as random below PRIME, and the same whenever this rater asks in this round
    chance = (d.prompt_id % PRIME + 1) * bindparam("seed", type_=sa.BigInteger) % PRIME
    return (
        sa.select(d.prompt_id)
        .group_by(d.prompt_id)
        .having(sa.func.sum(d.free) > 0)
        .order_by(begun, waits, chance / wanted, d.prompt_id)
        .limit(1)
    )


_FREE = sa.select(_demand(_r.id == bindparam("response")).c.free)
_OF_PROMPT = sa.select(
    _demand((_r.round_number == bindparam("round")) & (_r.prompt_id == bindparam("prompt")))
)
_BEST_PROMPT = _best_prompt()
_LAST_PROMPT = (
    sa.select(_r.prompt_id, _r.round_number)
    .join(t.ratings, _g.response_id == _r.id)
    .where(_g.rater_id == _rater, _g.is_current)
    .order_by(_g.given_at.desc(), _g.id.desc())
    .limit(1)
)
_PLACE = sa.select(_r.prompt_id, _r.round_number).where(_r.id == bindparam("response"))
_CARD = (
    sa.select(_r.text, _r.round_number, _l.shown_at, _l.until, *prompt_columns("prompt_"))
    .join(t.leases, _l.response_id == _r.id)
    .join(t.prompts, t.prompts.c.id == _r.prompt_id)
    .where(_l.rater_id == _rater)
)


def open_round(connection: sa.Connection) -> int | None:
    """The latest round, if raters get cards of it: what an older version wrote is not shown again."""
    latest = round_in(connection)
    return latest.number if latest is not None and latest.state in RATABLE else None


def is_free(connection: sa.Connection, response_id: int, rater_id: int, now: float) -> bool:
    """Whether this rater may have this card, were they not holding it."""
    return connection.scalar(_FREE, {"response": response_id, "rater": rater_id, "now": now}) == 1


def next_choice(connection: sa.Connection, rater_id: int, round_number: int, now: float) -> Choice | None:
    """What this rater sees next of a round; None when nothing is free for them."""
    last = connection.execute(_LAST_PROMPT, {"rater": rater_id}).one_or_none()
    if last is not None and last.round_number == round_number:
        found = _within_prompt(connection, rater_id, round_number, last.prompt_id, now)
        if found is not None:
            return found
    best = {"rater": rater_id, "round": round_number, "now": now, "seed": _seed(rater_id, round_number)}
    prompt_id = connection.scalar(_BEST_PROMPT, best)
    return None if prompt_id is None else _within_prompt(connection, rater_id, round_number, prompt_id, now)


def choice_of(connection: sa.Connection, rater_id: int, response_id: int, now: float) -> Choice:
    """The place of a response that this rater holds."""
    place = connection.execute(_PLACE, {"response": response_id}).one()
    rows = _rows(connection, rater_id, place.round_number, place.prompt_id, now)
    mine = sum(row.mine for row in rows)
    # the one in hand counts even if somebody took it while its lease had run out
    others = sum(row.free for row in rows if row.id != response_id)
    return Choice(response_id=response_id, position=mine + 1, of=mine + others + 1)


def _within_prompt(
    connection: sa.Connection, rater_id: int, round_number: int, prompt_id: int, now: float
) -> Choice | None:
    rows = _rows(connection, rater_id, round_number, prompt_id, now)
    free = [row for row in rows if row.free]
    if not free:
        return None
    # a few rows: here the order can be a hash, which is as random as it gets
    best = min(free, key=lambda row: (row.load, _shuffled(rater_id, round_number, row.id)))
    mine = sum(row.mine for row in rows)
    return Choice(response_id=best.id, position=mine + 1, of=mine + len(free))


def _rows(
    connection: sa.Connection, rater_id: int, round_number: int, prompt_id: int, now: float
) -> list[sa.Row[tuple[int, ...]]]:
    where = {"rater": rater_id, "round": round_number, "prompt": prompt_id, "now": now}
    return list(connection.execute(_OF_PROMPT, where))


def _shuffled(rater_id: int, round_number: int, response_id: int) -> bytes:
    return hashlib.sha256(f"{rater_id}:{round_number}:{response_id}".encode()).digest()


def _seed(rater_id: int, round_number: int) -> int:
    digest = hashlib.sha256(f"{rater_id}:{round_number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (PRIME - 1) + 1


def card_of(connection: sa.Connection, rater_id: int, choice: Choice) -> Card:
    """The card that this rater holds."""
    row = connection.execute(_CARD, {"rater": rater_id}).mappings().one()
    return Card(
        response_id=choice.response_id,
        prompt=prompt_of(row, "prompt_"),
        text=row["text"],
        round_number=row["round_number"],
        position=choice.position,
        of=choice.of,
        lease_until=row["until"],
        shown_at=row["shown_at"],
    )
