"""Fits the URL model's table: what each hashed n-gram or word says, in four weights.

A linear model tells what a row adds to the others of a URL. Beside it stand plain counts: how much
more often phish have the row than benign ones, and how often either has it. What hardly any benign
URL has is no proof, but trees learn where it matters.
"""

from typing import Final, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix

from soc_copilot.detection.phishing.hashing import Floats32
from soc_copilot.detection.phishing.stacked import N_WEIGHTS
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Samples
from soc_copilot.detection.phishing.training.linear import solved, weighed

_PRIOR: Final = 0.5  # chosen: samples of each label that have a row, before any was seen
_LEAST: Final = 1.5  # chosen: what one sample alone has says nothing of others


class Table(NamedTuple):
    """The table, as it will be stored.

    Attributes:
        weights: As `Stacked.weights`.
        bias: Of the linear model.
    """

    weights: torch.Tensor
    bias: float


def fit_table(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices,
    bits: int, strength: float, n_steps: int,
) -> Table:  # fmt: skip
    """The table fitted to the chosen samples.

    Args:
        samples: Of any number.
        targets: In [0, 1].
        weights: Of each sample.
        chosen: Which samples.
        bits: The table has 2**bits rows.
        strength: Of the linear loss beside the weights' squares.
        n_steps: Of its solver, at most.
    """
    matrix, idf = weighed(samples.take(chosen), samples.n_fields, bits, None)
    line, bias = solved(matrix, targets[chosen], weights[chosen], strength, n_steps)
    found = np.empty((1 << bits, N_WEIGHTS), np.float32)
    found[:, 0] = line.numpy() * idf
    found[:, 1:] = _counts(matrix, targets[chosen], weights[chosen])
    return Table(torch.from_numpy(found).half().float(), bias)


def _counts(matrix: csr_matrix, targets: Floats64, weights: Floats64) -> Floats32:
    """How much more often phish have a row, and how often benign and phish samples do.

    All are logarithms. Of what one sample alone has, only that it is there is told.
    """
    there = matrix.copy()
    there.data = np.ones_like(there.data)
    is_phish = targets >= 0.5
    phish, benign = there.T @ (weights * is_phish), there.T @ (weights * ~is_phish)
    n_phish, n_benign = weights[is_phish].sum() + 1.0, weights[~is_phish].sum() + 1.0
    more = np.log((phish + _PRIOR) / n_phish) - np.log((benign + _PRIOR) / n_benign)
    more[phish + benign < _LEAST] = 0.0
    found: Floats32 = np.stack([more, np.log1p(benign), np.log1p(phish)], 1).astype(np.float32)
    return found
