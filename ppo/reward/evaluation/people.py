"""What people say of each response when no feature is read: what a head is compared with."""

from dataclasses import replace

import numpy as np

from ppo.reward.evidence import likelihood_of
from ppo.reward.hyperparameters import Hyperparameters
from ppo.reward.judgements import Judgements
from ppo.reward.laplace import find_mode
from ppo.reward.posterior import latent_covariance, onto_responses


def values_of_people(judgements: Judgements, answers: np.ndarray, h: Hyperparameters) -> np.ndarray:
    """The value (N,) of each response by its own judgements, in standardised points or logits.

    Of scores the mean of its raters', offsets taken off; of comparisons Davidson's strengths. Responses are taken for
    independent of each other, with the variance that quality has by the hyperparameters, and slopes for 1: a head
    shall not be compared with what it did to the raters.
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
    return constant + plain.own * onto_responses(pull, judgements)
