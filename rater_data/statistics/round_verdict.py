"""Did the last training help? A round's verdict: the new version against the control arm, of the version before.

All ratings of the round are read together (`mixed_model`): the two arms meet on the same prompts, and what the new
version wrote to other prompts tells how far prompts, responses and raters differ. The verdict is drawn at four stated
looks (`stated_looks`), the last of them at the latest when the round has all its ratings, and is what the interval
there says: nothing else is tested.
`python -m rater_data verdict-error` measures how often it is wrong.
"""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
from scipy import stats

from rater_data.scales import Scale
from rater_data.statistics.intervals import CONFIDENCE, Interval
from rater_data.statistics.mixed_model import Effect, Level, MixedModel
from rater_data.statistics.rater_effects import subtract_offsets
from rater_data.statistics.stated_looks import FINAL_BOUND, Look, look_due, margin, thresholds

Word = Literal["helped", "open", "hurt"]
HELPED: Final = "helped"
OPEN: Final = "open"
HURT: Final = "hurt"
NEITHER_ARM = ("anchor", "imported")
FEWEST_PROMPTS, FEWEST_RATINGS = 2, 4
"""Of the control arm, below which there is no verdict: a round that plans fewer never gets one."""
WORTH_KNOWING = 0.05  # of the scale's length: a smaller difference is not searched for
# ratings times raters; beyond it offsets are known so well that they are just taken off
LARGEST_TABLE = 200_000
NORMAL_QUANTILE = float(stats.norm.isf((1 - CONFIDENCE) / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthEffect:
    """`explained`: how much of the gain comes with the change of length, in points (95 %); `difference`: that change.

    In characters, new minus control on the same prompts.
    """

    explained: Interval
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundVerdict:
    """What a round's ratings say of the version that wrote it, against the one before.

    `gain`: in points, of comparisons from −1 (the control is always preferred) to 1; its 95 % interval holds over all
    looks, n control ratings were in at the latest one. `plain`: the same with the interval of a single look; `se`: its
    standard error. `win_rate`: how often the new version is preferred on the same prompt, ties half (95 %, of a single
    look), n prompts. `blind`: control ratings that are in by now, of `planned`. `is_last`: no more of this round
    are looked at. `more`: about how many more would settle it; None where it is settled, where a difference can only be
    smaller than WORTH_KNOWING, and where nothing is known.
    """

    word: Word
    gain: Interval | None = None
    plain: Interval | None = None
    se: float | None = None
    win_rate: Interval | None = None
    length: LengthEffect | None = None
    blind: int
    planned: int
    is_last: bool = False
    more: int | None = None


def round_verdict(
    frame: pd.DataFrame,
    traits: pd.DataFrame,
    scale: Scale,
    planned: int,
    quota: int = 0,
    is_over: bool = False,
) -> RoundVerdict:
    """`frame`: the round's ratings as `score_frame` makes it, as they came in; `traits` of its responses, with
    response_id, stratum and length (characters); `planned`: how many ratings the control arm is to get (of comparisons:
    how many with it); `quota`: how many ratings make the round full, 0 for no such number; `is_over`: none come any
    more, though it is not full."""
    seen = look_at(arms(frame, traits, scale), scale, len(frame), planned, quota, is_over)
    look, table = seen.look, seen.table
    measured = measure_gain(seen, scale)
    if measured is None:
        return RoundVerdict(word=OPEN, blind=seen.now, planned=planned, is_last=look.is_last)
    effect, gain = measured
    error = _error_if_alike(effect, gain.n) if scale.paired else effect.se
    word, worth = word_of(gain), WORTH_KNOWING * (scale.high - scale.low)
    return RoundVerdict(
        word=word,
        gain=gain,
        plain=_single_look(effect, gain.n),
        se=effect.se,
        win_rate=_win_rate(table, scale),
        length=_length_effect(table, scale, effect),
        blind=seen.now,
        planned=planned,
        is_last=look.is_last,
        more=_ratings_to_settle(error, gain, planned, look, worth) if word == OPEN else None,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a verdict is drawn from: the `look` and the ratings that it reads; `now`: control ratings that are in."""

    look: Look
    table: pd.DataFrame
    now: int


def look_at(
    table: pd.DataFrame, scale: Scale, ratings: int, planned: int, quota: int = 0, is_over: bool = False
) -> Seen:
    """`table`: the `arms` of the round, of which `ratings` are in; for the others see `round_verdict`."""
    in_time = min(ratings, quota) if quota else ratings
    table = table.iloc[: np.searchsorted(table["place"], in_time, side="right")]
    now = len(table) if scale.paired else int(table["control"].sum())
    look = look_due(planned, now, ratings / quota if quota else 0.0, is_over)
    return Seen(look, _until_look(table, look.ratings, scale.paired), now)


def _until_look(table: pd.DataFrame, blind: int, paired: bool) -> pd.DataFrame:
    """What was in with the first `blind` control ratings: the rest waits for the next look."""
    if paired or blind == 0:
        return table.iloc[:blind]
    control, prompt = table["control"].to_numpy(), table["prompt_id"].to_numpy()
    last = np.flatnonzero(control)[blind - 1]
    # the other half of the last pair belongs to it, whichever of the two was rated first
    late = (prompt == prompt[last]) & ~control
    return table[(np.arange(len(table)) <= last) | late]


def measure_gain(seen: Seen, scale: Scale) -> tuple[Effect, Interval] | None:
    """The gain with its error, and its interval over all looks; None where there is too little to tell."""
    table, look = seen.table, seen.look
    if look.ratings < FEWEST_RATINGS or not _has_both_arms(table, scale.paired):
        return None
    effect = _effect(table, scale)
    prompts = int((table if scale.paired else table[table["control"]])["prompt_id"].nunique())
    # the arms meet on few prompts: how much chance there is is not known better than those can tell
    effect = replace(effect, freedom=min(effect.freedom, 2.0 * (prompts - 1)))
    wide = margin(effect.se, effect.freedom, look.share)
    if scale.paired:
        wide = max(wide, margin(_error_if_alike(effect, look.ratings), math.inf, look.share))
    wide = min(wide, float(scale.high - scale.low))
    return effect, Interval(
        mean=effect.value, low=effect.value - wide, high=effect.value + wide, n=look.ratings
    )


def _error_if_alike(effect: Effect, comparisons: int) -> float:
    """The error of a difference between versions of which neither is better, by as many ties as there are.

    Of a few comparisons all go one way by chance; then they differ little, and the error from how they differ is too
    small. That from how many are no ties is not: each goes either way then, as in a sign test.
    """
    return math.hypot(effect.se, effect.value / math.sqrt(comparisons))


def word_of(gain: Interval) -> Word:
    return HELPED if gain.low > 0 else HURT if gain.high < 0 else OPEN


def arms(frame: pd.DataFrame, traits: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """The ratings of either arm (on scales that compare: those of one with the other), a row each, with `place`, how
    many ratings of the round were in with this one."""
    frame = frame.assign(place=np.arange(1, len(frame) + 1))
    return comparisons_with_control(frame, traits) if scale.paired else _scores_of_arms(frame, traits)


def comparisons_with_control(frame: pd.DataFrame, traits: pd.DataFrame) -> pd.DataFrame:
    """Comparisons of the new version with the control arm: score (above 0 the new one is better), prompt_id,
    response_id, rater_id, length (new minus control)."""
    of = traits.set_index("response_id")
    frame = frame[frame["paired"]]
    first, second = frame["response_id"], frame["other_id"]
    strata = first.map(of["stratum"]), second.map(of["stratum"])
    is_new = [~stratum.isin(("control", *NEITHER_ARM)) for stratum in strata]
    new_first, new_second = is_new[0] & (strata[1] == "control"), is_new[1] & (strata[0] == "control")
    sign = np.where(new_first, -1.0, 1.0)  # a score below 0 says that the first is better
    longer = (second.map(of["length"]) - first.map(of["length"])) * sign
    pair = np.minimum(first, second) * 1e9 + np.maximum(first, second)
    return frame.assign(score=frame["score"] * sign, length=longer, pair=pair)[new_first | new_second]


def _scores_of_arms(frame: pd.DataFrame, traits: pd.DataFrame) -> pd.DataFrame:
    frame = frame[~frame["stratum"].isin(NEITHER_ARM)]
    length = frame["response_id"].map(traits.set_index("response_id")["length"]).astype("float64")
    return frame.assign(control=frame["stratum"] == "control", length=length)


def _has_both_arms(table: pd.DataFrame, paired: bool) -> bool:
    """Enough prompts with control ratings, and ratings of the new version beside them."""
    if paired:
        return int(table["prompt_id"].nunique()) >= FEWEST_PROMPTS
    prompts = int(table[table["control"]]["prompt_id"].nunique())
    return prompts >= FEWEST_PROMPTS and int((~table["control"]).sum()) >= FEWEST_RATINGS


def _effect(table: pd.DataFrame, scale: Scale, with_length: bool = False) -> Effect:
    """The gain; with `with_length` that of responses of the same length."""
    return _model(table, scale, with_length).effect(_contrast(scale, with_length, "arm"))


def _contrast(scale: Scale, with_length: bool, which: Literal["arm", "length"]) -> np.ndarray:
    columns = ["arm"] if scale.paired else ["mean", "arm"]
    return np.array([float(name == which) for name in columns + ["length"] * with_length])


def _model(table: pd.DataFrame, scale: Scale, with_length: bool) -> MixedModel:
    raters = table["rater_id"].nunique()
    use_raters = not scale.paired and raters > 1
    if use_raters and len(table) * raters > LARGEST_TABLE:
        table, use_raters = subtract_offsets(table), False
    prompt = pd.factorize(table["prompt_id"])[0]
    levels = [Level(pd.factorize(table["pair" if scale.paired else "response_id"])[0], 0.8)]
    ones = np.ones(len(table))
    if scale.paired:
        columns = [ones]
    else:
        control = table["control"].to_numpy()
        columns = [ones, (~control).astype(float)]
        levels.append(Level(2 * prompt + control, 0.3))  # a version is better at some prompts than at others
    levels.append(Level(prompt, 0.5 if scale.paired else 1.0))
    if with_length:
        length = table["length"].to_numpy()
        columns.append(length / length.std() if scale.paired else (length - length.mean()) / length.std())
    by_rater = Level(pd.factorize(table["rater_id"])[0], 0.7) if use_raters else None
    return MixedModel(
        table["score"].to_numpy(), np.column_stack(columns), levels, by_rater, rounding=scale.step**2 / 12
    )


def _single_look(effect: Effect, n: int) -> Interval:
    wide = effect.se * float(stats.t.isf((1 - CONFIDENCE) / 2, effect.freedom))
    return Interval(mean=effect.value, low=effect.value - wide, high=effect.value + wide, n=n)


def _ratings_to_settle(error: float, gain: Interval, planned: int, look: Look, worth: float) -> int | None:
    """Until the interval leaves out 0 if the gain is as it looks, or `worth` if it looks smaller than that.

    None where the interval is that narrow already: what is left is not worth knowing.
    """
    if -worth < gain.low and gain.high < worth:
        return None
    now, n = max(abs(gain.mean), worth) / error, gain.n
    # a statistic grows with the root of the ratings, and its bound falls with the root of their share of the plan
    within_plan = FINAL_BOUND * math.sqrt(planned * n) / now
    for ratings in thresholds(planned):
        if not look.is_last and ratings > n and ratings >= within_plan:
            return ratings - n
    return max(1, math.ceil(n * (FINAL_BOUND / now) ** 2) - n)


def _win_rate(table: pd.DataFrame, scale: Scale) -> Interval:
    """Wilson's (1927) interval with one observation a prompt: right for wins and losses, wide for shares."""
    if scale.paired:
        shares = ((1 + table["score"]) / 2).groupby(table["prompt_id"]).mean()
    else:
        shares = _shares_won(subtract_offsets(table), scale.step / 2)
    n, z = len(shares), NORMAL_QUANTILE
    share = float(shares.mean())
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    wide = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Interval(mean=share, low=max(0.0, centre - wide), high=min(1.0, centre + wide), n=n)


def _shares_won(table: pd.DataFrame, tie: float) -> pd.Series:
    """By prompt, of all pairs of a new and a control response the share where the new one is better, ties half."""
    mean = table.groupby(["prompt_id", "control", "response_id"])["score"].mean().reset_index()
    new, old = mean[~mean["control"]], mean[mean["control"]]
    pairs = new.merge(old, on="prompt_id", suffixes=("_new", "_old"))
    ahead = pairs["score_new"] - pairs["score_old"]
    won = np.where(ahead > tie, 1.0, np.where(ahead < -tie, 0.0, 0.5))
    return pd.Series(won, index=pairs["prompt_id"]).groupby(level=0).mean()


def _length_effect(table: pd.DataFrame, scale: Scale, effect: Effect) -> LengthEffect | None:
    """None where all are of one length, or too few were rated to tell."""
    length = table["length"]
    if length.isna().any() or length.std() == 0 or len(table) < 3 * FEWEST_RATINGS:
        return None
    model = _model(table, scale, with_length=True)
    slope = model.effect(_contrast(scale, True, "length"))
    explained = effect.value - model.value(_contrast(scale, True, "arm"))
    wide = _single_look(slope, 0).high - slope.value
    wide = abs(explained / slope.value) * wide if slope.value else 0.0
    if scale.paired:
        difference = float(length.mean())
    else:
        by_arm = table.groupby(["prompt_id", "control"])["length"].mean().unstack().dropna()
        difference = float((by_arm[False] - by_arm[True]).mean()) if len(by_arm) else 0.0
    interval = Interval(mean=explained, low=explained - wide, high=explained + wide, n=len(table))
    return LengthEffect(explained=interval, difference=difference)
