import json
import math

import polars as pl
import pytest

from soc_copilot.detection.host.reading import SCHEMA
from soc_copilot.detection.host.saved import save
from soc_copilot.domain.errors import DetectorError
from soc_copilot.pipeline import bench_host as bench
from tests.unit.detection.host.making import model


def test_events_are_ordinary_the_same_each_time_and_spread_over_streams():
    events = bench.make_events(2_000, 20)
    assert events.schema == SCHEMA
    assert events.equals(bench.make_events(2_000, 20))
    assert not events.equals(bench.make_events(2_000, 20, seed=8))
    assert events["stream"].n_unique() == 20
    assert events["time"].is_sorted()
    assert events["operation"].n_unique() == 5
    assert events.filter(pl.col("target") != "")["operation"].unique().to_list() == [2]
    assert events["event_id"].n_unique() == 2_000


@pytest.mark.slow
def test_all_figures_are_measured(tmp_path, monkeypatch):
    save(tmp_path / "host", model(), {})
    monkeypatch.setattr(bench, "BATCHES", (1, 1_000))
    monkeypatch.setattr(bench, "STREAMS", (1, 100))
    monkeypatch.setattr(bench, "_FULL_STREAMS", 64)
    said = []
    found = bench.bench_host(1_000, model=tmp_path / "host", device="cpu", say=said.append)
    assert [(one.batch, one.streams) for one in found.batches] == [
        (1, 1), (1_000, 1), (1, 100), (1_000, 100),
    ]  # fmt: skip
    for one in found.batches:
        assert one.events_per_s > 0
        assert 0 < one.p50_ms <= one.p99_ms
    assert 0 < found.one_p50_ms <= found.one_p99_ms
    assert found.ratio_one == pytest.approx(found.again_p50_ms / found.one_p50_ms)
    assert found.ratio_compiled > 0
    assert found.ratio_batch > 0
    assert math.isfinite(found.stream_bytes) or math.isnan(found.stream_bytes)
    assert 0 <= found.threat_share <= 1
    assert found.model == "host-test"
    assert json.loads(json.dumps(found.to_json()))["batches"][1]["batch"] == 1_000
    assert "memory" in said


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(DetectorError, match="Cannot read the model file"):
        bench.bench_host(10, model=tmp_path / "none")
