import json
from pathlib import Path

import pytest

from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training.adapt import CEILING, MIN_ROWS, adapt
from soc_copilot.detection.weights import load_model
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.paths import bundled

SHIPPED = bundled("models") / "web"
ODD = "SELECT name FROM users WHERE id=7"  # what this site's own tool sends all day


def write(path: Path, n_plain: int, n_odd: int) -> Path:
    rows = [{"path": "/shop", "query": f"page={i}"} for i in range(n_plain)]
    rows += [{"path": "/report", "query": f"q={ODD}&n={i}"} for i in range(n_odd)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_sites_own_requests_raise_the_thresholds(tmp_path: Path) -> None:
    card = adapt(SHIPPED, write(tmp_path / "n.jsonl", MIN_ROWS, 100), tmp_path / "m")
    before = load_model(SHIPPED)[1]["thresholds"]
    assert all(before[name] <= value <= CEILING for name, value in card["thresholds"].items())
    assert card["thresholds"]["1%"] > before["1%"]
    stored = load_model(tmp_path / "m")[1]
    assert stored["thresholds"] == card["thresholds"]
    assert stored["version"].endswith("+site")
    said = card["adapted"]["budgets"]["1%"]
    assert said["share_flagged_after"] < said["share_flagged_before"]
    detector = WebDetector("1%", tmp_path / "m")
    detector.start("cpu")
    attack = Request(path="/a", query="id=1%27+UNION+SELECT+password+FROM+users--+-")
    assert detector.score_requests([attack])[0].is_threat


def test_quiet_requests_change_nothing(tmp_path: Path) -> None:
    card = adapt(SHIPPED, write(tmp_path / "n.jsonl", MIN_ROWS, 0), tmp_path / "m")
    assert card["thresholds"] == load_model(SHIPPED)[1]["thresholds"]


def test_too_few_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="are needed"):
        adapt(SHIPPED, write(tmp_path / "n.jsonl", 10, 0), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "n.jsonl").write_text('{"path": "/a"}\n{"path": 7}\n')
    with pytest.raises(SourceError, match="line 2"):
        adapt(SHIPPED, tmp_path / "n.jsonl", tmp_path / "m")
