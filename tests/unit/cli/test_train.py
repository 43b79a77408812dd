import json
from pathlib import Path

import pytest

from soc_copilot.cli import main


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
