import json
from pathlib import Path

import pytest

from soc_copilot.cli import main
from tests.unit.detection.phishing.training.visual.made import make_folder
from tests.unit.detection.phishing.visual.pages import save


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "own.jsonl"
    rows = [
        {"id": f"n{i}~own-{i}", "label": "normal", "path": "/", "query": f"q=word{i}"}
        for i in range(20)
    ]
    rows += [
        {"id": f"a{i}~own-{i}", "label": "attack", "path": "/", "query": f"q=<script>alert({i})"}
        for i in range(20)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_figures_as_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "web", "--data", str(data), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["figures"]) == {"pooled", "own"}
    assert report["figures"]["own"]["rows"] == 40
    assert report["figures"]["own"]["auc"] > 0.99


def test_figures_as_a_table(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "web", "--data", str(data), "--split", "validation"]) == 0
    shown = capsys.readouterr().out
    assert "pooled" in shown
    assert "TPR@0.1%" in shown


def test_a_bad_line_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"label": "maybe"}')
    assert main(["evaluate", "web", "--data", str(path)]) == 2
    assert 'bad.jsonl", line 1' in capsys.readouterr().err


def test_a_host_model_that_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "host", "--data", str(tmp_path), "--model", str(tmp_path / "m")]
    assert main(arguments) == 2
    assert "card.json" in capsys.readouterr().err


def test_phishing_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"label": "phish", "content_type": "url", "content": "http://paypal-login.pages.dev/a"},
        {"label": "benign", "content_type": "url", "content": "https://www.python.org/"},
        {"label": "benign", "content_type": "text", "content": "see you at 8?"},
    ]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    assert main(["evaluate", "phishing", "--data", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["figures"]
    assert found["url: all"]["auc"] == 1.0
    assert found["text: all"]["rows"] == 1
    assert main(["evaluate", "phishing", "--data", str(path)]) == 0
    assert "url: with a path" in capsys.readouterr().out


def test_figures_of_the_model_for_screenshots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = make_folder(tmp_path / "pages", most=2)
    save(tmp_path / "model" / "visual")
    told = ["evaluate", "phishing", "--visual", str(pages), "--model", str(tmp_path / "model")]
    assert main([*told, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "made-up-1"
    assert report["figures"]["clone"]["pages"] > 0
    assert report["ms_per_screenshot"]["median"] > 0
    assert main(["evaluate", "phishing", "--visual", str(tmp_path)]) == 2
    assert "holds no rendered pages" in capsys.readouterr().err
