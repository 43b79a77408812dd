import json
from typing import Any

import pytest

from soc_copilot.cli import bench, main
from soc_copilot.pipeline.bench_host import BatchFigures, HostFigures
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


def test_the_host_benchmark_prints_its_figures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = tuple(BatchFigures(batch, 100, 10_000.0 * batch, 0.5, 0.75) for batch in (1, 1_000))
    figures = HostFigures(
        "CPU", 2, "host-1", 10, 0.125, 0.5, batches, 2.0, 0.25, 5e3, 16.0, 2.0, 40.0, 5e4, 0.0
    )
    asked = []

    def once(n_events: int, **options: Any) -> HostFigures:
        asked.append((n_events, options["device"]))
        return figures

    monkeypatch.setattr(bench, "bench_host", once)
    assert main(["bench", "host", "--events", "10", "--device", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(figures.to_json()))
    assert main(["bench", "host"]) == 0
    said = capsys.readouterr().out
    assert "0.125 ms" in said
    assert "10,000,000" in said
    assert asked == [(10, "cpu"), (100_000, "auto")]
