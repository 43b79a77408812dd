import json

import pytest

from soc_copilot.cli import main
from tests.unit.detection.load.making import as_csv, clean


@pytest.fixture
def series(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(as_csv(clean(1_000, seed=51)))
    return path


def test_score_writes_a_line_per_hour(load_model, series, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    code = main([
        "score", "load", "--input", str(series), "--output", str(out), "--model",
        str(load_model[0]), "--from", "2002-02-01", "--json",
    ])  # fmt: skip
    assert code == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[0]["timestamp"] == "2002-02-01 00:00:00"
    assert json.loads(capsys.readouterr().out)["rows"] == len(lines)
    wanted = {
        "timestamp", "value", "forecast", "lower", "upper", "benchmark", "scaling_ratio",
        "deviation", "score", "severity", "is_threat", "template",
    }  # fmt: skip
    assert wanted <= set(lines[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--from", "soon"], "not a time"), (["--value", "kw"], 'no column "kw"')],
)
def test_mistakes_are_said(load_model, series, tmp_path, capsys, arguments, message):
    command = ["score", "load", "--input", str(series), "--output", str(tmp_path / "o")]
    assert main([*command, "--model", str(load_model[0]), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_evaluate_prints_figures(load_model, tmp_path, capsys):
    path = tmp_path / "b.csv"
    path.write_text(as_csv(clean(13_500, seed=52)))
    command = ["evaluate", "load", "--data", str(path), "--model", str(load_model[0])]
    assert main([*command, "--rounds", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["forecasts"]["b"]["hours"] == 8_760
    assert main([*command, "--rounds", "0"]) == 0
    assert "hour ahead" in capsys.readouterr().out


def test_evaluate_on_the_numenta_benchmark(tmp_path, capsys):
    (tmp_path / "data" / "x").mkdir(parents=True)
    (tmp_path / "labels").mkdir()
    rows = [f"2014-01-01 {i // 60:02d}:{i % 60:02d}:00,{1 + (i == 500)}" for i in range(1_000)]
    (tmp_path / "data" / "x" / "a.csv").write_text("\n".join(["timestamp,value", *rows]))
    labels = {"x/a.csv": [["2014-01-01 08:00:00", "2014-01-01 08:59:00"]]}
    (tmp_path / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    assert main(["evaluate", "load", "--nab", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ours"]["standard"] > 80
    assert main(["evaluate", "load", "--nab", str(tmp_path)]) == 0
    assert "windowed_gaussian" in capsys.readouterr().out
    assert main(["evaluate", "load"]) == 2
    assert "Say what to evaluate" in capsys.readouterr().err
