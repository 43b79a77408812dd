import gzip
import json
from pathlib import Path

import pytest

from soc_copilot.cli import main

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
