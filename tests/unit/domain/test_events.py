from datetime import UTC, datetime

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EVIDENCE_RAW_CHARS, EventBatch, event_id

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def batch() -> EventBatch:
    frame = pl.DataFrame(
        {
            c.SOURCE_ID: [1, 1],
            c.GENERATION: [2, 2],
            c.OFFSET: [0, 40],
            c.LENGTH: [40, 20_000],
            c.FILE_PATH: ["a.log", "a.log"],
            c.ORIGINAL: ["first line", "x" * 20_000],
            c.INGESTED: [AT, AT],
            c.TIMESTAMP: [AT, AT],
        }
    )
    return EventBatch(1, frame)


def test_evidence_points_at_the_line_it_came_from() -> None:
    (evidence,) = batch().evidence([0], [[(0, 5)]], [0.5])
    assert evidence.event_id == event_id(1, 2, 0) == "1-2-0"
    assert (evidence.path, evidence.offset, evidence.length) == ("a.log", 0, 40)
    assert (evidence.raw, evidence.highlights, evidence.score) == ("first line", ((0, 5),), 0.5)
    assert evidence.timestamp == AT


def test_evidence_keeps_the_order_asked_for_and_cuts_long_lines() -> None:
    long, short = batch().evidence([1, 0])
    assert (long.offset, short.offset) == (40, 0)
    assert len(long.raw) == EVIDENCE_RAW_CHARS
    assert long.length == 20_000


def test_no_rows_give_no_evidence() -> None:
    assert batch().evidence([]) == ()


def test_has_asks_for_all_columns() -> None:
    assert batch().has(c.ORIGINAL, c.OFFSET)
    assert not batch().has(c.ORIGINAL, c.URL)
    assert batch().n_events == 2
