from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from soc_copilot.detection.engine import check_detections
from soc_copilot.detection.host import create
from soc_copilot.detection.host.carried import HostVerdicts, add_carried
from soc_copilot.detection.protocol import no_opinion
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Finding

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LINE = '{"threshold":0.5}'


def batch(rows: list[tuple[float | None, bool | None, str | None, str | None]]) -> EventBatch:
    n = len(rows)
    frame = pl.DataFrame(
        {
            c.SOURCE_ID: pl.Series([3] * n, dtype=pl.Int32),
            c.GENERATION: pl.Series([1] * n, dtype=pl.Int32),
            c.OFFSET: pl.Series(range(n), dtype=pl.Int64),
            c.LENGTH: pl.Series([10] * n, dtype=pl.Int64),
            c.FILE_PATH: ["service"] * n,
            c.ORIGINAL: [LINE] * n,
            c.INGESTED: [NOON] * n,
            c.TIMESTAMP: [NOON + timedelta(hours=7 * i) for i in range(n)],
            c.PREDICT_SCORE: pl.Series([row[0] for row in rows], dtype=pl.Float32),
            c.PREDICT_THREAT: pl.Series([row[1] for row in rows], dtype=pl.Boolean),
            c.PREDICT_STREAM: pl.Series([row[2] for row in rows], dtype=pl.String),
            c.USER: pl.Series([row[3] for row in rows], dtype=pl.String),
            c.PATH: [f"/home/{i}" for i in range(n)],
        }
    )
    return EventBatch(1, frame)


ROWS = [
    (0.75, True, "pc", "ann"), (None, None, None, None), (0.9, False, "pc", "ann"),
    (0.8, True, None, "bob"), (0.95, True, None, None), (0.85, True, "pc", None),
]  # fmt: skip


def test_verdicts_are_taken_over_as_they_were_answered() -> None:
    detector = create({"detection.host.carried": True})
    assert isinstance(detector, HostVerdicts)
    detector.start("cpu")
    found = check_detections(detector.detect(batch(ROWS)), "host", len(ROWS))
    expected = np.array([0.75, np.nan, 0.9, 0.8, 0.95, 0.85], np.float32)
    assert np.array_equal(found.scores, expected, equal_nan=True)
    told = [(one.entity_type, one.entity, one.count, one.threshold) for one in found.findings]
    assert told == [
        (c.PREDICT_STREAM, "pc", 1, 0.5),
        (c.USER, "bob", 1, 0.5),
        (c.PREDICT_STREAM, "unknown", 1, 0.5),
        (c.PREDICT_STREAM, "pc", 1, 0.5),  # of the next day
    ]
    assert "/home/0" in found.findings[0].summary
    detector.restore(b"of whoever scores")
    detector.rollback()
    detector.commit()
    detector.close()


def test_findings_do_not_depend_on_how_events_came() -> None:
    def totals(findings: list[Finding]) -> set[tuple[str, object, int, float]]:
        keys = {(one.entity, one.day) for one in findings}
        return {
            (*key, sum(f.count for f in some), max(f.score for f in some))
            for key in keys
            for some in [[f for f in findings if (f.entity, f.day) == key]]
        }

    rows = [(0.6 + i / 50, True, "pc", None) for i in range(3)] * 2
    whole = batch(rows)
    parts = [EventBatch(1, whole.frame[i : i + 1]) for i in range(len(rows))]
    apart = [f for one in parts for f in HostVerdicts().detect(one).findings]
    assert totals(list(HostVerdicts().detect(whole).findings)) == totals(apart)


def test_nothing_is_said_where_no_verdict_came() -> None:
    plain = EventBatch(1, batch(ROWS).frame.drop(c.PREDICT_SCORE))
    found = no_opinion("host", len(ROWS))
    assert add_carried(plain, found) is found
    assert add_carried(batch([(None, None, None, None)]), found) is found
