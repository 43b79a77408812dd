from pathlib import Path

import pytest

from soc_copilot.pipeline import bench_ingest as bench
from soc_copilot.pipeline.bench import make_access_log

QUICK = {"ingestion.batch_interval_s": 0.1}


def test_every_line_is_stored_before_the_clock_stops(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    make_access_log(log, 2_500, 0.2)
    found = bench.throughput(tmp_path, log, {**QUICK, "ingestion.max_size": 1_000})
    assert found["lines"] == 2_500
    assert found["seconds"] > 0
    assert set(found["stage_s"]) >= {"parse", "archive", "commit", "total"}


def test_latency_is_that_of_each_line(tmp_path: Path) -> None:
    found = bench.latency(tmp_path, 0.3, QUICK)
    assert found["n"] == 30
    assert 0 < found["p50"] <= found["p99"]


def test_quiet_files_are_all_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_QUIET_WARM_UP_S", 0.0)
    found = bench.idle(tmp_path, 0.2, 5, QUICK)
    assert found["files"] == 5
    assert found["cpu"] >= 0


def test_the_comparison_runs_each_program_on_the_same_file() -> None:
    figures = bench.bench_ingest(3_000, 1, settings=QUICK)
    names = [rate.name for rate in figures.rates]
    assert names[:2] == [bench.OURS, bench.OURS_BARE]
    assert (bench.RSYSLOG in names) == (bench.find_rsyslog() is not None)
    assert all(rate.lines_per_s > 0 and len(rate.seconds) == 1 for rate in figures.rates)
    assert figures.to_json()["lines"] == 3_000


def test_a_program_that_writes_nothing_is_no_measurement(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    make_access_log(log, 10, 0.2)
    with pytest.raises(RuntimeError, match=r"wrote 0 of [0-9,]+ bytes"):
        bench._time_copy(["true"], log, tmp_path / "out.log")
