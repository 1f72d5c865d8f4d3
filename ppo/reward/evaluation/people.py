"""What people say of each response when no feature is read: what a head is compared with."""

from dataclasses import dataclass, replace

import numpy as np

from ppo.reward.evidence import likelihood_of
from ppo.reward.hyperparameters import Hyperparameters
from ppo.reward.judgements import SCORE, Judgements
from ppo.reward.laplace import find_mode
from ppo.reward.posterior import latent_covariance, onto_responses

DECIMALS = (
    9  # the same scores by the same raters are the same value: rounding's noise must not tell them apart
)


@dataclass(frozen=True)
class PeoplesValues:
    """The value (N,) of each response by its own judgements, in standardised points or logits, offsets taken off.

    `known`: the posterior mean, where one rating counts for less than four: what ranks are compared with. `said`: of
    scores their plain mean, which is right on average, so that sizes can be compared with it: against shrunken values
    a head that is as sure as it may be would look as if it promised too much. Comparisons and thumbs have no such
    mean (who won all would be better without end); of them the two are the same, and sizes are understated.
    """

    known: np.ndarray
    said: np.ndarray


def values_of_people(judgements: Judgements, answers: np.ndarray, h: Hyperparameters) -> PeoplesValues:
    """Of scores without offsets, of comparisons Davidson's strengths; answers (n,) standardised.

    Responses are taken for independent of each other, with the variance that quality has by the hyperparameters, and
    slopes for 1: a head shall not be compared with what it did to the raters.
    """
    plain = replace(
        h,
        own=h.own + float(h.blocks.sum()),
        slopes=np.ones_like(h.slopes),
        rater_noise=np.ones_like(h.rater_noise),
    )
    nothing = np.zeros((judgements.responses, 1))
    covariance = latent_covariance(nothing @ nothing.T, judgements, plain)
    mode = find_mode(covariance, likelihood_of(judgements, plain, answers))
    pull = plain.sensitivity(judgements) * mode.alpha
    constant = plain.constant * float(pull[judgements.has_offset].sum())
    known = np.round(constant + plain.own * onto_responses(pull, judgements), DECIMALS)
    scored = judgements.kind == SCORE
    rows, left = judgements.row[scored], (answers - mode.eta)[scored]
    scores = np.bincount(rows, minlength=judgements.responses)
    said = known + np.bincount(rows, left, judgements.responses) / np.maximum(1, scores)
    return PeoplesValues(known, np.round(said, DECIMALS))
