"""A linear model of hashed rows: a weight for each, rare ones weighed more."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from soc_copilot.detection.phishing.hashing import Bags, Floats32
from soc_copilot.detection.phishing.training.fit import Floats64

_MAX_STEPS: Final = 60  # chosen: it has settled by then


def weighed(
    found: Bags, n_fields: int, bits: int, fields: Sequence[int] | None
) -> tuple[csr_matrix, Floats32]:
    """Samples as rows of a matrix, and each table row's weight by rarity, which is in it.

    Args:
        found: Bags of samples.
        n_fields: Of a sample.
        bits: The table has 2**bits rows.
        fields: The bags that are read; None for all.
    """
    counts = np.diff(found.offsets)
    shares = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    if fields is not None:
        field = np.repeat(np.arange(len(counts)) % n_fields, counts)
        shares[~np.isin(field, list(fields))] = 0.0
    starts = found.offsets[::n_fields].astype(np.int32)
    n_samples = len(starts) - 1
    # A copy: rows are put in order in place.
    matrix = csr_matrix((shares, found.rows.copy(), starts), shape=(n_samples, 1 << bits))
    matrix.eliminate_zeros()
    matrix.sum_duplicates()
    having = np.bincount(matrix.indices, minlength=1 << bits)
    usual = np.log((1.0 + n_samples) / (1.0 + having)) + 1.0
    # What one sample alone has says nothing of others.
    idf: Floats32 = np.where(having >= 2, usual, 0.0).astype(np.float32)
    matrix.data *= idf[matrix.indices]
    return matrix, idf


def solved(
    matrix: csr_matrix,
    targets: Floats64,
    weights: Floats64,
    strength: float,
    n_steps: int = _MAX_STEPS,
) -> tuple[torch.Tensor, float]:
    """Weights of the columns, and the bias, that make the loss least.

    Args:
        matrix: Samples as rows.
        targets: In [0, 1].
        weights: Of each sample in the loss.
        strength: Of the loss beside the weights' squares.
        n_steps: At most.
    """
    n = len(targets)
    turned = matrix.T

    def loss(held: Floats64) -> tuple[float, Floats64]:
        inner = matrix @ held[:-1].astype(np.float32) + held[-1]
        each = weights * (np.logaddexp(0.0, inner) - targets * inner)
        wrong = weights * (1.0 / (1.0 + np.exp(-inner)) - targets)
        slope = turned @ wrong.astype(np.float32)
        whole = np.append(strength * slope + held[:-1], strength * wrong.sum()) / n
        return float((strength * each.sum() + 0.5 * (held[:-1] ** 2).sum()) / n), whole

    start = np.zeros(matrix.shape[1] + 1)
    options = {"maxiter": n_steps}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return torch.from_numpy(found[:-1].astype(np.float32)), float(found[-1])
