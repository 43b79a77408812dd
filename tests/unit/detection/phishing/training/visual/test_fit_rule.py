import numpy as np

from soc_copilot.detection.phishing.training.visual.evaluate import Looked, found_by
from soc_copilot.detection.phishing.training.visual.fit_rule import fit_rule
from soc_copilot.detection.phishing.visual.compare import FEATURES


def made(seed: int) -> Looked:
    """Pages whose logo tells the brand; looks tell nothing."""
    rng = np.random.default_rng(seed)
    owners = np.array([0, 0, 1, 2, 2])
    brands = rng.integers(-1, 3, 300)
    rows = rng.normal(0.2, 0.1, (300, 5, len(FEATURES))).astype(np.float32)
    at = FEATURES.index("whole")
    rows[:, :, at] = rng.normal(0.1, 0.1, (300, 5))
    # Of each brand's pictures only the first is like its pages.
    for page, brand in enumerate(brands):
        if brand >= 0:
            rows[page, np.flatnonzero(owners == brand)[0], at] = rng.normal(0.8, 0.1)
    kinds = np.where(brands >= 0, "clone", "sibling")
    return Looked(rows, owners, brands, kinds)


def test_the_rule_weighs_what_tells_brands_apart() -> None:
    rule = fit_rule(made(1))
    weights = dict(zip(FEATURES, rule.weights, strict=True))
    assert weights["whole"] > 3 * max(abs(w) for n, w in weights.items() if n != "whole")
    found = found_by(rule, made(2))
    to_find = found.of("clone")
    assert found.is_right[to_find].mean() > 0.97
    assert np.quantile(found.best[to_find], 0.1) > np.quantile(found.best[~to_find], 0.9) + 0.1
