import gzip
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from soc_copilot.cli import main
from soc_copilot.detection.host.prediction import Predictions, Scores
from soc_copilot.detection.host.saved import save
from tests.unit.detection.host import making

ROWS = [
    {"id": 1, "method": "GET", "path": "/", "query": "q=shoes", "headers": {}, "body": None},
    {"id": 2, "method": "GET", "path": "/a", "query": "id=1' UNION SELECT pass FROM users--"},
    {"id": 3, "path": "/a", "note": "kept: é \ud800 日本"},
]


def run(tmp_path: Path, name: str, data: bytes, *more: str) -> tuple[int, Path]:
    source, out = tmp_path / name, tmp_path / "out.jsonl"
    source.write_bytes(data)
    return main(["score", "web", "--input", str(source), "--output", str(out), *more]), out


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz"])
def test_lines_come_back_with_their_verdicts(tmp_path: Path, name: str) -> None:
    data = "\n".join(json.dumps(row) for row in ROWS).encode()
    code, out = run(tmp_path, name, gzip.compress(data) if name.endswith("gz") else data)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert code == 0
    assert [{k: v for k, v in row.items() if k in ROWS[i]} for i, row in enumerate(found)] == ROWS
    assert [row["is_threat"] for row in found] == [False, True, False]
    assert found[1]["score"] >= found[1]["threshold"]
    assert "SQL injection" in found[1]["reasons"][0]
    assert found[0]["reasons"] == []


def test_a_bad_row_is_named_and_nothing_is_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.dumps(ROWS[0]) + "\n" + '{"path": 7}'
    code, out = run(tmp_path, "in.jsonl", data.encode())
    assert code == 2
    assert 'in.jsonl", line 2: "path" must be text' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [out.with_name("in.jsonl")]


def test_a_place_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("")
    arguments = ["score", "web", "--input", str(source), "--output", str(tmp_path / "no" / "x")]
    assert main(arguments) == 2
    assert "Cannot write" in capsys.readouterr().err


def test_the_closing_line_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "in.jsonl", json.dumps(ROWS[1]).encode(), "--json")
    assert json.loads(capsys.readouterr().out)["threats"] == 1


class StandIn:
    """Scores by the size that is known, and remembers what it was given."""

    folders: ClassVar[list[Path | None]] = []
    heights: ClassVar[list[int]] = []

    @classmethod
    def load(cls, folder: Path | None = None) -> "StandIn":
        cls.folders.append(folder)
        return cls()

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        self.heights.append(frame.height)
        score = (frame["size"].fill_nan(0.0) / 10).to_numpy().astype(np.float32)
        scores = Scores(score, score >= 0.5, 1 - score, score / 2, score / 3, score / 4, score / 9)
        found = Predictions(
            frame["event_id"], frame["time"].to_numpy(), scores, 1.0, lambda row: (f"Why {row}.",)
        )
        return found.to_frame()


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    module = SimpleNamespace(HostScorer=StandIn)
    monkeypatch.setitem(sys.modules, "soc_copilot.detection.host.detector", module)
    monkeypatch.setattr(StandIn, "folders", [])
    monkeypatch.setattr(StandIn, "heights", [])
    return StandIn


def run_host(tmp_path: Path, data: str, *more: str) -> tuple[int, list[dict[str, Any]]]:
    source, out = tmp_path / "in", tmp_path / "out.jsonl"
    source.write_text(data, encoding="utf-8")
    code = main(["score", "host", "--input", str(source), "--output", str(out), *more])
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return code, [json.loads(line) for line in lines]


CSV = "t,event,path,size,entropy4k\n0.5,MODIFY,a,1,\n0.4,MODIFY,\u00e9,9,7.9\n0.6,DELETE,b,,\n"


