"""What comparisons say of single responses: Bradley–Terry strengths.

P(i is better than j) = σ(w_i − w_j) (Bradley and Terry 1952), w with a standard normal prior, which keeps a
response that won its only comparison from being infinitely good. A tie is half a win for each (Rao and Kupper's
extra parameter would need more ties than a few dozen comparisons have). "Both bad" is a tie of two that both
lost against a usual response, whose w is 0.
"""

from collections.abc import Iterable

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from rater_data.records import RatedResponse, Rating
from rater_data.scales import SCALES, VERDICTS


def is_paired(rating: Rating) -> bool:
    """Whether a rating compares two responses."""
    return SCALES[rating.scale].paired


def strengths(ratings: Iterable[Rating | RatedResponse]) -> dict[int, float]:
    """For each compared response how it does against a usual one of its prompt.

    From −1 (always worse) over 0 to 1 (always better): 2·σ(w) − 1, by response id.
    """
    compared = [r for one in ratings if (r := one.rating if isinstance(one, RatedResponse) else one)]
    compared = [r for r in compared if r.other_id is not None and VERDICTS[r.verdict].counts]
    ids = sorted({i for r in compared for i in (r.response_id, r.other_id)})
    place = {response_id: column for column, response_id in enumerate(ids)}
    better: list[int | None] = []
    worse: list[int | None] = []
    weight: list[float] = []
    for r in compared:
        first, second = place[r.response_id], place[r.other_id]
        score = 0.0 if r.score is None else r.score  # below 0 the first is better
        for winner, loser, share in ((first, second, (1 - score) / 2), (second, first, (1 + score) / 2)):
            if share > 0:
                better.append(winner), worse.append(loser), weight.append(share)
        if r.verdict == "both_bad":
            better.extend((None, None)), worse.extend((first, second)), weight.extend((1.0, 1.0))
    if not ids:
        return {}
    found = _fit(better, worse, np.array(weight), len(ids))
    return {response_id: float(np.tanh(w / 2)) for response_id, w in zip(ids, found, strict=True)}


def _fit(better: list[int | None], worse: list[int | None], weight: np.ndarray, count: int) -> np.ndarray:
    """The most likely w (count,) under the prior. Every win is told from both sides, so both classes are there."""
    entries = [
        (row, column, sign)
        for row, sides in enumerate(zip(better, worse, strict=True))
        for column, sign in zip(sides, (1.0, -1.0), strict=True)
        if column is not None
    ]
    rows, columns, signs = zip(*entries, strict=True)
    wins = sparse.csr_matrix((signs, (rows, columns)), shape=(len(better), count))
    both = sparse.vstack([wins, -wins])
    # each win appears twice, so the penalty has to be of half the weight to be a prior of variance 1
    model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8, max_iter=1000)
    model.fit(both, np.repeat([1, 0], len(better)), np.tile(weight / 2, 2))
    return model.coef_[0]
