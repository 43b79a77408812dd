"""Series in the pipeline: same answers in whatever batches, after a restart, a rollback."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.load.live import LoadDetector
from soc_copilot.detection.load.states import standings, unpack
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections
from soc_copilot.domain.load import HourRow, Odd
from soc_copilot.pipeline.bench_load import made

START = 412_000
HISTORY = 504
N = HISTORY + 120


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    found = made(N, seed=3)
    found[HISTORY + 40 : HISTORY + 64] *= 1.4
    return found


@pytest.fixture(scope="module")
def detector() -> LoadDetector:
    made_once = LoadDetector()
    made_once.start("cpu")
    return made_once


def batch(hours: list[int], values: list[float | None], source: int = 1, at: int = 0) -> EventBatch:
    n = len(hours)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            c.SOURCE_ID: pl.Series([source] * n, dtype=pl.Int32),
            c.GENERATION: pl.Series([1] * n, dtype=pl.Int32),
            c.OFFSET: pl.Series([at + 10 * i for i in range(n)], dtype=pl.Int64),
            c.LENGTH: pl.Series([10] * n, dtype=pl.Int64),
            c.FILE_PATH: [f"/m/meter{source}.csv"] * n,
            c.ORIGINAL: [f"{h},{v}" for h, v in zip(hours, values, strict=True)],
            c.INGESTED: pl.Series([now] * n, dtype=pl.Datetime("us", "UTC")),
            c.TIMESTAMP: pl.Series([now] * n, dtype=pl.Datetime("us", "UTC")),
            c.KIND: [c.KIND_EVENT] * n,
            c.SERIES_HOUR: pl.Series(hours, dtype=pl.Int64),
            c.SERIES_VALUE: pl.Series(values, dtype=pl.Float64),
            c.SERIES_UNIT: ["MW"] * n,
        }
    )
    return EventBatch(1, frame)


def feed(detector: LoadDetector, values: np.ndarray, cuts: list[int]) -> list[Detections]:
    found = []
    for low, high in zip([0, *cuts], [*cuts, len(values)], strict=True):
        hours = list(range(START + low, START + high))
        found.append(detector.detect(batch(hours, values[low:high].tolist(), at=10 * low)))
        detector.commit()
    return found


def hours_of(found: list[Detections]) -> dict[int, HourRow]:
    return {row.hour: row for one in found for update in one.series for row in update.rows}


def same(one: dict[int, HourRow], other: dict[int, HourRow]) -> None:
    assert one.keys() == other.keys()
    for hour, row in one.items():
        for name in ("value", "forecast", "score"):
            ours, theirs = getattr(row, name), getattr(other[hour], name)
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, equal_nan=True)
        assert row.grade == other[hour].grade


def test_batches_a_restart_and_a_rollback_change_nothing(
    detector: LoadDetector, values: np.ndarray
) -> None:
    detector.restore(None)
    whole = feed(detector, values, [])
    cuts = [1, 300, HISTORY - 1, HISTORY + 50, HISTORY + 51]
    detector.restore(None)
    parts = feed(detector, values, cuts)
    same(hours_of(whole), hours_of(parts))
    assert any(row.grade for row in hours_of(whole).values())
    assert sum(f.count for d in whole for f in d.findings) == sum(
        f.count for d in parts for f in d.findings
    )

    other = LoadDetector()
    other.start("cpu")
    other.restore(parts[-3].state)  # as if the program had ended within the attack
    low = cuts[-2]
    hours = list(range(START + low, START + N))
    lost = other.detect(batch(hours, values[low:].tolist(), at=10 * low))
    other.rollback()
    again = other.detect(batch(hours, values[low:].tolist(), at=10 * low))
    expected = {h: r for h, r in hours_of(whole).items() if h >= START + low}
    same(hours_of([lost]), expected)
    same(hours_of([again]), expected)


def test_an_attack_becomes_an_alert_that_explains_itself(
    detector: LoadDetector, values: np.ndarray
) -> None:
    detector.restore(None)
    found = [f for d in feed(detector, values, [HISTORY]) for f in d.findings]
    assert found
    manipulated = [one for one in found if one.rule == "load.manipulated"]
    finding = max(manipulated, key=lambda one: one.severity)
    assert finding.entity == "meter1"
    assert "above its forecast since" in finding.summary
    assert "It looks like" in finding.summary
    assert finding.evidence
    assert finding.first_seen.date() == finding.last_seen.date()


def test_what_is_odd_about_values_is_told(detector: LoadDetector, values: np.ndarray) -> None:
    detector.restore(None)
    feed(detector, values[:HISTORY], [])
    usual = float(values[HISTORY])
    hours = [START + HISTORY + k for k in (0, 1, 1, 4, 5, 6)]
    rows = [usual, usual, usual, -5.0, usual * 1e9, None]
    found = detector.detect(batch(hours, rows, at=10**6))
    detector.commit()
    odd = {row.hour - START - HISTORY: Odd(row.odd) for row in found.series[0].rows if row.odd}
    assert odd == {
        2: Odd.MISSING, 3: Odd.MISSING, 4: Odd.NOT_POSITIVE, 5: Odd.JUMP, 6: Odd.MISSING,
    }  # fmt: skip
    told = [f for f in found.findings if f.rule == "load.values"]
    assert told
    assert "more than one row" in " ".join(f.summary for f in told)


def test_a_state_that_cannot_be_used_begins_anew(detector: LoadDetector) -> None:
    for state in (b"", b"\x05", b"\xff" * 50, b"\x02\x00\x00\x00{}"):
        detector.restore(state)
        found = detector.detect(batch([START], [5.0]))
        detector.commit()
        assert found.state


def test_how_it_stands_is_kept_with_the_state_and_goes_on_after_a_restart(
    detector: LoadDetector,
) -> None:
    detector.restore(None)
    values = made(HISTORY + 2 * 168 + 101, seed=4)
    state = feed(detector, values[:-1], [])[-1].state
    assert state is not None
    (found,) = standings(state).values()
    assert 0 < found.ratio < 2
    assert 0 < found.mape < 0.05
    assert 0 < found.p50_us <= found.p95_us <= found.p99_us
    assert found.hours_per_s > 0
    assert found.memory_limit_bytes > 0
    detector.restore(state)
    later = detector.detect(batch([START + len(values) - 1], [float(values[-1])], at=10**6))
    detector.commit()
    assert later.state is not None
    before, after = (unpack(one)[0]["times"] for one in (state, later.state))
    assert after[:-1] == before[len(before) + 1 - len(after) :]  # those from before, and one


def test_other_lines_are_left_alone(detector: LoadDetector) -> None:
    frame = batch([START], [5.0]).frame.with_columns(pl.lit(None, pl.Int64).alias(c.SERIES_HOUR))
    found = detector.detect(EventBatch(1, frame))
    assert np.isnan(found.scores).all()
    assert found.state is None
    detector.commit()


def test_a_forecast_that_drifts_is_told_once(detector: LoadDetector) -> None:
    detector.restore(None)
    values = made(HISTORY + 500 + 400, seed=4)
    late = np.arange(len(values)) >= HISTORY + 520
    values = values * np.where(late, 1 + 0.02 * np.sin(np.arange(len(values)) * 1.7), 1.0)
    cuts = [HISTORY + 600, HISTORY + 700]
    told = [f for d in feed(detector, values, cuts) for f in d.findings if f.rule == "load.drift"]
    assert len(told) == 1
    assert "times off" in told[0].title
    assert told[0].evidence


@pytest.mark.parametrize(
    ("line", "n"),
    [
        ('[{"time": "2017-01-01 01:00", "value": 1},', 1),
        ("[", 1),
        ("{", 1),
        ('{"time": ["2017-01-01 01:00",', 1),
        ("time,value", 0),
        ('{"time": "2017-', 0),
    ],
)
def test_a_file_that_is_one_document_is_told_once(
    detector: LoadDetector, line: str, n: int
) -> None:
    frame = batch([0, 0], [None, None]).frame.with_columns(
        pl.Series(c.ORIGINAL, [line, "["]),
        pl.Series(c.KIND, [c.KIND_UNPARSED] * 2),
        pl.lit("series").alias(c.DATASET),
        pl.lit(None, dtype=pl.Int64).alias(c.SERIES_HOUR),
    )
    found = detector.detect(EventBatch(1, frame))
    assert found.state is None
    assert [one.entity for one in found.findings] == ["meter1"] * n
    other = frame.with_columns(pl.lit("json").alias(c.DATASET))
    assert not detector.detect(EventBatch(2, other)).findings
