"""How far raters agree, and what they say once their habits are taken off.

Everything works on scores as training reads them (`Verdict.as_score`): broken and unsafe are the lowest
point, skip and cannot judge are left out. Comparisons are numbers from −1 (the first is better) to 1 on
their own, and become scores of single responses in `comparing`. Statistics come from krippendorff and scipy;
left out on purpose: rater-specific scales (slopes), because a few dozen ratings a head cannot tell a slope from
noise.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import krippendorff
import numpy as np
import pandas as pd
from scipy import sparse, stats

from rater_data.lifecycle import Interval
from rater_data.records import RatedResponse, Rating
from rater_data.scales import SCALES, VERDICTS
from rater_data.statistics.bradley_terry import strengths

CONFIDENCE = 0.95
RESAMPLES = 200
FEWEST_SHARED = 5  # a correlation of fewer points says nothing
COLUMNS = ["response_id", "other_id", "rater_id", "score"]


def training_score(rating: Rating) -> float | None:
    """What training reads of a rating, in points of its scale; None teaches nothing."""
    return VERDICTS[rating.verdict].as_score(rating.score, SCALES[rating.scale])


def frame_of(rated: Iterable[RatedResponse]) -> pd.DataFrame:
    """One row a rating that teaches something.

    Response_id, rater_id, prompt_id, round, version, stratum, score, other_id (NaN where nothing was compared), paired.
    """
    rows = [
        (
            one.rating.response_id,
            one.rating.rater_id,
            one.response.prompt_id,
            one.response.round_number,
            one.response.version_number,
            one.response.stratum,
            score,
            one.rating.other_id,
        )
        for one in rated
        if (score := training_score(one.rating)) is not None
    ]
    columns = ["response_id", "rater_id", "prompt_id", "round", "version", "stratum", "score", "other_id"]
    frame = pd.DataFrame(rows, columns=columns).astype({"score": "float64", "other_id": "float64"})
    return frame.assign(paired=frame["other_id"].notna())


def alpha(rated: Iterable[RatedResponse | Rating]) -> Interval | None:
    """Krippendorff's alpha (interval level) with a 95 % bootstrap interval over what was judged.

    1 = perfect, 0 = chance. `n` is the number of responses with two or more raters, of comparisons that of the same
    two responses; None when there are fewer than two of them, or when everybody always said the same. A row with a
    rating's columns does as well as the record. Source: Krippendorff, Content Analysis (2004), ch. 11.
    """
    ratings = [one.rating if isinstance(one, RatedResponse) else one for one in rated]
    rows = [
        (r.response_id, r.other_id, r.rater_id, s) for r in ratings if (s := training_score(r)) is not None
    ]
    return alpha_of(pd.DataFrame(rows, columns=COLUMNS).astype({"score": "float64", "other_id": "float64"}))


def alpha_of(frame: pd.DataFrame, most: int | None = None) -> Interval | None:
    """As `alpha`, of a frame with response_id, rater_id, score and, where any are compared, other_id.

    `most`: of how many units at most, drawn at random and always the same.
    """
    shared = _shared(frame)
    units = shared["unit"].unique()
    if most is not None and len(units) > most:
        drawn = np.random.default_rng(0).choice(np.sort(units), most, replace=False)
        shared = shared[shared["unit"].isin(drawn)]
    paired = "other_id" in shared and shared["other_id"].notna().any()
    given = shared["score"]
    values = np.unique(np.concatenate([given, 0 - given]) if paired else given)
    if len(units) < 2 or len(values) < 2:
        return None
    table = shared.pivot(index="rater_id", columns="unit", values="score").to_numpy()
    # (units, values): how often each value was given to each unit
    counts = np.stack([(table == value).sum(axis=0) for value in values], axis=1)
    found = _alpha_of(counts, values, paired)
    counts = _by_content(counts, paired)
    random = np.random.default_rng(0)
    draws = (counts[random.integers(0, len(counts), len(counts))] for _ in range(RESAMPLES))
    spread = [a for draw in draws if (a := _alpha_of(draw, values, paired)) is not None]
    if found is None or not spread:
        return None
    low, high = np.quantile(spread, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(mean=found, low=float(low), high=float(high), n=len(counts))


def _by_content(counts: np.ndarray, paired: bool) -> np.ndarray:
    """The units in an order of what was said of them: an equal store with other ids draws the same ones.

    Comparisons are first told from one side that does not go by ids either.
    """
    if paired:
        more = counts - counts[:, ::-1]
        first = (more != 0).argmax(axis=1)
        turned = more[np.arange(len(more)), first] < 0
        counts = np.where(turned[:, None], counts[:, ::-1], counts)
    return counts[np.lexsort(counts.T[::-1])]


def _alpha_of(counts: np.ndarray, values: np.ndarray, paired: bool) -> float | None:
    """Of comparisons each is told from both sides: which of the two was named first decides nothing."""
    if paired:
        counts = np.concatenate([counts, counts[:, ::-1]])
    if (counts.sum(axis=0) > 0).sum() < 2:
        return None
    return float(
        krippendorff.alpha(value_counts=counts, value_domain=values, level_of_measurement="interval")
    )


def _units(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `unit`: the response that was scored, or the two that were compared, whichever came first.

    A with B and B with A are one unit, told from the side of the lower id. What one rater said of the same two twice
    is one answer, their mean.
    """
    if "other_id" not in frame or frame["other_id"].isna().all():
        return frame.assign(unit=frame["response_id"])
    first = frame["response_id"].astype("float64")
    other = frame["other_id"].fillna(first)
    unit = frame.groupby([np.minimum(first, other), np.maximum(first, other)]).ngroup()
    frame = frame.assign(unit=unit, score=frame["score"].where(first <= other, 0 - frame["score"]))
    frame["score"] = frame.groupby(["unit", "rater_id"])["score"].transform("mean")
    return frame.drop_duplicates(["unit", "rater_id"])


