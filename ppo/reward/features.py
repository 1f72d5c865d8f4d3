"""Features of responses as the head reads them: standardised, held in bounds, and in blocks with a weight each.

A row is the mean over a response's tokens of the reference's hidden states at some depths, one block each, then the
response's length and whether it ended by itself, each a block of its own.
"""

from dataclasses import dataclass

import numpy as np

MAX_DEVIATIONS = 4.0  # a feature further than this many standard deviations out is held there
SMALLEST_SPREAD = 1e-6
EXTRAS = 2  # length and ending


@dataclass(frozen=True)
class Standard:
    """What is usual: `centre` and `scale` (F,) of the responses that the head was fitted on."""

    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Standard":
        """Of features (N, F)."""
        return cls(features.mean(0), np.maximum(features.std(0), SMALLEST_SPREAD))

    def apply(self, features: np.ndarray) -> np.ndarray:
        """features (N, F) → in standard deviations from what is usual."""
        rows: np.ndarray = np.clip((features - self.centre) / self.scale, -MAX_DEVIATIONS, MAX_DEVIATIONS)
        return rows


def block_edges(features: int, depths: int) -> list[slice]:
    """Which of F features make one block: each of the `depths` hidden states, length, ending."""
    hidden = features - EXTRAS
    assert hidden % depths == 0, "every depth has as many features"
    size = hidden // depths
    blocks = [slice(d * size, (d + 1) * size) for d in range(depths)]
    return [*blocks, *(slice(hidden + e, hidden + e + 1) for e in range(EXTRAS))]


def differences(rows: np.ndarray, row: np.ndarray, other: np.ndarray) -> np.ndarray:
    """What judgements are about: rows[row], less rows[other] where there is one (`other` ≥ 0). (N, F) → (n, F)."""
    about: np.ndarray = rows[row]
    compared = other >= 0
    if compared.any():
        about[compared] -= rows[other[compared]]
    return about
