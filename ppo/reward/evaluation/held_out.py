"""What the head says of responses whose prompts it was not fitted on, all folds from one decomposition.

Leaving out judgements I of all turns α into α − R·(R_II)⁻¹·α_I on the others, with R = (K + W⁻¹)⁻¹ (the inverse of a
block; Rasmussen and Williams 2006, §5.4.2). Exact for scores. Of thumbs and comparisons, curvature and slope stay
those of the common mode.
"""

from collections.abc import Iterable

import numpy as np
from sklearn.model_selection import GroupKFold

from ppo.reward.evidence import likelihood_of
from ppo.reward.features import differences
from ppo.reward.hyperparameters import Hyperparameters
from ppo.reward.judgements import Judgements
from ppo.reward.laplace import find_mode
from ppo.reward.posterior import latent_covariance, prior_variances, products_of


class HeldOut:
    """The line of a head with given hyperparameters, fitted on some prompts and read on others.

    `rows` (N, F) standardised features of the judged responses, `answers` (n,) scores standardised.
    """

    def __init__(
        self,
        rows: np.ndarray,
        edges: list[slice],
        judgements: Judgements,
        answers: np.ndarray,
        h: Hyperparameters,
        weight: np.ndarray,
    ) -> None:
        products = products_of(rows, prior_variances(h, edges, rows.shape[1]))
        mode = find_mode(
            latent_covariance(products, judgements, h), likelihood_of(judgements, h, answers, weight)
        )
        self._judgements, self._alpha, self._inverse = judgements, mode.alpha, mode.inverse()
        pull = h.sensitivity(judgements)
        # (N, n): what α of a judgement adds to the line at a response
        self._line = differences(products, judgements.row, judgements.other).T * pull

    def predict(self, left_out: np.ndarray) -> np.ndarray:
        """What a head says of all responses (N,) that no judgement of `left_out` (n,) bool taught.

        Without the constant: a fold of high ratings leaves a low mean to the others, so that means alone would agree
        *negatively* with people (−0.2 on random ratings).
        """
        inside, alpha = np.flatnonzero(left_out), self._alpha.copy()
        if len(inside):
            block = self._inverse[np.ix_(inside, inside)]
            alpha -= self._inverse[:, inside] @ np.linalg.solve(block, alpha[inside])
            alpha[inside] = 0.0
        said: np.ndarray = self._line @ alpha
        return said

    def cross_validated(self, prompts: np.ndarray, folds: int) -> np.ndarray:
        """What heads fitted on the other folds' prompts say of each response, (N,)."""
        predicted = np.zeros(len(prompts))
        for held_out in prompt_folds(prompts, folds):
            predicted[held_out] = self.predict(held_out[self._judgements.row])[held_out]
        return predicted


def prompt_folds(prompts: np.ndarray, folds: int) -> Iterable[np.ndarray]:
    """For each fold which responses are in it, (N,) bool; a prompt's responses stay together."""
    many = min(folds, len(np.unique(prompts)))
    for _, inside in GroupKFold(many).split(prompts, groups=prompts):
        held_out = np.zeros(len(prompts), dtype=bool)
        held_out[inside] = True
        yield held_out
