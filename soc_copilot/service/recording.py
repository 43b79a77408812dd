"""What was checked, on its way into the pipeline: one JSON line for each request, in a spool."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES
from soc_copilot.ingestion.spooled import ProducerStatus
from soc_copilot.service.wire import Checked

MAX_TEXT_CHARS: Final = 4_096  # chosen: of each text in a line
_MAX_HEADERS: Final = 8  # chosen: of a threat's other headers
_MAX_NOTES: Final = 1_000  # chosen: kept until they are stored
_MAX_KEPT_BYTES: Final = 32 * 1024 * 1024  # chosen: of lines, when the disk takes none
GATHER_S: Final = 0.05
"""So long lines are kept to be written together.

Measured: a write costs 80 microseconds whatever is in it, as much as scoring a request does."""
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


class LineSink(Protocol):
    """Takes lines: a spool, or the way to the process that has one."""

    def write(self, lines: Sequence[bytes], /) -> int:
        """Take lines; returns how many of them, from the first on."""
        ...


class ServiceProducer:
    """Writes what was checked to a spool or on the way to one, on a thread of its own.

    Nobody waits for the disk: lines are kept in memory for a moment and written together. A stop
    writes them all; a killed process loses what it was told within the last `GATHER_S`.

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
        self._lock = threading.Lock()  # of what is kept and counted here
        self._writing = threading.Lock()  # held while lines are written, which keeps their order
        self._kept: list[bytes] = []
        self._n_kept_bytes = 0
        self._n_written_bytes = 0  # being written now
        self._spool: LineSink | None = None
        self._thread: threading.Thread | None = None
        self._is_kept = threading.Event()
        self._is_ending = threading.Event()
        self._n_lost = 0
        self._is_losing = False
        self._told_s = -_LOSS_GAP_S
        self._notes: list[SourceEvent] = []
        self.n_lost = 0  # over all, not recorded for want of room

    def start(self, spool: LineSink) -> None:
        """Begin to write to `spool`, what was kept until now first.

        Raises:
            SourceError: What was stopped before still writes.
        """
        if not self.stop(0.0):
            raise SourceError(
                "The checking service still writes to its spool: the disk is slow. It is tried "
                "again."
            )
        self._spool = spool
        self._is_ending.clear()
        self._thread = threading.Thread(target=self._work, name="service-recording", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Write what there is and no more; lines that come are kept until the next start."""
        if self._thread is None:
            return True
        self._is_ending.set()
        self._is_kept.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._thread = self._spool = None
        return True

    def flush(self) -> None:
        """Write what there is now; `spool` was given all that was observed before."""
        with self._writing:
            spool = self._spool
            if spool is None:
                return
            with self._lock:
                lines, self._kept = self._kept, []
                self._n_written_bytes, self._n_kept_bytes = self._n_kept_bytes, 0
            if lines:
                n_taken = spool.write(lines)
                with self._lock:
                    self._lose(len(lines) - n_taken)
                    self._n_written_bytes = 0

    @property
    def n_waiting_bytes(self) -> int:
        """Bytes of lines that were not written yet."""
        with self._lock:
            return self._n_kept_bytes + self._n_written_bytes

    def status(self) -> ProducerStatus:
        """How it stands."""
        return ProducerStatus("listening", self.trouble(), self.address)

    def take_events(self, *, is_last: bool = False) -> tuple[SourceEvent, ...]:
        """What got lost since the last call; losses of some seconds together, but the last."""
        now = self._clock.monotonic_s()
        with self._lock:
            notes, self._notes = tuple(self._notes), []
            if not self._n_lost or (now - self._told_s < _LOSS_GAP_S and not is_last):
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
        """Record a scored batch; as the gatherer's observer. Never waits for the disk."""
        now = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        lines = [
            line_of(checked, verdict, self._version, now)
            for checked, verdict in zip(requests, verdicts, strict=True)
            if self._is_all or verdict.is_threat
        ]
        self.keep(lines)

    def keep(self, lines: Sequence[bytes]) -> None:
        """Have lines of the "service" format written soon. Never waits for the disk."""
        if not lines:
            return
        n_bytes = sum(map(len, lines))
        with self._lock:
            if self._n_kept_bytes + n_bytes > _MAX_KEPT_BYTES:
                self._lose(len(lines))
                return
            self._kept += lines
            self._n_kept_bytes += n_bytes
        self._is_kept.set()

    def lose(self, n: int) -> None:
        """Count answers that are not recorded."""
        with self._lock:
            self._lose(n)

    def _work(self) -> None:
        while not self._is_ending.is_set():
            self._is_kept.wait()
            self._is_ending.wait(GATHER_S)
            self._is_kept.clear()
            self.flush()
        self.flush()  # what came while the last was written

    def _lose(self, n: int) -> None:
        """Count what was not recorded; under the lock."""
        self._is_losing = n > 0
        self._n_lost += n
        self.n_lost += n
