import json

import pytest

from soc_copilot.cli import main


@pytest.fixture
def series(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("t,v\n2017-01-01 01:00,1\n2017-01-01 01:00,2\n2017-01-01 04:00,x\n")
    return path


def test_rows_are_printed_with_what_is_odd(series, capsys):
    assert main(["replay", str(series)]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["value"] for line in lines] == [1, 2, None]
    assert [line["is_repeated"] for line in lines] == [False, True, False]
    assert [line["n_missing"] for line in lines] == [0, 0, 2]
    assert lines[-1]["progress"] == 1
    assert "more than one row" in err
    assert "no numbers" in err


def test_start_count_and_speed(series, capsys):
    command = ["replay", str(series), "--start", "1", "--count", "1", "--speed", "1000"]
    assert main(command) == 0
    assert [json.loads(line)["index"] for line in capsys.readouterr().out.splitlines()] == [1]


@pytest.mark.parametrize("extra", [["--speed", "2000"], ["--start", "9"], ["--value", "w"]])
def test_mistakes_are_said(series, capsys, extra):
    assert main(["replay", str(series), *extra]) == 2
    assert capsys.readouterr().err
