import json
from pathlib import Path

import pytest

from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.domain.errors import DetectorError, ParseError
from soc_copilot.settings import get_setting
from soc_copilot.ui.web_trial import BUDGET_KEY, BUDGETS, Trial, read_presets


def test_the_presets_are_those_of_the_setting_and_of_the_card() -> None:
    presets = read_presets()
    assert get_setting(BUDGET_KEY).choices == BUDGETS
    assert tuple(presets.presets) == BUDGETS
    limits = [presets.presets[budget].threshold for budget in BUDGETS]
    assert limits == sorted(limits, reverse=True)
    strict = presets.presets["0.1%"]
    assert strict.fpr is not None
    assert strict.fpr <= 0.001
    assert presets.n_harmless > 1_000


def test_what_the_card_measured_for_every_preset_is_told(tmp_path: Path) -> None:
    card = {
        "version": "v",
        "thresholds": {"0.1%": 0.9, "1%": 0.2},
        "figures": {"pooled": {"rows": 30, "attacks": 10, "fpr_here": 0.001, "tpr_here": 0.9}},
        "presets": {"1%": {"fpr": 0.009, "tpr": 0.99}},
    }
    (tmp_path / "card.json").write_text(json.dumps(card))
    found = read_presets(tmp_path)
    assert found.n_harmless == 20
    assert (found.presets["1%"].fpr, found.presets["1%"].tpr) == (0.009, 0.99)
    assert found.presets["0.1%"].fpr == 0.001


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 1, "figures": 3}'])
def test_a_damaged_card_is_said_plainly(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(DetectorError, match="Cannot read the web model's card"):
        read_presets(tmp_path)
    with pytest.raises(DetectorError):
        read_presets(tmp_path / "nowhere")


def test_a_request_is_scored_as_the_detector_does(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    start = WebDetector.start
    monkeypatch.setattr(
        WebDetector, "start", lambda self, device: (started.append(device), start(self, device))
    )
    trial = Trial()
    bad = trial.score("curl 'http://h/i?id=1%27+UNION+SELECT+login+FROM+users--'", "0.1%")
    assert bad.verdict.is_threat
    assert (bad.title, bad.verdict.technique) == ("SQL injection", "T1190")
    good = trial.score("GET /index.html HTTP/1.1", "0.1%")
    assert (good.verdict.is_threat, good.title) == (False, "")
    assert len(started) == 1  # the model was loaded once
    assert trial.score("/", "1%").threshold < good.threshold
    with pytest.raises(ParseError):
        trial.score("hello", "0.1%")
