import json
import math
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.domain import columns as c
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.service import ServiceFormat
from soc_copilot.service.predicted import PredictionRecorder, line_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVENT = HostEvent(
    "e1", 1_700_000_000.0, Operation.RENAME, "/home/a/b.docx", "/home/a/b.locked", 20_000.0,
    math.nan, 7.5, 4.0, stream="pc", user="ann", process="x.exe",
)  # fmt: skip


def told(score: float, *reasons: str) -> dict[str, Any]:
    return {"threat_score": score, "is_threat": score >= 0.5, "reasons": list(reasons)}


def parsed(*lines: bytes) -> pl.DataFrame:
    return ServiceFormat().parse(pl.Series([x.decode() for x in lines]), ParseContext(NOON))


def test_a_scored_event_is_an_event_of_the_pipeline() -> None:
    line = line_of(EVENT, told(0.75, "Many files were renamed."), "v7", 0.5, NOON)
    (row,) = parsed(line).rows(named=True)
    assert row[c.KIND] == c.KIND_EVENT
    assert (row[c.TIMESTAMP], row[c.ACTION], row[c.CATEGORY]) == (NOON, "file-renamed", "file")
    assert (row[c.PATH], row[c.FILE_TARGET], row[c.USER]) == (EVENT.path, EVENT.target, "ann")
    assert (row[c.FILE_SIZE], row[c.FILE_OLD_SIZE], row[c.ENTROPY]) == (20_000, None, 7.5)
    assert (row[c.PREDICT_SCORE], row[c.PREDICT_THREAT]) == (0.75, True)
    assert (row[c.PREDICT_STREAM], row[c.PREDICT_VERSION]) == ("pc", "v7")
    assert row[c.PREDICT_REASONS] == "Many files were renamed."
    assert row[c.WEB_SCORE] is row[c.PHISH_SCORE] is None


@pytest.mark.parametrize("operation", list(Operation))
def test_every_operation_is_an_action(operation: Operation) -> None:
    event = HostEvent("e", 1.0, operation, "/a")
    (row,) = parsed(line_of(event, told(0.1), "v7", 0.5, NOON)).rows(named=True)
    assert (row[c.KIND], row[c.ACTION][:5]) == (c.KIND_EVENT, "file-")


def test_a_line_fits_the_spool_whatever_is_in_it() -> None:
    long = "\U0001f600\0\u0007" * 1_365
    event = HostEvent("e" * 4_096, 1.0, Operation.WRITE, long, long, stream=long, user=long)
    line = line_of(event, told(0.9, *[long] * 9), "v7", 0.5, NOON)
    assert len(line) <= MAX_TEXT_BYTES
    assert b"\n" not in line
    assert parsed(line)[c.KIND].to_list() == [c.KIND_EVENT]


@pytest.mark.parametrize(("record", "expected"), [("all", ["a", "b"]), ("threats", ["b"])])
def test_what_is_recorded_is_what_is_asked_for(record: str, expected: list[str]) -> None:
    kept: list[bytes] = []
    events = [HostEvent("x", 1.0, Operation.WRITE, path) for path in ("a", "b")]
    recorder = PredictionRecorder(kept.extend, record)
    recorder.scored(events, [told(0.1), told(0.9)], "v7", 0.5)
    assert [json.loads(line)[c.PATH] for line in kept] == expected
