"""How full rounds are, and how far each rater goes with the others, once more from plain rows.

As in `recounting`, without the code that it checks: loops, and Spearman's correlation as the books have it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from rater_data.scales import COUNTING
from rater_data.store import Store
from rater_data.store.database import schema as t
from rater_data.verify.recount import AT_ONCE, Units, differ, teaches, unit_of

FEWEST = 5  # shared ratings of a rater that a correlation is told of

_g, _r = t.ratings.c, t.responses.c


def rounds(store: Store, connection: sa.Connection) -> Iterator[str]:
    """Responses, those that are rated and done, ratings and how many are wanted, of each round and stratum."""
    trusted = {
        i for i, excluded in connection.execute(sa.select(t.users.c.id, t.users.c.excluded)) if not excluded
    }
    given: Counter[int] = Counter()
    said = sa.select(_g.response_id, _g.rater_id, _g.verdict).where(_g.is_current)
    for response, rater, verdict in connection.execute(said.execution_options(yield_per=AT_ONCE)):
        given[response] += rater in trusted and verdict in COUNTING
    counted: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    columns = sa.select(_r.id, _r.round_number, _r.stratum, _r.overlap)
    for i, number, stratum, overlap in connection.execute(columns.execution_options(yield_per=AT_ONCE)):
        n = given[i]
        one = {"responses": 1, "rated": n > 0, "done": n >= overlap, "ratings": n, "wanted": overlap}
        counted[number, stratum].update({name: int(value) for name, value in one.items()})
    shown = {(row.round_number, row.stratum): row for row in store.coverage()}
    for place in sorted(counted.keys() | shown.keys()):
        for name in ("responses", "rated", "done", "ratings", "wanted"):
            what = f"Of round {place[0]}, {place[1]}, {{}} {name} are shown"
            yield from differ(what, getattr(shown.get(place), name, None), counted[place][name])
    for found in store.rounds():
        progress = store.round_progress(found.number)
        if progress is not None:
            all_of_it = sum(
                row["responses"] for (number, _), row in counted.items() if number == found.number
            )
            yield from differ(f"Round {found.number} shows {{}} responses", progress.responses, all_of_it)


def agreements(store: Store, connection: sa.Connection) -> Iterator[str]:
    """How each rater's scores go with the mean of the others on what they share; comparisons told from both sides."""
    said: Units = defaultdict(lambda: defaultdict(list))
    columns = (_g.response_id, _g.other_id, _g.rater_id, _g.verdict, _g.score, _g.scale)
    query = sa.select(*columns).where(_g.is_current).order_by(_g.id)
    for row in connection.execute(query.execution_options(yield_per=AT_ONCE)):
        taught = teaches(row)
        if taught is not None:
            unit, score = unit_of(row.response_id, row.other_id, taught)
            said[unit][row.rater_id].append(score)
    own: dict[int, list[float]] = defaultdict(list)
    others: dict[int, list[float]] = defaultdict(list)
    shared: Counter[int] = Counter()
    for (first, second), given in said.items():
        means = {rater: math.fsum(scores) / len(scores) for rater, scores in given.items()}
        total = math.fsum(means.values())
        for rater, score in means.items() if len(means) > 1 else ():
            shared[rater] += 1
            for side in (1, -1) if first != second else (1,):
                own[rater].append(side * score)
                others[rater].append(side * (total - score) / (len(means) - 1))
    for stats in store.rater_stats():
        rater = stats.user.id
        counted = spearman(own[rater], others[rater]) if shared[rater] >= FEWEST else None
        what = f"Rater {stats.user.pseudonym} is shown to agree with the others by {{}}"
        yield from differ(what, stats.agreement, counted)


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Pearson's correlation of the ranks, equal values sharing theirs; None where nothing can be said."""
    if len(set(a)) < 2 or len(set(b)) < 2:
        return None
    one, two = _ranks(a), _ranks(b)
    middle = (len(a) + 1) / 2
    product = math.fsum((x - middle) * (y - middle) for x, y in zip(one, two, strict=True))
    spread = math.fsum((x - middle) ** 2 for x in one) * math.fsum((y - middle) ** 2 for y in two)
    return product / math.sqrt(spread)


def _ranks(values: Sequence[float]) -> list[float]:
    counts, before, rank = Counter(values), 0, {}
    for value in sorted(counts):
        rank[value] = before + (counts[value] + 1) / 2
        before += counts[value]
    return [rank[value] for value in values]
