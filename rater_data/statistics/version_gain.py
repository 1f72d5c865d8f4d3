"""Did the last training help? The new version against the control arm, which the version before it wrote."""

from collections.abc import Iterable

import pandas as pd

from rater_data.records import RatedResponse
from rater_data.statistics.bradley_terry import strengths
from rater_data.statistics.intervals import Interval, t_interval
from rater_data.statistics.rater_effects import subtract_offsets
from rater_data.statistics.score_frame import score_frame

NOT_THE_NEW_VERSION = ("control", "anchor", "imported")


def version_gain(rated: Iterable[RatedResponse], round_number: int) -> Interval | None:
    """The version that wrote this round minus the one before it, in points.

    Both answered the same prompts in this round, blind to the raters; paired by prompt, with a 95 %
    t-interval. `n` is the number of prompts; None below two of them. Of comparisons, the difference of the
    strengths, which both lie between −1 and 1.
    """
    rated = list(rated)
    frame = score_frame(rated)
    if not frame["paired"].any():
        return version_gain_of_frame(frame, round_number)
    strength = strengths(row for row in rated if row.response.round_number == round_number)
    frame = frame[frame["round"] == round_number].drop_duplicates("response_id")
    return _gain_over_control(frame.assign(score=frame["response_id"].map(strength)))


def version_gain_of_frame(frame: pd.DataFrame, round_number: int) -> Interval | None:
    """As `version_gain`, of a frame as `score_frame` makes it, without comparisons."""
    frame = subtract_offsets(frame)
    return _gain_over_control(frame[frame["round"] == round_number])


def _gain_over_control(frame: pd.DataFrame) -> Interval | None:
    control = frame[frame["stratum"] == "control"].groupby("prompt_id")["score"].mean()
    new = frame[~frame["stratum"].isin(NOT_THE_NEW_VERSION)].groupby("prompt_id")["score"].mean()
    return t_interval((new - control).dropna().to_numpy())
