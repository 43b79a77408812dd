import numpy as np
import pytest

from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.scorer import load
from soc_copilot.detection.web.training.data import Row
from soc_copilot.detection.web.training.evaluate import (
    by_set,
    calibrate,
    length_alone,
    presets,
    request_scores,
    speed,
    table,
)
from soc_copilot.domain.paths import bundled

ROWS = [
    Row("one", "a", True, "xss", Request(path="/", query="q=<script>alert(1)</script>")),
    Row("one", "b", False, "", Request(path="/", query="q=shoes")),
    Row("two", "c", True, "", Request(headers={"X": "${jndi:ldap://c.example.net/a}"})),
]


def test_request_scores_are_those_of_the_detector() -> None:
    from soc_copilot.detection.web import create

    detector = create({})
    detector.start("cpu")
    requests = [row.request for row in ROWS]
    expected = [verdict.score for verdict in detector.score_requests(requests)]
    model = load(bundled("models") / "web")
    np.testing.assert_allclose(request_scores(model, requests), expected, atol=1e-5)


def test_figures_are_pooled_first_and_then_by_set() -> None:
    found = by_set(ROWS, np.array([0.9, 0.1, 0.8]), 0.5)
    assert list(found) == ["pooled", "one", "two"]
    assert found["pooled"].auc == 1.0
    assert found["two"].tpr_here == 1.0
    assert "pooled" in table(found)
    assert length_alone(ROWS)["one"].auc == 1.0


def test_whole_scanner_runs_are_shown_but_not_pooled() -> None:
    noise = Row("scanner_logs", "d", True, "", Request(path="/tmp"))  # noqa: S108
    found = by_set([*ROWS, noise], np.array([0.9, 0.1, 0.8, 0.0]), 0.5)
    assert found["pooled"] == by_set(ROWS, np.array([0.9, 0.1, 0.8]), 0.5)["pooled"]
    assert found["scanner_logs"].tpr_here == 0.0


def test_presets_say_what_each_threshold_flags_but_of_what_stands_apart() -> None:
    noise = Row("scanner_logs", "d", True, "", Request(path="/tmp"))  # noqa: S108
    scores = np.array([0.9, 0.3, 0.4, 0.0])
    assert presets([*ROWS, noise], scores, {"0.1%": 0.5, "1%": 0.3}) == {
        "0.1%": {"fpr": 0.0, "tpr": 0.5},
        "1%": {"fpr": 1.0, "tpr": 1.0},
    }


def test_calibration_recovers_a_known_sigmoid() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, 40_000)
    labels = rng.random(40_000) < 1 / (1 + np.exp(-(0.7 * logits - 1)))
    fitted = calibrate(logits, labels)
    assert fitted.slope == pytest.approx(0.7, abs=0.05)
    assert fitted.offset == pytest.approx(-1, abs=0.05)
    assert fitted.error < 0.01


def test_speed_is_measured_on_targets_without_a_body() -> None:
    found = speed(load(bundled("models") / "web").scorer.net, [row.request for row in ROWS])
    assert found["us_per_new_target"] > 0
    assert found["mean_characters"] == pytest.approx((30 + 8 + 1) / 3, abs=1)
