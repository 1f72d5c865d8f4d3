"""What is a rater's habit and what a response's quality.

Left out on purpose: rater-specific scales (slopes), because a few dozen ratings a head cannot tell a slope from noise.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import sparse

from rater_data.records import RatedResponse
from rater_data.statistics.bradley_terry import strengths
from rater_data.statistics.score_frame import score_frame, shared_rows


def corrected_scores(rated: Iterable[RatedResponse]) -> dict[int, float]:
    """For each response the mean of its raters' scores with their offsets taken off, in points of the scale.

    A strict rater's 10 may lie above the scale: that is what it says about the response. Of comparisons, the
    strength of every response that was compared: see `bradley_terry`.
    """
    rated = list(rated)
    frame = score_frame(rated)
    if frame["paired"].any():
        return strengths(rated)
    means = subtract_offsets(frame).groupby("response_id")["score"].mean()
    return {int(response): float(score) for response, score in means.items()}


def subtract_offsets(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of a frame without their raters' offsets; comparisons stay as they are."""
    if frame["paired"].any():
        return frame  # which of two is better is no matter of being strict
    offsets = pd.Series(rater_offsets(frame), dtype="float64")
    return frame.assign(score=frame["score"] - frame["rater_id"].map(offsets).astype("float64"))


def rater_offsets(frame: pd.DataFrame) -> dict[int, float]:
    """How much higher each rater scores than the others, in points: additive offsets by empirical Bayes.

    Weighted by ratings they average to 0. On shared responses a rater is compared on the same text (two-way least
    squares: response + rater). On the others all that can be said is how far their mean is from everybody's, which is
    noisier: texts differ. The two are weighted by their precision, then shrunk by tau² / (tau² + se²), with tau² by
    the method of moments (DerSimonian and Laird 1986).
    """
    raters = sorted(frame["rater_id"].unique())
    if len(raters) < 2:
        return dict.fromkeys(map(int, raters), 0.0)
    shared = shared_rows(frame)
    alone = frame.drop(shared.index)
    estimates, precision = np.zeros(len(raters)), np.zeros(len(raters))
    if len(shared):
        effects, noise = two_way_effects(shared, raters)
        ratings = shared.groupby("rater_id")["response_id"].count().reindex(raters, fill_value=0).to_numpy()
        weight = ratings / max(noise, 1e-6)
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


def two_way_effects(shared: pd.DataFrame, raters: list[int]) -> tuple[np.ndarray, float]:
    """Rater effects (mean 0 over raters who share) and noise variance of score = response + rater + noise."""
    rater = pd.Index(raters).get_indexer(shared["rater_id"])
    response, responses = pd.factorize(shared["unit"])
    score = shared["score"].to_numpy()
    # Response effects are taken out by centring within responses: what is left are normal equations of one row a
    # rater, of which nothing grows with ratings times raters
    shape = (len(responses), len(raters))
    incidence = sparse.csr_matrix((np.ones(len(shared)), (response, rater)), shape=shape)
    ratings = np.bincount(response)
    share = sparse.diags(1 / ratings) @ incidence
    equations = np.diag(np.bincount(rater, minlength=len(raters))) - (incidence.T @ share).toarray()
    right_side = np.bincount(rater, score, len(raters)) - share.T @ np.bincount(response, score)
    effects, _, rank, _ = np.linalg.lstsq(equations, right_side, rcond=None)
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
