"""Is what people say told by features at all? The evidence for it, against the same answers shuffled.

The statistic is the evidence of "features tell something" over that of "they do not", averaged over weights of blocks
drawn from their prior: of all tests at a given level, the most powerful on average over that prior (Neyman and
Pearson). Its probability under chance comes from permutation and is exact whatever the prior: a rater's scores are
shuffled among that rater's own (so offsets do not matter), the comparisons of a prompt are turned round at random.
"""

import numpy as np
from scipy.linalg import solve_triangular

from ppo.reward.evidence import Kernels
from ppo.reward.hyperparameters import CONSTANT, PRIOR_SD
from ppo.reward.judgements import COMPARISON, SCORE, THUMB, WORSE_THAN_USUAL, Judgements

LEVEL = 0.05
HELD_OUT_LEVEL = 0.1  # what is asked of predictions on unseen prompts beside it
PERMUTATIONS = 999
DRAWS = 32  # of block weights
RESIDUAL, OFFSETS = (
    0.5,
    0.3,
)  # variances of what features do not see, and of raters' offsets, where answers have 1
MOST_JUDGEMENTS = 400  # of more, whole prompts are drawn: chance is then no question


def chance_probability(
    rows: np.ndarray,
    edges: list[slice],
    judgements: Judgements,
    answers: np.ndarray,
    prompts: np.ndarray,
    seed: int,
) -> float:
    """The share of shuffled answers that features tell as well; rows (N, F) standardised, answers (n,), prompts
    (N,)."""
    kept = judgements.kind != WORSE_THAN_USUAL  # always the same answer: nothing could be shuffled
    part, draw = judgements.take(kept), np.random.default_rng(seed)
    shuffled = np.concatenate(
        [answers[kept][None], shuffle(part, answers[kept], prompts, PERMUTATIONS, draw)]
    )
    statistics = feature_evidence(Kernels.of(rows, edges, part), part, shuffled, draw)
    return float((statistics[1:] >= statistics[0] - 1e-9).sum() + 1) / (PERMUTATIONS + 1)


def held_out_probability(predicted: np.ndarray, people: np.ndarray, seed: int) -> float:
    """How often shuffled values of people (N,) correlate as well with what the head says of unseen prompts (N,).

    Evidence alone also finds what only the prompts of these answers have in common (some are rated higher as a
    whole), which is of no use on others. By itself this would be too lenient: hyperparameters were fitted on all
    answers.
    """
    said = predicted - predicted.mean()
    shuffled = np.random.default_rng(seed).permuted(np.tile(people, (PERMUTATIONS, 1)), axis=1) @ said
    return float((shuffled >= people @ said - 1e-9).sum() + 1) / (PERMUTATIONS + 1)


def shuffle(
    judgements: Judgements, answers: np.ndarray, prompts: np.ndarray, times: int, draw: np.random.Generator
) -> np.ndarray:
    """Answers (n,) as they could have been if features told nothing, (times, n); prompts (N,) of the responses.

    What several raters say of a response stays together, since they may well agree on what no feature tells:
    responses with the same raters exchange all of it. Of a prompt's comparisons all are turned round, or none.
    """
    shuffled = np.tile(answers, (times, 1))
    for kind in (SCORE, THUMB):
        for same in _judged_by_the_same(judgements, np.flatnonzero(judgements.kind == kind)):
            order = draw.permuted(np.tile(np.arange(len(same)), (times, 1)), axis=1)
            shuffled[:, same.ravel()] = answers[same][order].reshape(times, -1)
    compared = np.flatnonzero(judgements.kind == COMPARISON)
    names, place = np.unique(prompts[judgements.row[compared]], return_inverse=True)
    shuffled[:, compared] *= draw.choice([-1.0, 1.0], size=(times, len(names)))[:, place]
    return shuffled


def _judged_by_the_same(judgements: Judgements, which: np.ndarray) -> list[np.ndarray]:
    """Judgements `which`, for each set of raters as (responses, raters) in the raters' order."""
    of_response: dict[int, list[int]] = {}
    for i in which[np.lexsort((judgements.rater[which], judgements.row[which]))]:
        of_response.setdefault(int(judgements.row[i]), []).append(int(i))
    by_raters: dict[tuple[int, ...], list[list[int]]] = {}
    for own in of_response.values():
        by_raters.setdefault(tuple(judgements.rater[own].tolist()), []).append(own)
    return [np.array(same) for same in by_raters.values()]


def feature_evidence(
    kernels: Kernels, judgements: Judgements, answers: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Log of the mean evidence over draws of block weights, less that without features, of answers (m, n) → (m,)."""
    spread = np.sqrt(np.mean(answers[0] ** 2)) or 1.0
    level = np.outer(kernels.constant, kernels.constant)
    chance = CONSTANT * level + OFFSETS * kernels.raters + RESIDUAL / 2 * kernels.own
    chance[np.diag_indices_from(chance)] += RESIDUAL / 2
    signal = (1 - RESIDUAL) / len(kernels.blocks)
    weights = signal * np.exp(PRIOR_SD * draw.normal(size=(DRAWS, len(kernels.blocks))))
    targets = answers.T / spread
    found = np.stack([_log_density(chance + np.tensordot(w, kernels.blocks, 1), targets) for w in weights])
    most = found.max(0)
    evidence: np.ndarray = most + np.log(np.exp(found - most).mean(0)) - _log_density(chance, targets)
    return evidence


def _log_density(covariance: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Of a Gaussian at targets (n, m) → (m,), without the constant."""
    factor = np.linalg.cholesky(covariance)
    white = solve_triangular(factor, targets, lower=True, check_finite=False)
    density: np.ndarray = -0.5 * np.einsum("ij,ij->j", white, white) - np.log(np.diag(factor)).sum()
    return density
