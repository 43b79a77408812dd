import sys
from typing import Any

import pytest

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.detection.web.request import Request
from soc_copilot.domain.errors import DetectorError, PolicyError
from soc_copilot.service.config import make_config
from soc_copilot.service.scoring import ModelInfo, WebScorer, told
from soc_copilot.service.wire import Checked

ATTACK = Checked(Request(path="/", query="id=1' or '1'='1"))


def test_requests_are_scored_by_the_shipped_model() -> None:
    scorer = WebScorer.load(make_config({}))
    attack, plain = scorer.score([ATTACK, Checked(Request(path="/index.html"))])
    assert (attack.is_threat, plain.is_threat) == (True, False)
    assert scorer.info.version.startswith("web-")
    scorer.close()


def test_nothing_is_left_to_load_for_the_first_request() -> None:
    scorer = WebScorer.load(make_config({}))
    before = set(sys.modules)
    scorer.score([ATTACK])
    assert set(sys.modules) == before
    scorer.close()


def test_a_threshold_above_the_budgets_lets_more_in() -> None:
    class Detector:
        threshold = 0.9

        def score_requests(self, requests: list[Request]) -> list[Verdict]:
            found = [Verdict(s, is_threat=True, kind="sqli", reasons=("x",)) for s in (0.92, 0.97)]
            return [*found, Verdict(0.1, is_threat=False, kind="", reasons=())]

    detector: Any = Detector()
    own = WebScorer(detector, ModelInfo("v1", "0.1%", 0.9, "cpu"))
    assert [v.is_threat for v in own.score([ATTACK] * 3)] == [True, True, False]
    strict = WebScorer(detector, ModelInfo("v1", "0.1%", 0.95, "cpu"))
    verdicts = strict.score([ATTACK] * 3)
    assert [v.is_threat for v in verdicts] == [False, True, False]
    assert (verdicts[0].score, verdicts[0].kind, verdicts[0].reasons) == (0.92, "", ())


def test_what_the_model_cannot_do_is_refused() -> None:
    with pytest.raises(PolicyError, match="below"):
        WebScorer.load(make_config({"threshold": 0.1}))
    with pytest.raises(PolicyError, match="auto"):
        WebScorer.load(make_config({"inference.quantization": "int8"}))
    with pytest.raises(DetectorError):
        WebScorer.load(make_config({"model": "/nowhere"}))


def test_a_verdict_is_told_whole() -> None:
    info = ModelInfo("v1", "0.1%", 0.95, "cpu")
    verdict = Verdict(
        0.99, is_threat=True, kind="sqli", reasons=("Because.",), technique="T1190",
        capec="CAPEC-66", part="query", marked=((2, 5),), text="ab<x>", decoding=("percent",),
    )  # fmt: skip
    assert told(verdict, info) == {
        "score": 0.99, "threshold": 0.95, "is_threat": True, "confidence": 0.99,
        "attack_class": "sqli", "attack_title": "SQL injection",
        "techniques": ["T1190", "CAPEC-66"], "part": "query", "marked": ["<x>"],
        "decoding": ["percent"], "reasons": ["Because."], "model_version": "v1",
    }  # fmt: skip
    quiet = told(Verdict(0.2, is_threat=False, kind="", reasons=()), info)
    assert (quiet["attack_class"], quiet["techniques"], quiet["marked"]) == (None, [], [])