def test_each_row_of_a_recording_gets_one_verdict(
    tmp_path: Path, stand_in: type[StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = run_host(tmp_path, CSV, "--model", str(tmp_path), "--json")
    assert code == 0
    assert [(row["event_id"], row["timestamp"]) for row in found] == [
        ("0", 0.5), ("1", 0.4), ("2", 0.6),
    ]  # fmt: skip
    assert list(found[1]) == [
        "event_id", "timestamp", "threat_score", "is_threat", "confidence", "components", "reasons",
    ]  # fmt: skip
    assert found[1]["threat_score"] == 0.9
    assert found[1]["components"] == {
        "deep": 0.45, "isolation_forest": 0.3, "heuristic": 0.225, "boosted_trees": 0.1,
    }  # fmt: skip
    assert [row["is_threat"] for row in found] == [False, True, False]
    assert [row["reasons"] for row in found] == [[], ["Why 1."], []]
    assert stand_in.folders == [tmp_path]
    assert json.loads(capsys.readouterr().out)["threats"] == 1


def test_json_lines_are_scored_alike_and_in_blocks(
    tmp_path: Path, stand_in: type[StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soc_copilot.cli.score._HOST_BLOCK", 2)
    rows = [
        {"event_id": f"e{i}", "timestamp": i, "action": "write", "path": "/a", "size": i}
        for i in range(5)
    ]
    code, found = run_host(tmp_path, "\n".join(map(json.dumps, rows)))
    assert code == 0
    assert [row["event_id"] for row in found] == ["e0", "e1", "e2", "e3", "e4"]
    assert [row["threat_score"] for row in found] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert stand_in.heights == [2, 2, 1]


@pytest.mark.usefixtures("stand_in")
def test_bad_activity_is_named_and_nothing_is_left_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found = run_host(tmp_path, CSV + "nan,MODIFY,a,,\n")
    assert code == 2
    assert found == []
    assert 'line 5: the time is "nan"' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.usefixtures("stand_in")
def test_a_recording_of_nothing_gives_no_verdicts(tmp_path: Path) -> None:
    code, found = run_host(tmp_path, "t,event,path,size,entropy4k\n")
    assert (code, found) == (0, [])
    assert (tmp_path / "out.jsonl").exists()


def test_an_attack_is_found_whatever_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "model", making.model(), {"what": "a test"})
    rows = [
        {"timestamp": event.timestamp, "action": event.operation.name.lower(), "path": event.path,
         "size": event.size, "entropy": event.entropy, "previous_entropy": event.previous_entropy}
        for event in making.attack()
    ]  # fmt: skip
    data = "\n".join(map(json.dumps, rows))
    _, whole = run_host(tmp_path, data, "--model", str(tmp_path / "model"))
    monkeypatch.setattr("soc_copilot.cli.score._HOST_BLOCK", 7)
    _, parts = run_host(tmp_path, data, "--model", str(tmp_path / "model"))
    assert len(whole) == len(rows)
    assert not whole[0]["is_threat"]
    assert whole[-1]["is_threat"]
    assert whole[-1]["reasons"]
    for one, other in zip(whole, parts, strict=True):
        assert one["threat_score"] == pytest.approx(other["threat_score"], abs=2e-5)


def test_a_missing_model_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run_host(tmp_path, CSV, "--model", str(tmp_path / "none"))
    assert (code, found) == (2, [])
    assert "none" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def run_phishing(tmp_path: Path, *lines: object) -> tuple[int, Path]:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(json.dumps(line) for line in lines))
    return main(["score", "phishing", "--input", str(source), "--output", str(out)]), out


def test_contents_come_back_with_their_verdicts(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "content_type": "url", "content": "http://paypal-login.pages.dev/", "note": "é"},
        {"id": 2, "content_type": "text", "content": "see you at 8?"},
    ]
    code, out = run_phishing(tmp_path, *rows)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert code == 0
    assert [{k: v for k, v in row.items() if k in rows[i]} for i, row in enumerate(found)] == rows
    assert [row["prediction"] for row in found] == ["phish", "benign"]
    assert found[0]["reasons"]


@pytest.mark.parametrize("odd", [{"content": "x"}, {"content_type": "fax", "content": "x"}])
def test_a_bad_content_is_named(
    tmp_path: Path, odd: object, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = run_phishing(tmp_path, odd)
    assert code == 2
    assert 'in.jsonl", line 1' in capsys.readouterr().err
    assert not out.exists()
