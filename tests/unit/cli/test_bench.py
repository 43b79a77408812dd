import json

import pytest

from soc_copilot.cli import main


def test_the_pipeline_benchmark_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "pipeline", "--lines", "500", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["lines"] == 500
    assert figures["lines_per_s"] > 0
    assert figures["stage_share"].pop("parse") > 0
    assert sum(figures["stage_share"].values()) == pytest.approx(1.0, abs=0.01)


def test_bench_asks_for_what_to_measure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench"])
    assert "WHAT" in capsys.readouterr().err
