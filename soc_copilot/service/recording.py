"""What was checked, on its way into the pipeline: one JSON line for each request, in a spool."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES, SpoolWriter
from soc_copilot.ingestion.spooled import ProducerStatus
from soc_copilot.service.wire import Checked

MAX_TEXT_CHARS: Final = 4_096  # chosen: of each text in a line
_MAX_HEADERS: Final = 8  # chosen: of a threat's other headers
_MAX_EARLY: Final = 10_000  # chosen: lines kept until the spool is open
_MAX_NOTES: Final = 1_000  # chosen: kept until they are stored
_LOSS_GAP_S: Final = 10.0  # chosen: losses within it are told together
# Told by their names alone: what they hold lets others in.
_SECRET: Final = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_KNOWN: Final = {"user-agent": c.USER_AGENT, "referer": c.REFERRER, "host": "url.domain"}
_CUT: Final = "..."


def line_of(checked: Checked, verdict: Verdict, version: str, at: datetime) -> bytes:
    """A checked request and its verdict as one line of the "service" format.

    Bodies and other headers than the usual ones are kept of threats only, and never of those
    that carry passwords, unless the attack stands there.
    """
    line = _line(checked, verdict, version, at, MAX_TEXT_CHARS)
    if len(line) > MAX_TEXT_BYTES:  # letters that take six bytes each
        line = _line(checked, verdict, version, at, MAX_TEXT_CHARS // 8)
    return line


def _line(checked: Checked, verdict: Verdict, version: str, at: datetime, limit: int) -> bytes:
    request = checked.request
    told: dict[str, Any] = {
        c.TIMESTAMP: at.isoformat(timespec="microseconds"),
        c.SOURCE_IP: checked.client_ip or None,
        c.METHOD: request.method,
        c.URL: _short(request.target, limit),
        c.WEB_SCORE: verdict.score,
        c.WEB_THREAT: verdict.is_threat,
        c.WEB_VERSION: version,
    }
    for name, text in request.headers.items():
        if (column := _KNOWN.get(name.lower())) is not None:
            told[column] = _short(text, limit)
    if checked.id:
        told["http.request.id"] = checked.id
    if verdict.is_threat:
        told[c.WEB_CLASS] = verdict.kind
        told[c.WEB_TEXT] = _short(verdict.text, limit)
        if request.body:
            told[c.BODY] = _short(request.body, limit)
        if others := _others(request.headers):
            told["headers"] = others
    return msgspec.json.encode(told)


def _others(headers: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in headers.items():
        if name.lower() not in _KNOWN and len(found) < _MAX_HEADERS:
            found[name[:64]] = "(not kept)" if name.lower() in _SECRET else _short(text, 256)
    return found


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + _CUT


class ServiceProducer:
    """Writes what was checked to the spool of the service's source.

    Args:
        version: Of the model that scores.
        record: "all", or "threats" only.
        address: Where the service listens, for people.
        clock: Where the time comes from.

    Thread:
        Any.
    """

    def __init__(
        self,
        version: str,
        record: str = "all",
        address: str = "",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._version = version
        self._is_all = record == "all"
        self.address = address
        self._clock = clock
        self._lock = threading.Lock()
        self._spool: SpoolWriter | None = None
        self._early: deque[bytes] = deque()
        self._n_lost = 0
        self._is_losing = False
        self._told_s = -_LOSS_GAP_S
        self._notes: list[SourceEvent] = []
        self.n_lost = 0  # over all, not recorded for want of room

    def start(self, spool: SpoolWriter) -> None:
        """Begin to write to `spool`."""
        with self._lock:
            self._spool = spool
            early, self._early = list(self._early), deque()
        self._write(early)

    def stop(self, timeout_s: float) -> bool:
        """Write no more; lines that come are kept until the next start."""
        with self._lock:
            self._spool = None
        return True

    def status(self) -> ProducerStatus:
        """How it stands."""
        return ProducerStatus("listening", self.trouble(), self.address)

    def take_events(self) -> tuple[SourceEvent, ...]:
        """What got lost since the last call."""
        now = self._clock.monotonic_s()
        with self._lock:
            notes, self._notes = tuple(self._notes), []
            if not self._n_lost or now - self._told_s < _LOSS_GAP_S:
                return notes
            n, self._n_lost, self._told_s = self._n_lost, 0, now
        message = (
            f"{n:,} checked requests were answered but not recorded: the spool had no room. "
            "Something keeps the pipeline from storing."
        )
        lost = SourceEvent("lost", message, self._clock.now_ns(), is_loss=True, n_lost=n)
        return (*notes, lost)

    def note(self, message: str) -> None:
        """Have something about the service itself stored with what comes next."""
        with self._lock:
            if len(self._notes) < _MAX_NOTES:
                self._notes.append(SourceEvent("note", message, self._clock.now_ns()))

    def trouble(self) -> str:
        """What is wrong with recording now; empty when nothing is."""
        return "Checked requests are not recorded: the spool is full." if self._is_losing else ""

    def observe(
        self, requests: Sequence[Checked], verdicts: Sequence[Verdict], seconds: float
    ) -> None:
        """Record a scored batch; as the gatherer's observer."""
        now = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        self._write(
            [
                line_of(checked, verdict, self._version, now)
                for checked, verdict in zip(requests, verdicts, strict=True)
                if self._is_all or verdict.is_threat
            ]
        )

    def _write(self, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        with self._lock:
            spool = self._spool
            if spool is None:
                n_taken = min(len(lines), _MAX_EARLY - len(self._early))
                self._early.extend(lines[:n_taken])
            else:
                n_taken = spool.write(lines)
            n_lost = len(lines) - n_taken
            self._is_losing = n_lost > 0
            self._n_lost += n_lost
            self.n_lost += n_lost
