from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.web.carried import carried
from soc_copilot.detection.web.classes import CLASSES, NAMES, OTHER
from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch


@pytest.fixture(scope="module")
def detector() -> WebDetector:
    found = WebDetector()
    found.start("cpu")
    return found


def frame(version: str) -> pl.DataFrame:
    at = datetime(2026, 3, 10, tzinfo=UTC)
    urls = ["/a?q=1", "/b?q=1", "/c?q=1' or '1'='1", "/d?q=2"]
    return pl.DataFrame(
        {
            c.SOURCE_ID: 1, c.GENERATION: 1, c.OFFSET: range(4), c.LENGTH: 10, c.FILE_PATH: "s",
            c.ORIGINAL: urls, c.INGESTED: at, c.TIMESTAMP: at, c.KIND: c.KIND_EVENT, c.URL: urls,
            c.WEB_SCORE: pl.Series([0.25, 0.995, None, 0.999], dtype=pl.Float32),
            c.WEB_THREAT: [False, True, False, False],
            c.WEB_CLASS: [None, "xss", None, None],
            c.WEB_VERSION: [version, version, None, "another"],
            c.WEB_TEXT: [None, "<script>alert(1)</script>", None, None],
        }
    )  # fmt: skip


def test_only_verdicts_of_the_same_model_count() -> None:
    found = carried(frame("v1"), "v1")
    assert found is not None
    assert found.is_ours.tolist() == [True, True, False, False]
    assert found.is_threat.tolist() == [False, True, False, False]
    assert found.kinds.tolist() == [OTHER, NAMES.index("xss"), OTHER, OTHER]
    assert carried(frame("v1"), "v2") is None
    assert carried(pl.DataFrame({c.URL: ["/"]}), "v1") is None


def test_what_the_service_said_is_not_scored_again(detector: WebDetector) -> None:
    found = detector.detect(EventBatch(1, frame(detector.info.version)))
    assert found.scores[:2] == pytest.approx([0.25, 0.995])
    assert found.scores[2] >= detector.threshold
    # A score that came with another model's version counts for nothing.
    assert found.scores[3] < detector.threshold
    rules = {finding.rule: finding for finding in found.findings}
    assert rules.keys() == {"web.xss", "web.sqli"}
    assert "script" in rules["web.xss"].summary
    assert rules["web.xss"].title == CLASSES[NAMES.index("xss")].title


def test_a_frame_of_carried_verdicts_alone(detector: WebDetector) -> None:
    some = frame(detector.info.version).head(2)
    found = detector.detect(EventBatch(1, some))
    assert [finding.rule for finding in found.findings] == ["web.xss"]
    assert not np.isnan(found.scores).any()
