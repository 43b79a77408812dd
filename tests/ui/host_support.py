"""Streams and alerts of the host detector for the Host page's tests."""

from datetime import timedelta

import numpy as np

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.findings import Component, Finding, Severity
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.streams import StreamEvent, StreamScore
from soc_copilot.domain.summary import BatchSummary, DetectorHealth
from soc_copilot.ui.live import Live
from tests.ui.desk_support import DeskBench

THRESHOLD = 0.8
OK = DetectorHealth("host", "Host activity", "1", "ok")


def judged(
    score: float, stream: str = "1", *, entity: str = "", path: str = "/srv/a.txt", reason: str = ""
) -> StreamScore:
    at = utc_now()
    parts = (Component("Sequence of events", f"{score:.2f}", score),)
    reasons = (reason or "3 files that were there hold unreadable content now.",)
    return StreamScore(
        "host", stream, int(stream.partition("/")[0]), entity, at, score, THRESHOLD, 2, parts,
        reasons if score >= THRESHOLD else (),
        tuple(StreamEvent(at, "file-written", path, score) for _ in range(2)),
    )  # fmt: skip


def told(*streams: StreamScore, at_s: float | None = None) -> BatchSummary:
    stored_s = utc_now().timestamp() if at_s is None else at_s
    return BatchSummary(
        1, int(stored_s * 1e9), 2, 2, 0, (0, 0, 0, 0, 0), 0, np.empty(0, np.float32), (), (OK,),
        streams=streams,
    )  # fmt: skip


def feed(live: Live, *streams: StreamScore, at_s: float | None = None) -> None:
    """Hand over a batch's summary as ingestion does."""
    live.on_summaries([told(*streams, at_s=at_s)])


def raise_alert(bench: DeskBench, entity: str, entity_type: str = "host.name") -> int:
    """Store an alert of the host detector; returns its number."""
    last = utc_now().replace(microsecond=0) - timedelta(minutes=2)
    finding = Finding(
        "host", "host.encryption", entity, entity_type, "T1486", "Files are being encrypted",
        f"Under {entity}: 12 files are lost.", Severity.HIGH, 0.93, THRESHOLD, 12, last, last,
        (Component("Rule: files lost", "0.90", 0.9),),
    )  # fmt: skip
    bench.governance.batches.store(BatchCommit(12, (finding,), ()))
    return max(row.id for row in bench.governance.alerts.page(AlertFilter()))
