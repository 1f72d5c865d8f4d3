"""Counts and agreement once more, from plain rows: written without the code that it checks.

What is kept of them (a gate's report) and what is asked of the store (how full rounds are, how raters work, alpha) has
to be what loops over the raw log and the formulas of the books give.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median, stdev
from typing import Any

import sqlalchemy as sa

from rater_data.scales import COUNTING, SCALES, VERDICTS
from rater_data.store import Store
from rater_data.store.database import schema as t
from rater_data.verify.damaged_rows import read_or, texts

CLOSE = 1e-9  # sums in another order differ in the last digits
AT_ONCE = 5000

_g, _r, _p, _s = t.ratings.c, t.responses.c, t.prompts.c, t.snapshot_ratings.c


@dataclass(slots=True)
class _Rater:
    """What one person gave."""

    ratings: int = 0
    active_ms: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    last: float = 0.0


def alpha_of(units: Iterable[list[float]]) -> float | None:
    """Krippendorff's alpha, interval level: 1 − observed / expected disagreement.

    `units`: the values that each response, or each two that were compared, were given. Observed: Σ_u Σ_{i≠j} (a−b)² /
    (m_u − 1), over n; expected: the same over all values of shared units, over n(n − 1). Source: Krippendorff, Content
    Analysis (2004), ch. 11.3.
    None where nothing can be said.
    """
    shared = [values for values in units if len(values) > 1]
    every = [value for values in shared for value in values]
    n = len(every)
    if len(shared) < 2 or len(set(every)) < 2:
        return None
    observed = math.fsum(_spread(values) / (len(values) - 1) for values in shared) / n
    return 1 - observed / (_spread(every) / (n * (n - 1)))


def unit_of(first: int, other: int | None, score: float) -> tuple[tuple[int, int], float]:
    """What a rating is of, and its score: two that are compared have one name, told from the side of the lower id."""
    if other is None:
        return (first, first), score
    return ((first, other), score) if first < other else ((other, first), -score)


Units = dict[tuple[int, int], dict[Any, list[float]]]
"""What raters said of each thing that was judged, named as `unit_of` does."""


def agreed(units: Units) -> tuple[int, float | None]:
    """How many units several raters judged, and alpha.

    Who compared the same two twice gave the mean of both answers. A comparison is told from both sides: which of the
    two was named first decides nothing.
    """
    every = []
    shared = 0
    for (first, second), said in units.items():
        values = [math.fsum(given) / len(given) for given in said.values()]
        shared += len(values) > 1
        every.append(values)
        if first != second:
            every.append([-value for value in values])
    return shared, alpha_of(every) if shared > 1 else None


def _spread(values: list[float]) -> float:
    """Σ_{i≠j} (a−b)² = 2·(m·Σa² − (Σa)²), exact for the whole numbers of a scale."""
    return 2 * (len(values) * math.fsum(v * v for v in values) - math.fsum(values) ** 2)


def gates(_store: Store, connection: sa.Connection) -> Iterator[str]:
    """A gate reports of how many frozen ratings it was made: those that are not held out."""
    query = (
        sa.select(_s.round_number, sa.func.count())
        .join(t.ratings, _g.id == _s.rating_id)
        .join(t.responses, _r.id == _g.response_id)
        .join(t.prompts, _p.id == _r.prompt_id)
        .where(_r.stratum != "holdout", _p.split != "holdout")
        .group_by(_s.round_number)
    )
    learned: dict[int, int] = dict(connection.execute(query).all())
    for number, gate in connection.execute(
        sa.select(*texts((t.rounds.c.number, t.rounds.c.gate))).order_by(t.rounds.c.number)
    ):
        told = read_or(gate, dict, {}).get("ratings")
        if told is not None and told != learned.get(number, 0):
            yield (
                f"The gate of round {number} reports {told} ratings; its snapshot has {learned.get(number, 0)} "
                "that may be learned from."
            )


def counts(store: Store, connection: sa.Connection) -> Iterator[str]:
    """One pass over all current ratings."""
    trusted = {row.id for row in connection.execute(sa.select(t.users)) if not row.excluded}
    raters: dict[int, _Rater] = defaultdict(_Rater)
    given: Counter[int] = Counter()
    by_stratum: Counter[tuple[int, str]] = Counter()
    units: Units = defaultdict(lambda: defaultdict(list))
    current = 0
    columns = (_g.response_id, _g.other_id, _g.rater_id, _g.verdict, _g.score, _g.scale, _g.active_ms)
    query = (
        sa.select(*columns, _g.submitted_at, _r.round_number, _r.stratum)
        .join(t.responses, _r.id == _g.response_id)
        .where(_g.is_current, _g.verdict != "removed")
    )
    for row in connection.execute(query.order_by(_g.id).execution_options(yield_per=AT_ONCE)):
        current += 1
        taught = teaches(row)
        rater = raters[row.rater_id]
        rater.ratings += 1
        rater.active_ms.append(row.active_ms)
        rater.last = max(rater.last, row.submitted_at)
        if taught is not None and row.verdict != "both_bad":
            rater.scores.append(taught)
        if row.rater_id in trusted:
            if row.verdict in COUNTING:
                given[row.round_number] += 1
                by_stratum[row.round_number, row.stratum] += 1
            if taught is not None:
                unit, score = unit_of(row.response_id, row.other_id, taught)
                units[unit][row.rater_id].append(score)
    yield from differ("The store counts {} current ratings", store.count_ratings(), current)
    yield from _rounds(store, given, by_stratum)
    yield from _raters(store, raters)
    yield from _agreement(store, units)


def teaches(row: Any) -> float | None:
    """What training reads of a rating, and 0 where two are alike; None where it teaches nothing."""
    if row.verdict == "both_bad":
        return 0.0
    return float(SCALES[row.scale].low) if VERDICTS[row.verdict].lowest else row.score


def _rounds(store: Store, given: Counter[int], by_stratum: Counter[tuple[int, str]]) -> Iterator[str]:
    for found in store.rounds():
        progress = store.round_progress(found.number)
        assert progress is not None, "this round was listed"
        what = f"Round {found.number} shows {{}} ratings"
        yield from differ(what, progress.ratings, given[found.number])
        for stratum, (ratings, _) in progress.by_stratum.items():
            yield from differ(f"{what} in {stratum}", ratings, by_stratum[found.number, stratum])


def _raters(store: Store, raters: dict[int, _Rater]) -> Iterator[str]:
    shown = {stats.user.id: stats for stats in store.rater_stats()}
    for number in sorted(raters.keys() | shown.keys()):
        mine, theirs = raters[number], shown.get(number)
        if theirs is None:
            yield f"Rater {number} gave {mine.ratings} ratings, but is not shown."
            continue
        yield from differ(f"Rater {number} shows {{}} ratings", theirs.ratings, mine.ratings)
        if not mine.ratings:
            continue
        name = theirs.user.pseudonym
        mean = math.fsum(mine.scores) / len(mine.scores) if mine.scores else None
        sd = stdev(mine.scores) if len(mine.scores) > 1 else None
        yield from differ(
            f"Rater {name} shows a pace of {{}} s", theirs.median_s, median(mine.active_ms) / 1000
        )
        yield from differ(f"Rater {name} shows a mean of {{}}", theirs.mean, mean)
        yield from differ(f"Rater {name} shows a spread of {{}}", theirs.sd, sd)
        yield from differ(f"Rater {name} was last seen at {{}}", theirs.last_seen, mine.last)


def _agreement(store: Store, units: Units) -> Iterator[str]:
    # krippendorff, pandas and scipy take a second to import: only who verifies waits
    from rater_data.statistics import agreement

    found = agreement.alpha(store.counting())
    shared, wanted = agreed(units)
    yield from differ("Agreement (alpha) is given as {}", None if found is None else found.mean, wanted)
    if found is not None:
        yield from differ("Agreement is given for {} responses with several raters", found.n, shared)


def differ(what: str, shown: float | None, counted: float | None) -> Iterator[str]:
    """A sentence where a number that is shown (in place of {}) is not the one that was counted."""
    same = shown == counted
    if shown is not None and counted is not None:
        same = math.isclose(shown, counted, rel_tol=CLOSE, abs_tol=CLOSE)
    if not same:
        yield f"{what.format(_figure(shown))}; counted anew, it is {_figure(counted)}."


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.10g}"
