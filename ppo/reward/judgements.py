"""What raters said, judgement by judgement, as arrays: nothing is averaged before the head sees it."""

from dataclasses import dataclass, replace

import numpy as np

SCORE, THUMB, COMPARISON, WORSE_THAN_USUAL = range(4)
"""Kinds of judgement. WORSE_THAN_USUAL: half of "both bad", that one response lost against a usual one."""
NOBODY = -1
"""In `other`: nothing was compared."""


@dataclass(frozen=True)
class Judgements:
    """n judgements of R raters on N responses; every array is (n,).

    `kind` is one of the four above; `row` the response that was judged, from 0; `other` the one that it was compared
    with, or NOBODY; `rater` who said it, from 0 in `rater_ids`. `said`: of a score, points of the scale; of a thumb 1
    or −1; of a comparison 1 where `row` is the better one, −1 where `other` is, 0 for a tie; of "worse than usual"
    −1. `low` and `high` bound the scale that ratings are told on.
    """

    kind: np.ndarray
    row: np.ndarray
    other: np.ndarray
    rater: np.ndarray
    said: np.ndarray
    rater_ids: tuple[int, ...]
    responses: int
    low: float
    high: float

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.kind, self.row, self.other, self.rater, self.said)}
        assert len(shapes) == 1 and len(next(iter(shapes))) == 1, "one entry a judgement in every array"
        assert len(self.row) == 0 or max(self.row.max(), self.other.max()) < self.responses

    def __len__(self) -> int:
        return len(self.row)

    def take(self, which: np.ndarray) -> "Judgements":
        """Those judgements alone (indices or bool), of the same responses and raters."""
        return replace(
            self,
            kind=self.kind[which],
            row=self.row[which],
            other=self.other[which],
            rater=self.rater[which],
            said=self.said[which],
        )

    @property
    def compared(self) -> np.ndarray:
        """Whether a judgement is of two responses, (n,) bool."""
        return self.other != NOBODY

    @property
    def has_offset(self) -> np.ndarray:
        """Whether how strict its rater is enters a judgement, (n,) bool: into scores and thumbs."""
        return (self.kind == SCORE) | (self.kind == THUMB)


def of_scores(
    scores: np.ndarray,
    scale: tuple[float, float],
    raters: np.ndarray | None = None,
    rows: np.ndarray | None = None,
) -> Judgements:
    """Scores (n,) alone, by default one of each response and all by one rater."""
    n = len(scores)
    rows = np.arange(n) if rows is None else rows
    ids, rater = np.unique(np.zeros(n, dtype=int) if raters is None else raters, return_inverse=True)
    return Judgements(
        kind=np.full(n, SCORE),
        row=rows,
        other=np.full(n, NOBODY),
        rater=rater,
        said=np.asarray(scores, dtype=np.float64),
        rater_ids=tuple(int(i) for i in ids),
        responses=int(rows.max()) + 1 if n else 0,
        low=scale[0],
        high=scale[1],
    )
