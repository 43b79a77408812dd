from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.web import findings
from soc_copilot.detection.web.classes import NAMES, SCANNER
from soc_copilot.detection.web.explain import Explanation, Part
from soc_copilot.detection.web.findings import Flagged, build_findings
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Finding, Severity

NIGHT = datetime(2024, 5, 1, 23, 59, 58, tzinfo=UTC)
SQLI, PROBE = NAMES.index("sqli"), NAMES.index("probe")


def explain(text: str) -> Explanation:
    at = text.index("UNION") if "UNION" in text else 0
    return Explanation((Part((at, at + 5), "union", 0.9),), ("base64",), 0.25)


def batch_of(n: int, status: int = 404, **columns: object) -> EventBatch:
    urls = [f"/a.php?id={i}%27+UNION+SELECT" for i in range(n)]
    frame = {
        c.SOURCE_ID: pl.Series([1] * n, dtype=pl.Int32),
        c.GENERATION: pl.Series([1] * n, dtype=pl.Int32),
        c.OFFSET: pl.Series(range(n), dtype=pl.Int64),
        c.LENGTH: pl.Series([90] * n, dtype=pl.Int64),
        c.FILE_PATH: ["access.log"] * n,
        c.ORIGINAL: [f'198.51.100.4 - - [..] "GET {url} HTTP/1.1"' for url in urls],
        c.TIMESTAMP: [NIGHT + timedelta(seconds=i) for i in range(n)],
        c.INGESTED: [NIGHT] * n,
        c.SOURCE_IP: ["198.51.100.4"] * n,
        c.URL: urls,
        c.STATUS: pl.Series([status] * n, dtype=pl.Int32),
    } | columns
    return EventBatch(1, pl.DataFrame(frame))


def found(batch: EventBatch, kinds: list[int] | None = None) -> tuple[Finding, ...]:
    n = batch.n_events
    flagged = Flagged(
        rows=np.arange(n),
        scores=np.linspace(0.9, 0.99, n).astype(np.float32),
        kinds=np.array(kinds or [SQLI] * n, np.uint8),
        texts=batch.frame[c.URL],
    )
    return build_findings(batch, flagged, explain, threshold=0.9, version="v1")


def test_findings_are_split_by_utc_day_and_class() -> None:
    results = found(batch_of(4), [SQLI, SQLI, SQLI, PROBE])
    assert [(f.rule, f.count) for f in results] == [
        ("web.sqli", 2),
        ("web.sqli", 1),
        ("web.probe", 1),
    ]
    assert all(f.first_seen.date() == f.last_seen.date() for f in results)
    assert {f.technique for f in results} == {"T1190", "T1595.003"}


def test_highlights_mark_the_part_in_the_raw_line() -> None:
    for line in found(batch_of(2))[0].evidence:
        assert [line.raw[a:b] for a, b in line.highlights] == ["UNION"]


def test_the_summary_speaks_of_the_strongest_request() -> None:
    finding = found(batch_of(2))[0]
    assert finding.summary == (
        "198.51.100.4 sent what looks like SQL injection to /a.php; "
        'strongest part: "union" (answered 404).'
    )
    assert finding.score == pytest.approx(0.99)
    assert "asked for what scanners look for" in found(batch_of(2), [PROBE] * 2)[0].summary
    assert [part.name for part in finding.components][:3] == [
        "Strongest request",
        "Speaks for an attack",
        "Disguise undone",
    ]
    assert finding.next_steps


def test_success_raises_the_severity_by_one() -> None:
    assert found(batch_of(2, 404))[0].severity == Severity.MEDIUM
    assert found(batch_of(2, 200))[0].severity == Severity.HIGH
    for kind in (SCANNER, PROBE):
        assert found(batch_of(2, 200), [kind] * 2)[0].severity == Severity.LOW


def test_evidence_holds_the_earliest_lines_and_the_strongest() -> None:
    many = batch_of(60, **{c.TIMESTAMP: [NIGHT.replace(hour=1)] * 60})
    finding = found(many)[0]
    assert finding.count == 60
    assert EVIDENCE_PER_FINDING <= len(finding.evidence) <= EVIDENCE_PER_FINDING + 1
    assert finding.evidence[0].offset == 0
    assert finding.evidence[-1].offset == 59


def test_a_flood_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MAX_EXPLAINED", 5)
    monkeypatch.setattr(findings, "MAX_EVIDENCE", 10)
    calls = []
    n = 200
    batch = batch_of(n, **{c.SOURCE_IP: [f"198.51.100.{i}" for i in range(n)]})
    flagged = Flagged(
        np.arange(n),
        np.full(n, 0.95, np.float32),
        np.full(n, SQLI, np.uint8),
        batch.frame[c.URL],
    )

    def counted(text: str) -> Explanation:
        calls.append(text)
        return explain(text)

    results = build_findings(batch, flagged, counted, threshold=0.9, version="v1")
    assert len(results) == n
    assert len(calls) == 5
    assert all(len(f.evidence) == 1 for f in results)


def test_events_without_an_address_are_filed_under_host_or_file() -> None:
    by_host = batch_of(2, **{c.SOURCE_IP: [None, None], c.HOST: ["web1", "web1"]})
    assert {(f.entity, f.entity_type) for f in found(by_host)} == {("web1", c.HOST)}
    frame = batch_of(2).frame.drop(c.SOURCE_IP, c.STATUS)
    by_file = found(EventBatch(1, frame))
    assert {(f.entity, f.entity_type) for f in by_file} == {("access.log", c.FILE_PATH)}


def test_hidden_characters_do_not_reach_the_summary() -> None:
    batch = batch_of(1, **{c.URL: ["/\u202ea\x1b[31m?UNION"], c.SOURCE_IP: ["\u202e1"]})
    assert found(batch)[0].summary.isprintable()