def _shared(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of units that two or more raters judged."""
    frame = _units(frame)
    return frame[frame.groupby("unit")["rater_id"].transform("nunique") > 1]


def rater_offsets(rated: Iterable[RatedResponse]) -> dict[int, float]:
    """How much higher each rater scores than the others, in points, shrunk towards 0 by how little is known.

    See `offsets_of`. The offsets, weighted by ratings, average to 0.
    """
    return offsets_of(frame_of(rated))


def offsets_of(frame: pd.DataFrame) -> dict[int, float]:
    """Additive offsets by empirical Bayes.

    On shared responses a rater is compared on the same text (two-way least squares: response + rater). On the
    others all that can be said is how far their mean is from everybody's, which is noisier: texts differ. The
    two are weighted by their precision, then shrunk by tau² / (tau² + se²), with tau² by the method of
    moments (DerSimonian and Laird 1986).
    """
    raters = sorted(frame["rater_id"].unique())
    if len(raters) < 2:
        return dict.fromkeys(map(int, raters), 0.0)
    shared, alone = _shared(frame), frame.drop(_shared(frame).index)
    estimates, precision = np.zeros(len(raters)), np.zeros(len(raters))
    if len(shared):
        effects, noise = _two_way(shared, raters)
        given = shared.groupby("rater_id")["response_id"].count().reindex(raters, fill_value=0).to_numpy()
        weight = given / max(noise, 1e-6)
        estimates, precision = effects * weight, weight
    if len(alone) > 1 and (spread := float(alone["score"].var())) > 0:
        own = alone.groupby("rater_id")["score"].agg(["mean", "count"]).reindex(raters).fillna(0.0)
        weight = own["count"].to_numpy() / spread
        estimates = estimates + weight * (own["mean"].to_numpy() - float(alone["score"].mean()))
        precision = precision + weight
    known = precision > 0
    raw = np.divide(estimates, precision, out=np.zeros(len(raters)), where=known)
    shrunk = raw * _shrinkage(raw, precision, known)
    counts = frame.groupby("rater_id")["score"].count().reindex(raters).to_numpy()
    shrunk -= np.average(shrunk, weights=counts)
    return {int(rater): float(offset) for rater, offset in zip(raters, shrunk, strict=True)}


def _two_way(shared: pd.DataFrame, raters: list[int]) -> tuple[np.ndarray, float]:
    """Rater effects (mean 0 over raters who share) and noise variance of score = response + rater + noise."""
    rater = pd.Index(raters).get_indexer(shared["rater_id"])
    response, responses = pd.factorize(shared["unit"])
    score = shared["score"].to_numpy()
    # Response effects are taken out by centring within responses: what is left are normal equations of one row a
    # rater, of which nothing grows with ratings times raters
    shape = (len(responses), len(raters))
    given = sparse.csr_matrix((np.ones(len(shared)), (response, rater)), shape=shape)
    ratings = np.bincount(response)
    share = sparse.diags(1 / ratings) @ given
    equations = np.diag(np.bincount(rater, minlength=len(raters))) - (given.T @ share).toarray()
    wanted = np.bincount(rater, score, len(raters)) - share.T @ np.bincount(response, score)
    effects, _, rank, _ = np.linalg.lstsq(equations, wanted, rcond=None)
    left = score - effects[rater]
    residual = left - (np.bincount(response, left) / ratings)[response]
    freedom = max(1, len(shared) - len(responses) - int(rank))
    present = np.isin(np.arange(len(raters)), rater)
    return np.where(present, effects - effects[present].mean(), 0.0), float(residual @ residual) / freedom


def _shrinkage(raw: np.ndarray, precision: np.ndarray, known: np.ndarray) -> np.ndarray:
    """tau² / (tau² + se²) for each rater; 0 for those of whom nothing is known."""
    w, x = precision[known], raw[known]
    shrink = np.zeros(len(raw))
    if len(w) < 2:
        return shrink
    centre = np.average(x, weights=w)
    excess = float(w @ (x - centre) ** 2) - (len(w) - 1)
    tau2 = max(0.0, excess / float(w.sum() - (w**2).sum() / w.sum()))
    shrink[known] = tau2 / (tau2 + 1 / w)
    return shrink


def corrected_scores(rated: Iterable[RatedResponse]) -> dict[int, float]:
    """For each response the mean of its raters' scores with their offsets taken off, in points of the scale.

    A strict rater's 10 may lie above the scale: that is what it says about the response. Of comparisons, the
    strength of every response that was compared: see `comparing`.
    """
    rated = list(rated)
    frame = frame_of(rated)
    if frame["paired"].any():
        return strengths(rated)
    return {int(i): float(s) for i, s in _corrected(frame).groupby("response_id")["score"].mean().items()}


def weights(rated: Iterable[RatedResponse]) -> dict[int, int]:
    """How many ratings stand behind each corrected score."""
    rated = list(rated)
    compared = Counter(
        i
        for one in rated
        if one.rating.other_id is not None and training_score(one.rating) is not None
        for i in (one.rating.response_id, one.rating.other_id)
    )
    if compared:
        return dict(compared)
    return {int(i): int(n) for i, n in frame_of(rated).groupby("response_id")["score"].count().items()}


def _corrected(frame: pd.DataFrame) -> pd.DataFrame:
    if frame["paired"].any():
        return frame  # which of two is better is no matter of being strict
    offsets = pd.Series(offsets_of(frame), dtype="float64")
    return frame.assign(score=frame["score"] - frame["rater_id"].map(offsets).astype("float64"))


def help_interval(rated: Iterable[RatedResponse], round_number: int) -> Interval | None:
    """Did the last training help? The version that wrote this round minus the one before it, in points.

    Both answered the same prompts in this round, blind to the raters; paired by prompt, with a 95 %
    t-interval. `n` is the number of prompts; None below two of them. Of comparisons, the difference of the
    strengths, which both lie between −1 and 1.
    """
    rated = list(rated)
    frame = frame_of(rated)
    if not frame["paired"].any():
        return help_of(frame, round_number)
    found = strengths(one for one in rated if one.response.round_number == round_number)
    frame = frame[frame["round"] == round_number].drop_duplicates("response_id")
    return _help(frame.assign(score=frame["response_id"].map(found)))


def help_of(frame: pd.DataFrame, round_number: int) -> Interval | None:
    """As `help_interval`, of a frame as `frame_of` makes it, without comparisons."""
    frame = _corrected(frame)
    return _help(frame[frame["round"] == round_number])


def _help(frame: pd.DataFrame) -> Interval | None:
    old = frame[frame["stratum"] == "control"].groupby("prompt_id")["score"].mean()
    others = frame[~frame["stratum"].isin(["control", "anchor", "imported"])]
    gains = (others.groupby("prompt_id")["score"].mean() - old).dropna().to_numpy()
    if len(gains) < 2:
        return None
    mean, error = float(gains.mean()), float(stats.sem(gains))
    margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(gains) - 1)) * error
    return Interval(mean=mean, low=mean - margin, high=mean + margin, n=len(gains))


def noise_sd(rated: Iterable[RatedResponse]) -> float | None:
    """How far one rating lies from what the raters of a response agree on, offsets taken off: sd in points.

    None when no response was rated twice.
    """
    frame = frame_of(rated)
    shared = _shared(frame)
    if shared.empty:
        return None
    return float(np.sqrt(_two_way(shared, sorted(shared["rater_id"].unique()))[1]))


def human_ceiling(rated: Iterable[RatedResponse]) -> dict[str, float | int | None] | None:
    """How well one rater foretells the others on shared responses: what a reward model could at best reach.

    {"spearman", "pair_accuracy", "n"}: rank correlation with the others' mean, the share of pairs within a
    prompt that are put in the same order, and the number of ratings compared. None below five.
    """
    shared = _shared(_corrected(frame_of(rated)))
    if len(shared) < FEWEST_SHARED:
        return None
    shared = shared.assign(others=_mean_of_others(shared))
    right = pairs = 0
    for own, theirs in _orders(shared):
        decided = (own != 0) & (theirs != 0)
        right += int((own == theirs)[decided].sum())
        pairs += int(decided.sum())
    both = _both_ways(shared) if shared["paired"].any() else shared
    return {
        "spearman": _spearman(both["score"], both["others"]),
        "pair_accuracy": right / pairs if pairs else None,
        "n": len(shared),
    }


def _orders(shared: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Which of two is better, −1, 0 or 1: what raters said, and what the others of them said, of many pairs."""
    if shared["paired"].any():
        yield np.sign(shared["score"].to_numpy()), np.sign(shared["others"].to_numpy())
        return
    for _, group in shared.groupby(["round", "prompt_id", "rater_id"]):
        upper = np.triu_indices(len(group), 1)
        sides = (
            np.sign(np.subtract.outer(s.to_numpy(), s.to_numpy()))[upper]
            for s in (group["score"], group["others"])
        )
        own, theirs = sides
        yield own, theirs


def agreement_by_rater(frame: pd.DataFrame) -> dict[int, float]:
    """Spearman correlation of each rater with the mean of the others on shared responses, five or more."""
    shared = _shared(frame)
    shared = shared.assign(others=_mean_of_others(shared))
    return agreement_of_pairs(
        shared[["rater_id", "score", "others"]].to_numpy(), bool(shared["paired"].any())
    )


def agreement_of_pairs(shared: Iterable[Sequence[float]], paired: bool = False) -> dict[int, float]:
    """As `agreement_by_rater`, of (rater, score, mean of the others) for each rating of a shared response.

    `paired`: the ratings are comparisons.
    """
    # rows of a database are slow to make an array of, their numbers are not
    numbers = np.fromiter(chain.from_iterable(shared), dtype="float64").reshape(-1, 3)
    frame = pd.DataFrame(numbers, columns=["rater_id", "score", "others"])
    found = {}
    for rater, group in frame.groupby("rater_id"):
        both = _both_ways(group) if paired else group
        correlation = _spearman(both["score"], both["others"]) if len(group) >= FEWEST_SHARED else None
        if correlation is not None:
            found[int(rater)] = correlation
    return found


def _mean_of_others(shared: pd.DataFrame) -> pd.Series:
    groups = shared.groupby("unit")["score"]
    return (groups.transform("sum") - shared["score"]) / (groups.transform("count") - 1)


def _both_ways(shared: pd.DataFrame) -> pd.DataFrame:
    """Comparisons told from both sides: which of two was named first decides nothing."""
    turned = {name: 0 - shared[name] for name in ("score", "others")}
    return pd.concat([shared, shared.assign(**turned)])


def _spearman(a: pd.Series, b: pd.Series) -> float | None:
    # constant scores have no ranks; scipy would warn and give nan
    if a.nunique() < 2 or b.nunique() < 2:
        return None
    return float(stats.spearmanr(a, b).statistic)
