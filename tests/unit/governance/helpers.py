"""Builders for findings and batches, small enough to read in a test."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from soc_copilot.domain.archive import Segment, SourceShare
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.findings import Component, Evidence, Finding, Severity
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PositionMove

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def line(offset: int, *, at: datetime = NOON, raw: str = "GET /?id=1'", score: float = 0.0):
    return Evidence(
        event_id=f"1-1-{offset}",
        source_id=1,
        generation=1,
        path="/var/log/access.log",
        offset=offset,
        length=len(raw) + 1,
        timestamp=at,
        raw=raw,
        highlights=((5, 7),),
        score=score,
    )


def finding(entity: str = "192.0.2.7", **changes: Any) -> Finding:
    first = changes.pop("first_seen", NOON)
    values: dict[str, Any] = {
        "detector": "web",
        "rule": "web.sqli",
        "entity": entity,
        "entity_type": "source.ip",
        "technique": "T1190",
        "title": "SQL injection in query value",
        "summary": f"{entity} sent a request with SQL in it.",
        "severity": Severity.HIGH,
        "score": 0.9,
        "threshold": 0.5,
        "count": 1,
        "first_seen": first,
        "last_seen": changes.pop("last_seen", first),
        "components": (Component("Quotes", "3", 0.5),),
        "evidence": (),
        "next_steps": ("Look at the answers.",),
        "model_version": "1.0",
    }
    return Finding(**{**values, **changes})


def minutes(n: float) -> datetime:
    return NOON + timedelta(minutes=n)


def move(
    start: int,
    end: int,
    *,
    source_id: int = 1,
    generation: int = 1,
    ledger: LedgerDelta | None = None,
) -> PositionMove:
    return PositionMove(
        start,
        Checkpoint(source_id, generation, "/var/log/access.log", end, size_bytes=end),
        ledger or LedgerDelta(bytes_seen=end - max(start, 0), lines=1, parsed=1),
    )


def commit(
    findings: Sequence[Finding] = (), moves: Sequence[PositionMove] = (), **rest: Any
) -> BatchCommit:
    return BatchCommit(len(findings), tuple(findings), tuple(moves), **rest)


def segment(
    name: str = "000001.parquet",
    shares: Mapping[int, SourceShare] | None = None,
    *,
    level: int = 0,
    size_bytes: int = 1_000,
) -> Segment:
    of = {1: SourceShare(10, 800, 1_000, 2_000)} if shares is None else shares
    n_rows = sum(share.n_rows for share in of.values())
    return Segment(name, level, n_rows, size_bytes, "ab" * 32, of)


class HeldClock:
    """A clock that a test moves."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now_ns(self) -> int:
        return to_us(self.at) * 1_000

    def monotonic_s(self) -> float:
        return self.now_ns() / 1e9

    def pass_by(self, **time: float) -> None:
        self.at += timedelta(**time)
