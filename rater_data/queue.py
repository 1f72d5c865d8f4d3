"""Which response a rater sees next. Plain functions on a connection that is inside a write transaction.

A card is *free* for a rater when fewer than `overlap` raters have rated it or hold it, this rater has not
answered it, and it was not set aside (skipped, not judged) by three. The order among free cards:

1. the prompt of the rater's last card: the responses to a prompt come back to back, so that they are
   compared;
2. prompts this rater has begun;
3. prompts that nobody has begun, before those that another rater is in the middle of;
4. by chance, another chance for every rater: what one rater sees first, another sees late. A prompt that
   wants several raters comes that many times earlier, and does not wait until all others are begun: the round
   is over when its quota is full, and by then its overlap has to have happened.
"""

import hashlib

import sqlalchemy as sa

from rater_data import schema as t
from rater_data.records import Card
from rater_data.reports import RATABLE
from rater_data.scales import COUNTING, SET_ASIDE
from rater_data.store_prompts import prompt_in
from rater_data.store_rounds import round_in

SKIPS_TO_RETIRE = 3
PRIME = 2_147_483_647  # 2**31 - 1: products of two residues fit a database integer


def open_round(connection: sa.Connection) -> int | None:
    """The latest round, if raters get cards of it: what an older version wrote is not shown again."""
    latest = round_in(connection)
    return latest.number if latest is not None and latest.state in RATABLE else None


def demand(rater_id: int, now: float, where: sa.ColumnElement[bool]) -> sa.Subquery:
    """For each response: `load`, how many raters have or hold it; `mine`, whether this rater answered;
    `free`.

    What excluded raters said does not count: their cards are rated again by others.
    """
    r, g, lease = t.responses.c, t.ratings.c, t.leases.c
    others_count = g.verdict.in_(COUNTING) & (g.rater_id != rater_id) & ~t.users.c.excluded
    answers = (
        sa.select(
            g.response_id,
            sa.func.sum(sa.case((others_count, 1), else_=0)).label("covered"),
            sa.func.sum(sa.case((g.verdict.in_(SET_ASIDE), 1), else_=0)).label("set_aside"),
            sa.func.sum(sa.case((g.rater_id == rater_id, 1), else_=0)).label("mine"),
        )
        .join(t.users, t.users.c.id == g.rater_id)
        .join(t.responses, r.id == g.response_id)
        .where(g.is_current, where)
        .group_by(g.response_id)
        .subquery()
    )
    holds = (
        sa.select(lease.response_id, sa.func.count().label("held"))
        .where(lease.until > now, lease.rater_id != rater_id)
        .group_by(lease.response_id)
        .subquery()
    )

    def count(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(column, 0)

    load = count(answers.c.covered) + count(holds.c.held)
    mine = count(answers.c.mine)
    free = (mine == 0) & (load < r.overlap) & (count(answers.c.set_aside) < SKIPS_TO_RETIRE)
    return (
        sa.select(
            r.id,
            r.prompt_id,
            r.overlap,
            load.label("load"),
            mine.label("mine"),
            sa.case((free, 1), else_=0).label("free"),
        )
        .select_from(t.responses)
        .outerjoin(answers, answers.c.response_id == r.id)
        .outerjoin(holds, holds.c.response_id == r.id)
        .where(where)
        .subquery()
    )


def is_free(connection: sa.Connection, response_id: int, rater_id: int, now: float) -> bool:
    """Whether this rater may have this card, were they not holding it."""
    return connection.scalar(sa.select(demand(rater_id, now, t.responses.c.id == response_id).c.free)) == 1


def next_response(connection: sa.Connection, rater_id: int, round_number: int, now: float) -> int | None:
    """The response of the round that this rater sees next; None when nothing is free for them."""
    for prompt_id in (_last_prompt(connection, rater_id, round_number), None):
        if prompt_id is None:
            prompt_id = _next_prompt(connection, rater_id, round_number, now)
        if prompt_id is None:
            return None
        found = _within_prompt(connection, rater_id, round_number, prompt_id, now)
        if found is not None:
            return found
    return None


def _last_prompt(connection: sa.Connection, rater_id: int, round_number: int) -> int | None:
    """The prompt of the card that this rater answered last, if that was in this round."""
    r, g = t.responses.c, t.ratings.c
    last = connection.execute(
        sa.select(r.prompt_id, r.round_number)
        .join(t.ratings, g.response_id == r.id)
        .where(g.rater_id == rater_id, g.is_current)
        .order_by(g.given_at.desc(), g.id.desc())
        .limit(1)
    ).one_or_none()
    return last.prompt_id if last is not None and last.round_number == round_number else None


def _next_prompt(connection: sa.Connection, rater_id: int, round_number: int, now: float) -> int | None:
    d = demand(rater_id, now, t.responses.c.round_number == round_number).c
    seed = _seed(rater_id, round_number)
    wanted = sa.func.max(d.overlap)
    begun = sa.case((sa.func.sum(d.mine) > 0, 0), else_=1)
    waits = sa.case((wanted > 1, 0), else_=sa.func.sum(d.load))
    # a number from 0 to PRIME, as good as random, that is the same whenever this rater asks in this round
    chance = sa.literal(PRIME) - (d.prompt_id % PRIME + 1) * sa.literal(seed) % PRIME
    query = (
        sa.select(d.prompt_id)
        .group_by(d.prompt_id)
        .having(sa.func.sum(d.free) > 0)
        .order_by(begun, waits, chance / wanted, d.prompt_id)
        .limit(1)
    )
    return connection.scalar(query)


def _within_prompt(
    connection: sa.Connection, rater_id: int, round_number: int, prompt_id: int, now: float
) -> int | None:
    where = (t.responses.c.round_number == round_number) & (t.responses.c.prompt_id == prompt_id)
    d = demand(rater_id, now, where).c
    rows = connection.execute(sa.select(d.id, d.load).where(d.free == 1)).all()
    # a few rows: here the order can be a hash, which is as random as it gets
    best = min(rows, key=lambda row: (row.load, _shuffled(rater_id, round_number, row.id)), default=None)
    return None if best is None else best.id


def _shuffled(rater_id: int, round_number: int, response_id: int) -> bytes:
    return hashlib.sha256(f"{rater_id}:{round_number}:{response_id}".encode()).digest()


def _seed(rater_id: int, round_number: int) -> int:
    digest = hashlib.sha256(f"{rater_id}:{round_number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % (PRIME - 1) + 1


def card_of(connection: sa.Connection, rater_id: int, response_id: int, now: float) -> Card:
    """The card of a response that this rater holds."""
    r, lease = t.responses.c, t.leases.c
    row = connection.execute(
        sa.select(r.prompt_id, r.round_number, r.text, lease.shown_at, lease.until)
        .join(t.leases, lease.response_id == r.id)
        .where(r.id == response_id, lease.rater_id == rater_id)
    ).one()
    where = (r.round_number == row.round_number) & (r.prompt_id == row.prompt_id)
    d = demand(rater_id, now, where).c
    mine, free = connection.execute(sa.select(sa.func.sum(d.mine), sa.func.sum(d.free))).one()
    return Card(
        response_id=response_id,
        prompt=prompt_in(connection, row.prompt_id),
        text=row.text,
        round_number=row.round_number,
        position=int(mine) + 1,
        # the one in hand is free as far as this rater is concerned, unless it was taken in the meantime
        of=int(mine) + max(1, int(free)),
        lease_until=row.until,
        shown_at=row.shown_at,
    )
