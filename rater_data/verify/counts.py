"""Counts and agreement once more, from plain rows: loops, and the formulas of `agreement`, not the store's queries.

What is stored of them (a gate's report) and what the store shows (how full rounds are, how raters work, alpha) has to
be the same.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median, stdev
from typing import Any

import sqlalchemy as sa

from rater_data.scales import COUNTING, SCALES, VERDICTS
from rater_data.store import Store
from rater_data.store.database import schema as t
from rater_data.verify.agreement import Units, agreement_on, spearman, unit_and_score
from rater_data.verify.damaged_rows import json_as_text, parse_json_or

TOLERANCE = 1e-9  # sums in another order differ in the last digits
BATCH_ROWS = 5000
MIN_SHARED = 5  # ratings that a rater shares with others, before a correlation is shown
COVERAGE_COUNTS = ("responses", "rated", "done", "ratings", "wanted")

_g, _r, _p, _s = t.ratings.c, t.responses.c, t.prompts.c, t.snapshot_ratings.c


@dataclass(slots=True)
class _Rater:
    """What one person gave."""

    ratings: int = 0
    active_ms: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    last: float = 0.0


def check_gates(_store: Store, connection: sa.Connection) -> Iterator[str]:
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
    frozen = sa.select(t.snapshot_edits.c.round_number, sa.func.count())
    edits: dict[int, int] = dict(connection.execute(frozen.group_by(t.snapshot_edits.c.round_number)).all())
    rounds = sa.select(*json_as_text((t.rounds.c.number, t.rounds.c.gate))).order_by(t.rounds.c.number)
    for number, gate in connection.execute(rounds):
        report = parse_json_or(gate, dict, {})
        reported, written = report.get("ratings"), report.get("edits", 0)
        if reported is not None and reported != learned.get(number, 0):
            yield (
                f"The gate of round {number} reports {reported} ratings; its snapshot has {learned.get(number, 0)} "
                "that may be learned from."
            )
        if written > edits.get(number, 0):  # fewer: some are of prompts that are held out
            yield f"The gate of round {number} reports {written} better answers; its seal has {edits.get(number, 0)}."


def check_counts(store: Store, connection: sa.Connection) -> Iterator[str]:
    """Ratings of rounds and raters, and alpha, in one pass over all current ratings."""
    trusted = {row.id for row in connection.execute(sa.select(t.users)) if not row.excluded}
    raters: dict[int, _Rater] = defaultdict(_Rater)
    by_round: Counter[int] = Counter()
    by_stratum: Counter[tuple[int, str]] = Counter()
    units: Units = defaultdict(lambda: defaultdict(list))
    current = 0
    columns = (_g.response_id, _g.other_id, _g.rater_id, _g.verdict, _g.score, _g.scale, _g.active_ms)
    query = (
        sa.select(*columns, _g.submitted_at, _r.round_number, _r.stratum)
        .join(t.responses, _r.id == _g.response_id)
        .where(_g.is_current, _g.verdict != "removed")
    )
    for row in connection.execute(query.order_by(_g.id).execution_options(yield_per=BATCH_ROWS)):
        current += 1
        trained_on = _training_score(row)
        rater = raters[row.rater_id]
        rater.ratings += 1
        rater.active_ms.append(row.active_ms)
        rater.last = max(rater.last, row.submitted_at)
        if trained_on is not None and row.verdict != "both_bad":
            rater.scores.append(trained_on)
        if row.rater_id in trusted:
            if row.verdict in COUNTING:
                by_round[row.round_number] += 1
                by_stratum[row.round_number, row.stratum] += 1
            if trained_on is not None:
                unit, score = unit_and_score(row.response_id, row.other_id, trained_on)
                units[unit][row.rater_id].append(score)
    yield from _compare("The store counts {} current ratings", store.count_ratings(), current)
    yield from _check_rounds(store, by_round, by_stratum)
    yield from _check_raters(store, raters)
    yield from _check_alpha(store, units)


def check_coverage(store: Store, connection: sa.Connection) -> Iterator[str]:
    """Responses, those that are rated and done, ratings and how many are wanted, of each round and stratum."""
    users = connection.execute(sa.select(t.users.c.id, t.users.c.excluded))
    trusted = {number for number, excluded in users if not excluded}
    by_response: Counter[int] = Counter()
    compared: set[int] = set()  # responses that somebody saw as the second of two
    ratings = sa.select(_g.response_id, _g.other_id, _g.rater_id, _g.verdict).where(_g.is_current)
    for response, other, rater, verdict in connection.execute(
        ratings.execution_options(yield_per=BATCH_ROWS)
    ):
        if rater in trusted and verdict in COUNTING:
            by_response[response] += 1
            compared.add(other)
    counted: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    responses = sa.select(_r.id, _r.round_number, _r.stratum, _r.overlap)
    rows = connection.execute(responses.execution_options(yield_per=BATCH_ROWS))
    for response, round_number, stratum, overlap in rows:
        n = by_response[response]
        is_rated = n > 0 or response in compared
        counts = {"responses": 1, "rated": is_rated, "done": n >= overlap, "ratings": n, "wanted": overlap}
        counted[round_number, stratum].update({name: int(count) for name, count in counts.items()})
    shown = {(row.round_number, row.stratum): row for row in store.coverage()}
    for key in sorted(counted.keys() | shown.keys()):
        for name in COVERAGE_COUNTS:
            sentence = f"Of round {key[0]}, {key[1]}, {{}} {name} are shown"
            yield from _compare(sentence, getattr(shown.get(key), name, None), counted[key][name])
    for round_ in store.rounds():
        progress = store.round_progress(round_.number)
        if progress is not None:
            total = sum(row["responses"] for (number, _), row in counted.items() if number == round_.number)
            yield from _compare(f"Round {round_.number} shows {{}} responses", progress.responses, total)


def check_rater_agreement(store: Store, connection: sa.Connection) -> Iterator[str]:
    """How each rater's scores correlate with the mean of the others on what they share; comparisons from both sides."""
    units: Units = defaultdict(lambda: defaultdict(list))
    columns = (_g.response_id, _g.other_id, _g.rater_id, _g.verdict, _g.score, _g.scale)
    query = sa.select(*columns).where(_g.is_current).order_by(_g.id)
    for row in connection.execute(query.execution_options(yield_per=BATCH_ROWS)):
        trained_on = _training_score(row)
        if trained_on is not None:
            unit, score = unit_and_score(row.response_id, row.other_id, trained_on)
            units[unit][row.rater_id].append(score)
    own: dict[int, list[float]] = defaultdict(list)
    others: dict[int, list[float]] = defaultdict(list)
    shared: Counter[int] = Counter()
    for (first, second), by_rater in units.items():
        means = {rater: math.fsum(scores) / len(scores) for rater, scores in by_rater.items()}
        total = math.fsum(means.values())
        for rater, mean in means.items() if len(means) > 1 else ():
            shared[rater] += 1
            for side in (1, -1) if first != second else (1,):
                own[rater].append(side * mean)
                others[rater].append(side * (total - mean) / (len(means) - 1))
    for stats in store.rater_stats():
        rater = stats.user.id
        counted = spearman(own[rater], others[rater]) if shared[rater] >= MIN_SHARED else None
        sentence = f"Rater {stats.user.pseudonym} is shown to agree with the others by {{}}"
        yield from _compare(sentence, stats.agreement, counted)


