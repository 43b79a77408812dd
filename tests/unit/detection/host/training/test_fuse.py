import numpy as np
import pytest

from soc_copilot.detection.host import heuristics
from soc_copilot.detection.host.training.fuse import PartScores, fit_fusion


@pytest.fixture
def scores(found):
    rng = np.random.default_rng(0)
    made = []
    for s in found:
        n = len(s.rows)
        made.append(
            PartScores(
                rng.normal(0, 1, n).astype(np.float32) + 3 * s.target,
                (0.5 - 0.1 * s.target + rng.normal(0, 0.01, n)).astype(np.float32),  # misleads
                heuristics.score(s.rows),
                rng.normal(0, 1, n).astype(np.float32) + 2 * s.target,
            )
        )
    return made


def test_what_helps_gets_weight_and_what_misleads_none(found, scores):
    fusion = fit_fusion(found, scores, 0.0)
    deep, forest, _, boosted = fusion.weights
    assert min(deep, boosted) > 0.1
    assert forest == 0.0


def test_no_ordinary_recording_alarms_within_a_budget_of_none(found, scores):
    fusion = fit_fusion(found, scores, 0.0)
    for s, x in zip(found, scores, strict=True):
        fused = fusion.score(x.deep, x.forest, x.rule, x.boosted)
        assert s.trace.is_attack or fused.max() < fusion.threshold
    assert 0 < fusion.threshold < 1


def test_confidence_rises_with_the_score(found, scores):
    fusion = fit_fusion(found, scores, 0.1)
    assert fusion.chance(np.float32([0.0]))[0] < 0.3
    assert fusion.chance(np.float32([1.0]))[0] > 0.7
    assert len(fusion.scores) <= 40
