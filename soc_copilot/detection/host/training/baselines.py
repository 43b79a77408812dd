"""What the hybrid must beat: boosted trees, and the rule of thumb."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.host.activity import Operation
from soc_copilot.detection.host.reading import ENTROPY, OPERATION, PATH, TIME
from soc_copilot.detection.host.training.dataset import Sequence30, balanced

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Floats = npt.NDArray[np.float32]

WINDOW: Final = 64  # events that the window statistics look back
_NOISE_BITS: Final = 7.5  # bits per byte
_SPAN_S: Final = 10.0
RULE_FILES: Final = 10.0  # threshold of the rule of thumb
_MOST_ROWS: Final = 100_000  # for boosting, chosen: minutes on one core


def window_statistics(rows: Floats) -> Floats:
    """Mean and maximum of each feature over the last `WINDOW` events.

    Args:
        rows: Features, shape (n, k).

    Returns:
        float32, shape (n, 2 k).
    """
    n = len(rows)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, 0, np.float64)])
    first = np.maximum(np.arange(n) - WINDOW + 1, 0)
    counts = np.arange(n) - first + 1
    means = (sums[1:] - sums[first]) / counts[:, None]
    tops, reach = rows.copy(), 1  # tops[i]: over the last `reach` events; doubled until WINDOW
    while reach < WINDOW:
        tops[reach:] = np.maximum(tops[reach:], tops[:-reach].copy())
        reach *= 2
    return np.concatenate([means, tops], 1).astype(np.float32)


def fit_boosting(
    found: Sequence[Sequence30], *, has_windows: bool, seed: int
) -> "HistGradientBoostingClassifier":
    """Gradient boosting on the features of single events, or on window statistics."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    weights = np.concatenate(balanced(found))
    target = np.concatenate([s.target for s in found]) > 0
    rng = np.random.default_rng(seed)
    picked = np.flatnonzero(weights > 0)
    if len(picked) > _MOST_ROWS:
        picked = np.sort(rng.choice(picked, _MOST_ROWS, replace=False))
    kinds = [window_statistics(s.rows) if has_windows else s.rows for s in found]
    model = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_leaf_nodes=15, l2_regularization=1.0,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    model.fit(np.concatenate(kinds)[picked], target[picked], sample_weight=weights[picked])
    return model


def boosting_scores(
    model: "HistGradientBoostingClassifier", found: Sequence[Floats], *, has_windows: bool
) -> list[Floats]:
    """Log-odds of harm of each recording's rows, float32, shape (n_events,) each."""
    rows = [window_statistics(each) if has_windows else each for each in found]
    raw: Floats = model.decision_function(np.concatenate(rows)).astype(np.float32)
    return np.split(raw, np.cumsum([len(each) for each in found])[:-1])


def noisy_files(frame: pl.DataFrame) -> Floats:
    """The rule of thumb: files with high entropy that were written in the last ten seconds.

    Args:
        frame: `reading.SCHEMA`.

    Returns:
        float32, shape (n,): different paths; the rule alarms from `RULE_FILES` on.
    """
    time = frame[TIME].to_numpy()
    changed = frame[OPERATION].is_in([int(Operation.CREATE), int(Operation.WRITE)])
    noisy = (changed & (frame[ENTROPY].fill_nan(0.0) >= _NOISE_BITS)).to_numpy()
    paths = frame[PATH].to_list()
    last: OrderedDict[str, float] = OrderedDict()
    found = np.zeros(len(frame), np.float32)
    for i, now in enumerate(time):
        if noisy[i]:
            last.pop(paths[i], None)
            last[paths[i]] = now
        while last and next(iter(last.values())) < now - _SPAN_S:
            last.popitem(last=False)
        found[i] = len(last)
    return found
