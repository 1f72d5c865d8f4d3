"""What comparisons say of single responses: Bradley–Terry strengths.

P(i is better than j) = σ(w_i − w_j) (Bradley and Terry 1952), w with a standard normal prior, which keeps a
response that won its only comparison from being infinitely good. A tie is half a win for each (Rao and Kupper's
extra parameter would need more ties than a few dozen comparisons have). "Both bad" is a tie of two that both
lost against a usual response, whose w is 0.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from rater_data.records import RatedResponse, Rating
from rater_data.scales import VERDICTS

Win = tuple[int | None, int | None, float]
"""The columns of winner and loser, None for a usual response, and how much of a win it is."""


def strengths(ratings: Iterable[Rating | RatedResponse]) -> dict[int, float]:
    """For each compared response how it does against a usual one of its prompt.

    From −1 (always worse) over 0 to 1 (always better): 2·σ(w) − 1, by response id.
    """
    records = (row.rating if isinstance(row, RatedResponse) else row for row in ratings)
    compared = [(r, r.other_id) for r in records if r.other_id is not None and VERDICTS[r.verdict].counts]
    if not compared:
        return {}
    ids = sorted({i for rating, other in compared for i in (rating.response_id, other)})
    column = {response_id: number for number, response_id in enumerate(ids)}
    wins: list[Win] = []
    for rating, other in compared:
        first, second = column[rating.response_id], column[other]
        score = 0.0 if rating.score is None else rating.score  # below 0 the first is better
        for winner, loser, share in ((first, second, (1 - score) / 2), (second, first, (1 + score) / 2)):
            if share > 0:
                wins.append((winner, loser, share))
        if rating.verdict == "both_bad":
            wins += (None, first, 1.0), (None, second, 1.0)
    logits = _most_likely_logits(wins, len(ids))
    return {response_id: float(np.tanh(w / 2)) for response_id, w in zip(ids, logits, strict=True)}


def _most_likely_logits(wins: list[Win], count: int) -> Sequence[float]:
    """The most likely w of each of `count` responses under the prior."""
    entries = [
        (row, column, sign)
        for row, (winner, loser, _) in enumerate(wins)
        for column, sign in ((winner, 1.0), (loser, -1.0))
        if column is not None
    ]
    rows, columns, signs = zip(*entries, strict=True)
    differences = sparse.csr_matrix((signs, (rows, columns)), shape=(len(wins), count))
    # every win is seen from both sides, so both classes are there; so the penalty has to be of half the weight to be
    # a prior of variance 1
    both_sides = sparse.vstack([differences, -differences])
    weights = np.array([weight for _, _, weight in wins])
    model = LogisticRegression(C=1.0, fit_intercept=False, tol=1e-8, max_iter=1000)
    model.fit(both_sides, np.repeat([1, 0], len(wins)), np.tile(weights / 2, 2))
    coefficients: Sequence[float] = model.coef_[0]
    return coefficients
