"""Requests and alerts of the web detector for the Web page's tests."""

from datetime import datetime, timedelta

import numpy as np

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.findings import Finding, Highlight, Severity
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.summary import BatchSummary, DetectorHealth
from soc_copilot.domain.web import WebCount, WebRequest, WebStanding
from soc_copilot.ui.live import Live
from tests.ui.desk_support import DeskBench

OK = DetectorHealth("web", "Web requests", "1", "ok")
TEXT = "/item?id=1%2527"


def asked(
    address: str = "192.0.2.7",
    *,
    path: str = "/item",
    text: str = TEXT,
    kind: str = "sqli",
    marked: tuple[Highlight, ...] = ((6, 15),),
    decoding: tuple[str, ...] = ("percent-encoded more than once",),
    words: tuple[str, ...] = ("id=1'",),
    at: datetime | None = None,
) -> WebRequest:
    return WebRequest(
        at or utc_now(), 1, address, "GET", path, 200, 0.99, kind, "SQL injection", "T1190",
        "CAPEC-66", text, marked, decoding, words,
    )  # fmt: skip


def standing(*requests: WebRequest, n_requests: int = 50) -> WebStanding:
    """What the detector would tell of a batch with these threats."""

    def counts(names: list[str]) -> tuple[WebCount, ...]:
        kinds = {name: r.kind for name, r in zip(names, requests, strict=True)}
        found = [WebCount(name, names.count(name), kinds[name]) for name in dict.fromkeys(names)]
        return tuple(sorted(found, key=lambda one: -one.n_threats))

    return WebStanding(
        n_requests,
        len(requests),
        counts([r.kind for r in requests]),
        counts([r.path for r in requests]),
        counts([r.address for r in requests]),
        tuple(requests),
    )


def told(*standings: WebStanding, at_s: float | None = None) -> BatchSummary:
    stored_s = utc_now().timestamp() if at_s is None else at_s
    return BatchSummary(
        1, int(stored_s * 1e9), 2, 2, 0, (0, 0, 0, 0, 0), 0, np.empty(0, np.float32), (), (OK,),
        web=standings,
    )  # fmt: skip


def feed(live: Live, *requests: WebRequest, at_s: float | None = None) -> None:
    """Hand over a batch's summary as ingestion does."""
    live.on_summaries([told(standing(*requests), at_s=at_s)])


def raise_alert(bench: DeskBench, entity: str = "192.0.2.7", rule: str = "web.sqli") -> int:
    """Store an alert of the web detector; returns its number."""
    last = utc_now().replace(microsecond=0) - timedelta(minutes=2)
    finding = Finding(
        "web", rule, entity, "source.ip", "T1190", f"Found by {rule}", "It sent something.",
        Severity.MEDIUM, 0.99, 0.9, 3, last, last,
    )  # fmt: skip
    bench.governance.batches.store(BatchCommit(3, (finding,), ()))
    return max(row.id for row in bench.governance.alerts.page(AlertFilter()))
