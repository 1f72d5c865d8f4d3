"""Ratings as a table of scores, which everything about raters and versions is computed from.

Scores are those that training reads (`Verdict.as_score`): broken and unsafe are the lowest point, skip and cannot
judge are left out. Comparisons are numbers from −1 (the first is better) to 1.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from rater_data.records import RatedResponse, Rating
from rater_data.scales import SCALES, VERDICTS


def training_score(rating: Rating) -> float | None:
    """What training reads of a rating, in points of its scale; None teaches nothing."""
    return VERDICTS[rating.verdict].as_score(rating.score, SCALES[rating.scale])


def score_frame(rated: Iterable[RatedResponse]) -> pd.DataFrame:
    """One row a rating that teaches something.

    Columns: response_id, rater_id, prompt_id, round, stratum, score, other_id (NaN where nothing was
    compared), paired.
    """
    rows = [
        (
            row.rating.response_id,
            row.rating.rater_id,
            row.response.prompt_id,
            row.response.round_number,
            row.response.stratum,
            score,
            row.rating.other_id,
        )
        for row in rated
        if (score := training_score(row.rating)) is not None
    ]
    columns = ["response_id", "rater_id", "prompt_id", "round", "stratum", "score", "other_id"]
    frame = pd.DataFrame(rows, columns=columns).astype({"score": "float64", "other_id": "float64"})
    return frame.assign(paired=frame["other_id"].notna())


def with_units(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `unit`: the response that was scored, or the two that were compared, whichever came first.

    A with B and B with A are one unit, seen from the side of the lower id. What one rater said of the same two twice,
    as in seals of before schema 0005, is one answer, their mean.
    """
    if "other_id" not in frame or frame["other_id"].isna().all():
        return frame.assign(unit=frame["response_id"])
    first = frame["response_id"].astype("float64")
    other = frame["other_id"].fillna(first)
    unit = frame.groupby([np.minimum(first, other), np.maximum(first, other)]).ngroup()
    frame = frame.assign(unit=unit, score=frame["score"].where(first <= other, 0 - frame["score"]))
    frame["score"] = frame.groupby(["unit", "rater_id"])["score"].transform("mean")
    return frame.drop_duplicates(["unit", "rater_id"])


def shared_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows, with `unit`, of units that two or more raters judged."""
    frame = with_units(frame)
    return frame[frame.groupby("unit")["rater_id"].transform("nunique") > 1]
