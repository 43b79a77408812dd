import json
from pathlib import Path

import pytest

from soc_copilot.cli import main
from tests.unit.detection.host.training.made_up import write
from tests.unit.detection.phishing.training.rows import write as write_phishing


def test_a_folder_without_data_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "web", "--data", str(tmp_path), "--out", str(tmp_path / "m")]) == 2
    assert "No *.jsonl" in capsys.readouterr().err


def test_a_tiny_set_gives_a_model_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"id": f"{label}{i}~own-{i}", "label": label, "path": "/", "query": f"q={text}{i}"}
        for i in range(60)
        for label, text in (("normal", "word"), ("attack", "<script>alert("))
    ]
    (tmp_path / "own.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    out = tmp_path / "m"
    arguments = ["train", "web", "--data", str(tmp_path), "--out", str(out), "--epochs", "1"]
    assert main([*arguments, "--threads", "1", "--synthetic", "200"]) == 0
    assert "pooled" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"card.json", "model.safetensors"}


def test_recordings_without_an_index_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "host", "--data", str(tmp_path), "--out", str(tmp_path / "m")]) == 2
    assert "no index of recordings" in capsys.readouterr().err


def test_recordings_give_a_model_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write(tmp_path / "recordings", n_files=8), tmp_path / "m"
    arguments = ["train", "host", "--data", str(data), "--out", str(out), "--folds", "3"]
    arguments += ["--epochs", "1", "--variants", "0", "--no-boosting"]
    assert main(arguments) == 0
    assert "hybrid" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {"card.json", "model.safetensors"}
    assert main(["evaluate", "host", "--data", str(data), "--model", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["hybrid"]["attacks"] == 8


def test_a_sites_own_requests_adapt_the_shipped_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(json.dumps({"path": f"/a/{i}"}) for i in range(1_000)))
    arguments = ["train", "web", "--normal", str(own)]
    assert main([*arguments, "--out", str(tmp_path / "m")]) == 0
    assert "share_flagged_after" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "m").iterdir()} == {"card.json", "model.safetensors"}
    assert main(arguments) == 2
    assert "left as it is" in capsys.readouterr().err


def test_phishing_models_are_not_written_over_by_what_may_not_be_shipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "phishing", "--data", str(tmp_path), "--everything"]) == 2
    assert "--out DIR" in capsys.readouterr().err


def test_texts_give_a_model_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_phishing(tmp_path / "data"), tmp_path / "m"
    arguments = ["train", "phishing", "--data", str(data), "--out", str(out), "--only", "text"]
    assert main(arguments) == 0
    assert str(out) in capsys.readouterr().out
    assert {path.name for path in (out / "text").iterdir()} == {"card.json", "model.safetensors"}
    assert main(["train", "phishing", "--data", str(data), "--only", "text", "--cross-sets"]) == 0
    assert "UCI, on ExAIS" in capsys.readouterr().out
