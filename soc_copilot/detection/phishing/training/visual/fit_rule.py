"""Fits the rule that weighs logos and looks, on brands and layouts that the networks never saw."""

from typing import Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from soc_copilot.detection.phishing.training.visual.evaluate import FOREIGN, Looked
from soc_copilot.detection.phishing.visual.compare import FEATURES, Floats, Rule

_ROUNDS: Final = 4  # chosen: after the second nothing changes by more than a hair
_START: Final = {"whole": 2.0, "look": 1.0}  # chosen: where the first round starts
_FLATTER: Final = 3.0  # chosen: so that the likest pages still differ in four digits
_STIFFNESS: Final = 0.1  # chosen, on halves of the validation brands: scikit-learn's C


def fit_rule(looked: Looked) -> Rule:
    """A rule for the nearest reference of each brand.

    Which reference is the nearest depends on the rule: both are found in turn.
    """
    rule = Rule(tuple(_START.get(name, 0.0) for name in FEATURES), 0.0)
    brands = np.unique(looked.owners)
    for _ in range(_ROUNDS):
        rows, is_same, weights = _pairs(looked, rule, brands)
        middle, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        model = LogisticRegression(C=_STIFFNESS, max_iter=3_000)
        model.fit((rows - middle) / spread, is_same, sample_weight=weights)
        found = model.coef_[0] / spread / _FLATTER
        bias = float(model.intercept_[0] / _FLATTER - (found * middle).sum())
        rule = Rule(tuple(round(float(weight), 6) for weight in found), round(bias, 6))
    return rule


def _pairs(looked: Looked, rule: Rule, brands: np.ndarray) -> tuple[Floats, np.ndarray, np.ndarray]:
    n, n_known, n_features = looked.rows.shape
    scores = rule.scores(looked.rows.reshape(-1, n_features)).reshape(n, n_known)
    rows, is_same = [], []
    for brand in brands:
        own = np.flatnonzero(looked.owners == brand)
        at = own[scores[:, own].argmax(axis=1)]
        rows.append(looked.rows[np.arange(n), at])
        is_same.append(looked.brands == brand)
    same = np.concatenate(is_same)
    # As many pages to be found as others, by weight; foreign pages matter more than the rest.
    is_foreign = np.tile(np.isin(looked.kinds, FOREIGN), len(brands))
    weights = np.where(same, 1.0, np.where(is_foreign, 2.0, 0.5))
    weights[~same] *= 4.0 * same.sum() / weights[~same].sum()
    return np.concatenate(rows), same, weights
