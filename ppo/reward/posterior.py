"""What is known of weights and of rated responses, once hyperparameters stand: exact in the number of judgements.

Equivalent weights of a linear kernel: w = S·Aᵀ·α, with S the prior variances of the weights, A what judgements are
about and α = K⁻¹·η (Rasmussen and Williams 2006, §2.1 and algorithm 3.2).
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from ppo.reward.evidence import likelihood_of, same_responses
from ppo.reward.features import differences
from ppo.reward.hyperparameters import Hyperparameters
from ppo.reward.judgements import Judgements
from ppo.reward.laplace import Mode, find_mode

MANY = 2_000  # rows, beyond which products are taken in single precision: noise is 1e5 times its rounding
RANK = 256  # directions in which the posterior of the weights is narrower than the prior, that are kept


@dataclass(frozen=True)
class Posterior:
    """Quality = features · `weights` (F,) + `constant` + a response's own deviation.

    Weights vary as diag(`prior`) − factor·factorᵀ, (F,) and (F, at most RANK). `mean` (N,): quality of each response,
    its own deviation included. `offsets` (R,) of raters.
    """

    weights: np.ndarray
    constant: float
    prior: np.ndarray
    factor: np.ndarray
    mean: np.ndarray
    offsets: np.ndarray


def prior_variances(h: Hyperparameters, edges: list[slice], features: int) -> np.ndarray:
    """Variance of each weight (F,) before anything was said."""
    prior = np.zeros(features)
    for variance, edge in zip(h.blocks, edges, strict=True):
        prior[edge] = variance / (edge.stop - edge.start)
    return prior


def products_of(rows: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Prior covariance (N, N) of the line at rows (N, F); of many rows in single precision, half the time."""
    scaled = (rows * np.sqrt(prior)).astype(np.float32 if len(rows) > MANY else np.float64)
    products: np.ndarray = (scaled @ scaled.T).astype(np.float64)
    return products


def latent_covariance(products: np.ndarray, judgements: Judgements, h: Hyperparameters) -> np.ndarray:
    """Prior covariance (n, n) of what raters feel; `products` (N, N) is that of responses by their features."""
    quality = _about(_about(products, judgements).T, judgements)
    quality += h.own * same_responses(judgements)
    level = judgements.has_offset.astype(np.float64)
    sensitivity = h.sensitivity(judgements)
    quality += h.constant * np.outer(level, level)
    quality *= np.outer(sensitivity, sensitivity)
    if h.offsets:
        quality += h.offsets * (judgements.rater[:, None] == judgements.rater) * np.outer(level, level)
    return quality


def _about(table: np.ndarray, judgements: Judgements) -> np.ndarray:
    """Rows of responses (N, m) → of judgements (n, m)."""
    return differences(table, judgements.row, judgements.other)


def condition(
    rows: np.ndarray,
    edges: list[slice],
    judgements: Judgements,
    answers: np.ndarray,
    h: Hyperparameters,
    weight: np.ndarray,
) -> Posterior:
    """The posterior after all judgements; rows (N, F) standardised features, answers (n,), weight (n,)."""
    prior = prior_variances(h, edges, rows.shape[1])
    products = products_of(rows, prior)
    mode = find_mode(
        latent_covariance(products, judgements, h), likelihood_of(judgements, h, answers, weight)
    )
    sensitivity = h.sensitivity(judgements)
    pull = sensitivity * mode.alpha
    weights = prior * (_about(rows, judgements).T @ pull)
    level = judgements.has_offset
    constant = float(h.constant * pull[level].sum())
    own = h.own * onto_responses(pull, judgements)
    mean = rows @ weights + constant + own
    return Posterior(
        weights,
        constant,
        prior,
        _narrower(rows, prior, judgements, sensitivity, mode),
        mean,
        h.offsets * np.bincount(judgements.rater, mode.alpha * level, len(judgements.rater_ids)),
    )


def onto_responses(values: np.ndarray, judgements: Judgements) -> np.ndarray:
    """Values of judgements (n,) → their sum on each response (N,), less where it was compared with."""
    total = np.bincount(judgements.row, values, judgements.responses)
    compared = judgements.compared
    total -= np.bincount(judgements.other[compared], values[compared], judgements.responses)
    return total


def _narrower(
    rows: np.ndarray, prior: np.ndarray, judgements: Judgements, sensitivity: np.ndarray, mode: Mode
) -> np.ndarray:
    """C (F, r): the weights' covariance is diag(prior) − C·Cᵀ; exact up to RANK judgements.

    Of more, Nyström's approximation M·Ω·(Ωᵀ·M·Ω)⁻¹·Ωᵀ·M of what the judgements took away, M. It never takes away
    more than M does (its Schur complement is positive), so what is cut leaves the head less sure and never more.
    """
    about = _about(rows, judgements) * np.sqrt(prior)
    about *= sensitivity[:, None]
    if len(about) <= RANK:
        narrower: np.ndarray = mode.whiten(about.copy()).T * np.sqrt(prior)[:, None]
        return narrower
    # one power iteration on a random start finds the directions that judgements say most of
    directions = np.random.default_rng(0).normal(size=(len(about), RANK))
    directions, _ = np.linalg.qr(about.T @ mode.solve(directions))
    taken = about.T @ mode.solve(about @ directions)
    inner = directions.T @ taken
    inner = (inner + inner.T) / 2
    if np.trace(inner) <= 0:  # responses that no feature tells apart: nothing was learned of any weight
        return np.zeros((len(prior), 1))
    inner[np.diag_indices(RANK)] += 1e-9 * np.trace(inner) / RANK
    cut: np.ndarray = solve_triangular(cholesky(inner, lower=True), taken.T, lower=True).T
    return cut * np.sqrt(prior)[:, None]
