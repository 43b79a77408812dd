from pathlib import Path

import pytest

from soc_copilot.pipeline import bench_archive as bench


def test_the_archive_is_measured_on_lines_that_vary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "TRIES", 1)
    monkeypatch.setattr(bench, "BATCH_LINES", 1_000)
    told: list[str] = []
    figures = bench.bench_archive(5_000, folder=tmp_path, progress=told.append)
    assert figures.n_events == 5_000
    assert figures.archive_bytes < figures.batch_bytes < figures.raw_bytes
    assert figures.write_per_s > 0
    assert "compacting" in told
    assert [search.what for search in figures.searches] == [
        "a rare term", "an address", "five minutes"
    ]  # fmt: skip
    for search in figures.searches:
        assert search.n_zgrep in {None, search.n_found}
    assert figures.searches[1].n_found > 0
    assert figures.to_json()["n_events"] == 5_000
    assert list(tmp_path.iterdir()) == []


def test_a_tool_that_is_missing_has_no_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "TRIES", 1)
    monkeypatch.setattr(bench.shutil, "which", lambda name: None)
    figures = bench.bench_archive(1_000, folder=tmp_path)
    assert all(search.zgrep_s is None and search.lnav_s is None for search in figures.searches)
