"""Ridge regression by its kernel: many fits on parts of the same responses cost little once the products are there."""

import numpy as np

PENALTIES = np.logspace(-3, 2, 21)  # ridge penalties tried, per response, for kernels of unit mean diagonal
EXTRA_WEIGHT = 0.5  # length and ending beside the hidden blocks, each of weight 1/√blocks; measured


def block_weights(features: int) -> np.ndarray:
    """What each standardised feature counts (F,): the hidden ones together 1, the two extras EXTRA_WEIGHT²."""
    hidden = np.full(features - 2, 1 / np.sqrt(features - 2))
    return np.concatenate([hidden, np.full(2, EXTRA_WEIGHT / np.sqrt(2))])


def kernel_of(rows: np.ndarray) -> np.ndarray:
    """rows (N, F), each feature weighed → centred products (N, N) with a mean diagonal of 1."""
    centred = rows - rows.mean(0)
    kernel: np.ndarray = centred @ centred.T
    return kernel / max(float(np.diag(kernel).mean()), 1e-12)


def predict(kernel: np.ndarray, train: np.ndarray, ratings: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """What a line fitted on the rows `train` with `ratings` says of the rows `wanted`, by the kernel of all of them.

    The penalty is that of least leave-one-out error: (Hastie, Tibshirani, Friedman, Elements of Statistical Learning,
    §7.10). `train` (n,) and `wanted` (m,) are row numbers; returns (m,).
    """
    n, mean = len(train), float(ratings.mean())
    inner, outer = kernel[np.ix_(train, train)], kernel[np.ix_(wanted, train)]
    row_means = inner.mean(0)
    outer = outer - outer.mean(1, keepdims=True) - row_means + row_means.mean()
    inner = inner - row_means - row_means[:, None] + row_means.mean()
    eigenvalues, vectors = np.linalg.eigh(inner)
    eigenvalues = np.maximum(eigenvalues, 0.0)
    target = vectors.T @ (ratings - mean)
    best: tuple[float, np.ndarray] | None = None
    for penalty in PENALTIES * n:
        kept = eigenvalues / (eigenvalues + penalty)
        leverage = np.minimum(1 / n + vectors**2 @ kept, 1 - 1e-9)
        residual = (ratings - mean - vectors @ (kept * target)) / (1 - leverage)
        error = float(np.mean(residual**2))
        if best is None or error < best[0]:
            best = (error, vectors @ (target / (eigenvalues + penalty)))
    assert best is not None
    predicted: np.ndarray = mean + outer @ best[1]
    return predicted