def _training_score(row: Any) -> float | None:
    """What training reads of a rating, 0 where two are equally bad; None where it teaches nothing."""
    if row.verdict == "both_bad":
        return 0.0
    return float(SCALES[row.scale].low) if VERDICTS[row.verdict].lowest else row.score


def _check_rounds(
    store: Store, by_round: Counter[int], by_stratum: Counter[tuple[int, str]]
) -> Iterator[str]:
    for round_ in store.rounds():
        progress = store.round_progress(round_.number)
        assert progress is not None, "this round was listed"
        sentence = f"Round {round_.number} shows {{}} ratings"
        yield from _compare(sentence, progress.ratings, by_round[round_.number])
        for stratum, (ratings, _) in progress.by_stratum.items():
            yield from _compare(f"{sentence} in {stratum}", ratings, by_stratum[round_.number, stratum])


def _check_raters(store: Store, raters: dict[int, _Rater]) -> Iterator[str]:
    all_stats = {stats.user.id: stats for stats in store.rater_stats()}
    for number in sorted(raters.keys() | all_stats.keys()):
        counted, shown = raters[number], all_stats.get(number)
        if shown is None:
            yield f"Rater {number} gave {counted.ratings} ratings, but is not shown."
            continue
        yield from _compare(f"Rater {number} shows {{}} ratings", shown.ratings, counted.ratings)
        if not counted.ratings:
            continue
        scores = counted.scores
        pace = median(counted.active_ms) / 1000
        mean = math.fsum(scores) / len(scores) if scores else None
        sd = stdev(scores) if len(scores) > 1 else None
        rater = f"Rater {shown.user.pseudonym}"
        yield from _compare(f"{rater} shows a pace of {{}} s", shown.median_s, pace)
        yield from _compare(f"{rater} shows a mean of {{}}", shown.mean, mean)
        yield from _compare(f"{rater} shows a spread of {{}}", shown.sd, sd)
        yield from _compare(f"{rater} was last seen at {{}}", shown.last_seen, counted.last)


def _check_alpha(store: Store, units: Units) -> Iterator[str]:
    # krippendorff, pandas and scipy take a second to import: only who verifies waits
    from rater_data.statistics import agreement

    shown = agreement.krippendorff_alpha(store.counted_ratings())
    shared, alpha = agreement_on(units)
    yield from _compare("Agreement (alpha) is given as {}", None if shown is None else shown.mean, alpha)
    if shown is not None:
        yield from _compare("Agreement is given for {} responses with several raters", shown.n, shared)


def _compare(sentence: str, shown: float | None, counted: float | None) -> Iterator[str]:
    """The sentence, with `shown` in place of {}, where that is not the number that was counted."""
    same = shown == counted
    if shown is not None and counted is not None:
        same = math.isclose(shown, counted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if not same:
        yield f"{sentence.format(_format_number(shown))}; counted anew, it is {_format_number(counted)}."


def _format_number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.10g}"
