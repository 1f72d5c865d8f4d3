"""How far raters agree.

On comparisons only those raters can agree who compared the same two responses, whichever of them was named first.
Statistics come from krippendorff and scipy.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
from scipy import stats

from rater_data.records import RatedResponse, Rating
from rater_data.statistics.intervals import CONFIDENCE, FEWEST_SHARED, Interval
from rater_data.statistics.rater_effects import subtract_offsets
from rater_data.statistics.score_frame import score_frame, shared_rows, training_score

RESAMPLES = 200
ALPHA_COLUMNS = ["response_id", "other_id", "rater_id", "score"]


def krippendorff_alpha(ratings: Iterable[RatedResponse | Rating]) -> Interval | None:
    """Krippendorff's alpha (interval level) with a 95 % bootstrap interval over what was judged.

    1 = perfect, 0 = chance. `n` is the number of responses with two or more raters, of comparisons that of the same
    two responses; None when there are fewer than two of them, or when everybody always said the same. A row with a
    rating's columns does as well as the record. Source: Krippendorff, Content Analysis (2004), ch. 11.
    """
    records = (row.rating if isinstance(row, RatedResponse) else row for row in ratings)
    rows = [
        (r.response_id, r.other_id, r.rater_id, score)
        for r in records
        if (score := training_score(r)) is not None
    ]
    frame = pd.DataFrame(rows, columns=ALPHA_COLUMNS)
    return alpha_of_frame(frame.astype({"score": "float64", "other_id": "float64"}))


def alpha_of_frame(frame: pd.DataFrame, max_units: int | None = None) -> Interval | None:
    """As `krippendorff_alpha`, of a frame with response_id, rater_id, score and, where any are compared, other_id.

    `max_units`: of how many units at most, drawn at random and always the same.
    """
    shared = shared_rows(frame)
    units = shared["unit"].unique()
    if max_units is not None and len(units) > max_units:
        drawn = np.random.default_rng(0).choice(np.sort(units), max_units, replace=False)
        shared = shared[shared["unit"].isin(drawn)]
    paired = "other_id" in shared and bool(shared["other_id"].notna().any())
    scores = shared["score"]
    values = np.unique(np.concatenate([scores, 0 - scores]) if paired else scores)
    if len(units) < 2 or len(values) < 2:
        return None
    table = shared.pivot(index="rater_id", columns="unit", values="score").to_numpy()
    # (units, values): how often each value was given to each unit
    counts = np.stack([(table == value).sum(axis=0) for value in values], axis=1)
    estimate = _alpha_of_counts(counts, values, paired)
    counts = _sorted_by_content(counts, paired)
    random = np.random.default_rng(0)
    resamples = (counts[random.integers(0, len(counts), len(counts))] for _ in range(RESAMPLES))
    estimates = [a for resample in resamples if (a := _alpha_of_counts(resample, values, paired)) is not None]
    if estimate is None or not estimates:
        return None
    low, high = np.quantile(estimates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(mean=estimate, low=float(low), high=float(high), n=len(counts))


def _sorted_by_content(counts: np.ndarray, paired: bool) -> np.ndarray:
    """The units in an order of what was said of them: an equal store with other ids draws the same ones.

    Comparisons are first seen from one side that does not go by ids either.
    """
    if paired:
        more = counts - counts[:, ::-1]
        first = (more != 0).argmax(axis=1)
        turned = more[np.arange(len(more)), first] < 0
        counts = np.where(turned[:, None], counts[:, ::-1], counts)
    return counts[np.lexsort(counts.T[::-1])]


def _alpha_of_counts(counts: np.ndarray, values: np.ndarray, paired: bool) -> float | None:
    """Comparisons are counted from both sides: which of the two was named first decides nothing."""
    if paired:
        counts = np.concatenate([counts, counts[:, ::-1]])
    if (counts.sum(axis=0) > 0).sum() < 2:
        return None
    return float(
        krippendorff.alpha(value_counts=counts, value_domain=values, level_of_measurement="interval")
    )


def human_ceiling(rated: Iterable[RatedResponse]) -> dict[str, float | int | None] | None:
    """How well one rater foretells the others on shared responses: what a reward model could at best reach.

    {"spearman", "pair_accuracy", "n"}: rank correlation with the others' mean, the share of pairs within a
    prompt that are put in the same order, and the number of ratings compared. None below five.
    """
    shared = shared_rows(subtract_offsets(score_frame(rated)))
    if len(shared) < FEWEST_SHARED:
        return None
    shared = shared.assign(others=_mean_of_others(shared))
    correct = pairs = 0
    for own, others in _pairwise_signs(shared):
        decided = (own != 0) & (others != 0)
        correct += int((own == others)[decided].sum())
        pairs += int(decided.sum())
    both_sides = _from_both_sides(shared) if shared["paired"].any() else shared
    return {
        "spearman": _spearman(both_sides["score"], both_sides["others"]),
        "pair_accuracy": correct / pairs if pairs else None,
        "n": len(shared),
    }


def _pairwise_signs(shared: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which of two is better, −1, 0 or 1: what raters said, and what the others of them said, of many pairs."""
    if shared["paired"].any():
        yield np.sign(shared["score"].to_numpy()), np.sign(shared["others"].to_numpy())
        return
    for _, group in shared.groupby(["round", "prompt_id", "rater_id"]):
        upper = np.triu_indices(len(group), 1)
        own, others = (
            np.sign(np.subtract.outer(scores.to_numpy(), scores.to_numpy()))[upper]
            for scores in (group["score"], group["others"])
        )
        yield own, others


def agreement_by_rater(shared: Iterable[Sequence[Any]], paired: bool = False) -> dict[int, float]:
    """Spearman correlation of each rater with the mean of the others on shared responses, five or more.

    `shared`: (rater, score, mean of the others) for each rating of a response that others rated, too. `paired`: the
    ratings are comparisons.
    """
    # rows of a database are slow to make an array of, their numbers are not
    numbers = np.fromiter(chain.from_iterable(shared), dtype="float64").reshape(-1, 3)
    frame = pd.DataFrame(numbers, columns=["rater_id", "score", "others"])
    correlations = {}
    for rater, group in frame.groupby("rater_id"):
        both_sides = _from_both_sides(group) if paired else group
        enough = len(group) >= FEWEST_SHARED
        correlation = _spearman(both_sides["score"], both_sides["others"]) if enough else None
        if correlation is not None:
            correlations[int(rater)] = correlation
    return correlations


def _mean_of_others(shared: pd.DataFrame) -> pd.Series:
    groups = shared.groupby("unit")["score"]
    return (groups.transform("sum") - shared["score"]) / (groups.transform("count") - 1)


def _from_both_sides(shared: pd.DataFrame) -> pd.DataFrame:
    """Every comparison twice, once from each side: which of two was named first decides nothing."""
    turned = {name: 0 - shared[name] for name in ("score", "others")}
    return pd.concat([shared, shared.assign(**turned)])


def _spearman(a: pd.Series, b: pd.Series) -> float | None:
    # constant scores have no ranks; scipy would warn and give nan
    if a.nunique() < 2 or b.nunique() < 2:
        return None
    return float(stats.spearmanr(a, b).statistic)
