import json
from typing import Any

import pytest

from soc_copilot.cli import bench, main
from soc_copilot.pipeline.bench_ingest import IngestFigures, bench_ingest


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


def test_the_ingestion_benchmark_prints_its_figures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def once(*args: Any, **options: Any) -> IngestFigures:
        measured.append(bench_ingest(*args, **options))
        return measured[-1]

    monkeypatch.setattr(bench, "bench_ingest", once)
    words = ("bench", "ingest", "--lines", "2000", "--rounds", "1")
    assert main([*words, "--memory", "1000", "--latency", "0.2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["lines"] == 2_000
    assert figures["rates"][0]["lines_per_s"] > 0
    assert figures["peak_mib"]["1000"] > 10
    assert figures["latency_ms"]["p99"] > 0
    assert figures["idle_cpu"] is None
    # The same figures in words; measuring them anew would take as long again.
    monkeypatch.setattr(bench, "bench_ingest", lambda *args, **options: measured[0])
    assert main([*words]) == 0
    assert "soc-copilot, no archive" in capsys.readouterr().out
