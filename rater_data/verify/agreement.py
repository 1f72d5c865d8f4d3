"""Krippendorff's alpha and Spearman's correlation from the books' formulas, without the libraries that they check."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

Unit = tuple[int, int]
"""A response twice, or the two responses that were compared, the lower id first."""
Units = dict[Unit, dict[Any, list[float]]]
"""The scores that each rater gave each unit."""


def unit_and_score(first: int, other: int | None, score: float) -> tuple[Unit, float]:
    """What a rating is of, and its score, a comparison's seen from the side of the lower id."""
    if other is None:
        return (first, first), score
    return ((first, other), score) if first < other else ((other, first), -score)


def krippendorff_alpha(units: Iterable[list[float]]) -> float | None:
    """Krippendorff's alpha, interval level: 1 - observed / expected disagreement. None where it is not defined.

    `units`: the values that each response, or each two that were compared, were given. Observed: Σ_u Σ_{i≠j} (a-b)² /
    (m_u - 1), over n; expected: the same over all values of shared units, over n(n - 1). Source: Krippendorff, Content
    Analysis (2004), ch. 11.3.
    """
    shared = [values for values in units if len(values) > 1]
    pooled = [value for values in shared for value in values]
    n = len(pooled)
    if len(shared) < 2 or len(set(pooled)) < 2:
        return None
    observed = math.fsum(_squared_differences(values) / (len(values) - 1) for values in shared) / n
    return 1 - observed / (_squared_differences(pooled) / (n * (n - 1)))


def _squared_differences(values: list[float]) -> float:
    """Σ_{i≠j} (a-b)² = 2·(m·Σa² - (Σa)²), exact for the whole numbers of a scale."""
    return 2 * (len(values) * math.fsum(v * v for v in values) - math.fsum(values) ** 2)


def agreement_on(units: Units) -> tuple[int, float | None]:
    """How many units have several raters, and alpha.

    Who compared the same two twice gave the mean of both answers. A comparison counts from both sides: which of the
    two was named first decides nothing.
    """
    columns = []
    shared = 0
    for (first, second), by_rater in units.items():
        values = [math.fsum(scores) / len(scores) for scores in by_rater.values()]
        shared += len(values) > 1
        columns.append(values)
        if first != second:
            columns.append([-value for value in values])
    return shared, krippendorff_alpha(columns) if shared > 1 else None


def spearman(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Pearson's correlation of the ranks, equal values sharing theirs; None where either has one value only."""
    if len(set(a)) < 2 or len(set(b)) < 2:
        return None
    ranks_a, ranks_b = _ranks(a), _ranks(b)
    middle = (len(a) + 1) / 2
    product = math.fsum((x - middle) * (y - middle) for x, y in zip(ranks_a, ranks_b, strict=True))
    spread = math.fsum((x - middle) ** 2 for x in ranks_a) * math.fsum((y - middle) ** 2 for y in ranks_b)
    return product / math.sqrt(spread)


def _ranks(values: Sequence[float]) -> list[float]:
    """From 1; equal values have the mean of their ranks."""
    counts, before, rank = Counter(values), 0, {}
    for value in sorted(counts):
        rank[value] = before + (counts[value] + 1) / 2
        before += counts[value]
    return [rank[value] for value in values]
