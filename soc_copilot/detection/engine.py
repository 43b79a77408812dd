"""Runs every detector over a batch; one that fails, hangs or has no model stops no other."""

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from soc_copilot.detection.device import pick_device
from soc_copilot.detection.lane import Lane, LaneBusyError
from soc_copilot.detection.protocol import AbsentDetector, Detector, no_opinion
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Detections, Finding
from soc_copilot.domain.load import SeriesUpdate
from soc_copilot.domain.streams import MAX_EVENTS, MAX_REASONS, MAX_STREAMS, StreamScore
from soc_copilot.domain.summary import DetectorHealth
from soc_copilot.domain.web import MAX_COUNTS, MAX_REQUESTS, MAX_TEXT, WebStanding

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN: Final = 3  # chosen: one poisonous batch is forgiven, a broken model is not
OPEN_S: Final = 30.0  # chosen: how long a failing detector is left alone before one probe
TIMED_BATCHES: Final = 100  # chosen: batches over which mean and p95 are taken
DETECT_TIMEOUT_S: Final = 60.0  # chosen: generous; a batch takes tens of milliseconds
START_TIMEOUT_S: Final = 180.0  # chosen: a large model from a slow disk
SLOW_S: Final = 5.0  # chosen: a batch over this is reported, for lines wait behind it
CLOSE_TIMEOUT_S: Final = 5.0  # chosen
NOTE_S: Final = 3_600.0  # chosen: how long a lost state or a slow batch stays in the health
MAX_STATE_BYTES: Final = 16 * 1024**2  # chosen: a state is written with every batch


class _Slot:
    """One detector, its thread, its circuit and its figures."""

    def __init__(self, detector: Detector, clock: Clock) -> None:
        self.detector = detector
        self.name = detector.info.name
        self.disabled = isinstance(detector, AbsentDetector) and detector.disabled
        self.lane = Lane(f"detector-{self.name}")
        self.clock = clock
        self.started = False
        self.pending = False  # detect has run, neither commit nor rollback yet
        self.stale = False  # its memory may not be what is stored; restore before use
        self.state: bytes | None = None  # as stored
        self.pending_state: bytes | None = None
        self.failures = 0  # in a row
        self.n_failures = 0
        self.n_batches = 0
        self.open_until_s: float | None = None
        self.cause = ""
        self.note = ""
        self.note_until_s = 0.0
        self.times_ms: deque[float] = deque(maxlen=TIMED_BATCHES)

    # Circuit

    @property
    def retry_in_s(self) -> float:
        """Seconds until the next probe; 0 when it may be called."""
        if self.open_until_s is None:
            return 0.0
        return max(self.open_until_s - self.clock.monotonic_s(), 0.0)

    def fail(self, cause: str, *, open_now: bool = False) -> None:
        """Count a failure; the third in a row, or one on a probe, opens the circuit."""
        self.failures += 1
        self.n_failures += 1
        self.cause = cause
        if open_now or self.failures >= FAILURES_TO_OPEN or self.open_until_s is not None:
            self.open_until_s = self.clock.monotonic_s() + OPEN_S
            logger.warning("A detector's circuit is open. name=%s retry_in_s=%s", self.name, OPEN_S)

    def succeed(self) -> None:
        """Close the circuit."""
        if self.open_until_s is not None:
            logger.info("A detector works again. name=%s", self.name)
        self.failures, self.open_until_s, self.cause = 0, None, ""

    def say(self, note: str) -> None:
        """Show a note in the health for a while."""
        self.note, self.note_until_s = note, self.clock.monotonic_s() + NOTE_S

    # Life

    def start(self, device: str) -> bool:
        """Start the detector and give it its stored state; False when that failed."""
        try:
            self.lane.call(lambda: self.detector.start(device), START_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - logged with its traceback by _log
            _log(error, self.name, "start")
            self.fail(_words(error, "start", START_TIMEOUT_S), open_now=True)
            return False
        self.started, self.stale = True, True
        return True

    def refresh(self) -> None:
        """Give the detector its stored state back, or none when it cannot take it.

        Raises:
            Exception: What the detector raised on the empty state.
        """
        state = self.state
        try:
            self.lane.call(lambda: self.detector.restore(state), DETECT_TIMEOUT_S)
        except LaneBusyError:
            raise
        except Exception as error:
            if state is None:
                raise
            logger.exception("A detector's stored state is unusable. name=%s", self.name)
            self.say(
                f"Its stored memory could not be read ({_brief(error)}), so it started afresh: "
                "attacks that were under way may be seen late."
            )
            self.state = None
            self.lane.call(lambda: self.detector.restore(None), DETECT_TIMEOUT_S)
        self.stale = False

    def settle(self, *, stored: bool) -> None:
        """Pass on commit or rollback; a detector that fails here gets its state back."""
        if not self.pending:
            return
        self.pending = False
        if stored and self.pending_state is not None:
            self.state = self.pending_state
        self.pending_state = None
        call = self.detector.commit if stored else self.detector.rollback
        try:
            self.lane.call(call, DETECT_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - logged with its traceback by _log
            _log(error, self.name, "commit" if stored else "rollback")
            self.stale = True
            self.fail(_words(error, "settle", DETECT_TIMEOUT_S))

    # Figures

    def health(self, device_name: str) -> DetectorHealth:
        """How it is doing now."""
        info = self.detector.info
        times = np.fromiter(self.times_ms, dtype=np.float64)
        state, detail = self._state()
        return DetectorHealth(
            name=info.name,
            title=info.title,
            version=info.version,
            state=state,
            detail=detail,
            mean_ms=float(times.mean()) if times.size else 0.0,
            p95_ms=float(np.percentile(times, 95)) if times.size else 0.0,
            n_batches=self.n_batches,
            n_failures=self.n_failures,
            retry_in_s=self.retry_in_s,
            device=device_name if info.accelerated else "CPU",
        )

    def _state(self) -> tuple[str, str]:
        if isinstance(self.detector, AbsentDetector) and self.disabled:
            return "disabled", self.detector.reason
        if self.open_until_s is not None:
            wait = self.retry_in_s
            when = f"Tried again in {wait:.0f} s." if wait else "Tried again with the next batch."
            return "open", f"{self.cause} {when}"
        if not self.started:
            return "loading", "Loading."
        if self.failures:
            return "degraded", f"{self.cause} It is still tried."
        if self.note and self.clock.monotonic_s() < self.note_until_s:
            return "degraded", self.note
        return "ok", ""


class DetectionEngine:
    """Every detector over every batch, each on a thread of its own.

    Detectors run side by side: their work is in libraries that release the GIL. One that
    does not answer within `DETECT_TIMEOUT_S` is left behind: the batch goes on without it,
    its circuit opens, and it is called again once it has come back.

    Thread:
        All methods on one thread (the pipeline's), except `health`, which any may call.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        *,
        device: str = "auto",
        clock: Clock = SYSTEM_CLOCK,
        detect_timeout_s: float = DETECT_TIMEOUT_S,
    ) -> None:
        self._wanted = device
        self._device = "cpu"
        self._timeout_s = detect_timeout_s
        self._clock = clock
        self._slots = tuple(_Slot(detector, clock) for detector in detectors)
        self.device_name = "CPU"

    def start(self) -> None:
        """Choose the device and start every detector; one that cannot is tried again later."""
        active = [slot for slot in self._slots if not slot.disabled]
        if any(slot.detector.info.accelerated for slot in active):
            try:
                self._device, self.device_name = pick_device(self._wanted)
            except DetectorError as error:
                logger.warning("The device is not available; the CPU is used. %s", error)
                self._device, self.device_name = pick_device("cpu")
                for slot in active:
                    if slot.detector.info.accelerated:
                        slot.say(f"{error} It runs on the CPU meanwhile.")
        for slot in active:
            slot.start(self._device)

    def detect(self, batch: EventBatch) -> list[Detections]:
        """The answers of all detectors that are switched on, in their order.

        Findings and scores are checked; a detector that breaks the rules for them counts
        as failed. One that failed, is skipped, or lacks its columns answers NaN.
        """
        tickets = []
        for slot in self._slots:
            if slot.disabled:
                continue
            called = batch.has(*slot.detector.info.wants) and self._ready(slot)
            if called:
                slot.pending = True
                slot.lane.submit(lambda d=slot.detector: d.detect(batch))  # type: ignore[misc]
            tickets.append((slot, called))
        answers = []
        for slot, called in tickets:
            found = self._collect(slot, batch) if called else None
            answers.append(found or no_opinion(slot.name, batch.n_events))
        return answers

    def commit(self) -> None:
        """The batch is stored: what detectors prepared becomes current."""
        for slot in self._slots:
            slot.settle(stored=True)

    def rollback(self) -> None:
        """The batch is not stored: detectors forget what they prepared."""
        for slot in self._slots:
            slot.settle(stored=False)

    def restore(self, states: Mapping[str, bytes]) -> None:
        """Give every detector its stored state; those without one start empty.

        Before or after `start`, in both cases ahead of the first batch.
        """
        for slot in self._slots:
            slot.state, slot.pending_state, slot.pending = states.get(slot.name), None, False
            slot.stale = True

    def health(self) -> tuple[DetectorHealth, ...]:
        """How every detector is doing, those switched off included."""
        return tuple(slot.health(self.device_name) for slot in self._slots)

    def close(self) -> None:
        """Close the detectors and end their threads; a hung one is left to the process's end."""
        for slot in self._slots:
            if slot.started:
                try:
                    slot.lane.call(slot.detector.close, CLOSE_TIMEOUT_S)
                except Exception as error:  # noqa: BLE001 - logged with its traceback by _log
                    _log(error, slot.name, "close")
            slot.started = False
            slot.lane.close(CLOSE_TIMEOUT_S)

    def _ready(self, slot: _Slot) -> bool:
        """True when the detector may be called; starts and restores it where that is due."""
        if slot.retry_in_s > 0:
            return False
        if slot.lane.is_busy:
            slot.fail("It is still busy with an earlier batch.", open_now=True)
            return False
        if not slot.started and not slot.start(self._device):
            return False
        if slot.stale:
            try:
                slot.refresh()
            except Exception as error:  # noqa: BLE001 - logged with its traceback by _log
                _log(error, slot.name, "restore")
                slot.fail(_words(error, "restore", DETECT_TIMEOUT_S))
                return False
        return True

    def _collect(self, slot: _Slot, batch: EventBatch) -> Detections | None:
        try:
            found = slot.lane.result(self._timeout_s)
            slot.times_ms.append(slot.lane.elapsed_s * 1e3)
            slot.n_batches += 1
            checked = check_detections(found, slot.name, batch.n_events)
        except Exception as error:  # noqa: BLE001 - logged with its traceback by _log
            _log(error, slot.name, "detect")
            # Its memory may be half-way: it gets the stored one back before the next batch.
            slot.pending, slot.stale = False, True
            slot.fail(
                _words(error, "detect", self._timeout_s), open_now=isinstance(error, LaneBusyError)
            )
            return None
        slot.succeed()
        if slot.lane.elapsed_s > SLOW_S:
            slot.say(f"It took {slot.lane.elapsed_s:.1f} s for one batch; lines wait for it.")
        slot.pending_state = checked.state
        return checked


def check_detections(found: object, name: str, n_events: int) -> Detections:
    """The answer itself, when it keeps to what `Detections` promises.

    Raises:
        DetectorError: It does not; the message says in what.
    """
    if not isinstance(found, Detections):
        raise DetectorError(f"It answered a {type(found).__name__}, not Detections.")
    scores = found.scores
    if not isinstance(scores, np.ndarray) or scores.dtype != np.float32:
        raise DetectorError("Its scores are not a float32 array.")
    if scores.shape != (n_events,):
        raise DetectorError(f"Its scores have the shape {scores.shape}, not ({n_events},).")
    if bool(((scores < 0) | (scores > 1)).any()):
        raise DetectorError("It gave a score outside [0, 1].")
    if found.detector != name:
        raise DetectorError(f'It answered as "{found.detector}".')
    if found.state is not None:
        if not isinstance(found.state, bytes):
            raise DetectorError("Its state is not bytes.")
        if len(found.state) > MAX_STATE_BYTES:
            raise DetectorError(
                f"Its state has {len(found.state):,} bytes; at most {MAX_STATE_BYTES:,} are stored."
            )
    for finding in found.findings:
        _check_finding(finding, name)
    if len(found.streams) > MAX_STREAMS:
        raise DetectorError(
            f"It told of {len(found.streams)} streams; at most {MAX_STREAMS} are shown."
        )
    for stream in found.streams:
        _check_stream(stream, name)
    _check_web(found.web)
    if any(not isinstance(one, SeriesUpdate) or not one.key for one in found.series):
        raise DetectorError("One of its series is not a SeriesUpdate with a key.")
    return found


def _check_finding(finding: object, name: str) -> None:
    if not isinstance(finding, Finding) or finding.detector != name:
        raise DetectorError("One of its findings is not a Finding of its own.")
    if finding.count < 1 or not finding.entity or not finding.rule:
        raise DetectorError("One of its findings has no count, no entity or no rule.")
    if not (0.0 <= finding.score <= 1.0):
        raise DetectorError("One of its findings has a score outside [0, 1].")
    if finding.first_seen.tzinfo is None or finding.last_seen.tzinfo is None:
        raise DetectorError("One of its findings has a time without a zone.")
    if finding.first_seen > finding.last_seen or finding.day != finding.last_seen.date():
        raise DetectorError("One of its findings does not lie within one UTC day.")
    if len(finding.evidence) > EVIDENCE_PER_FINDING:
        raise DetectorError(
            f"One of its findings has {len(finding.evidence)} raw lines; "
            f"at most {EVIDENCE_PER_FINDING} are kept."
        )


def _check_stream(stream: object, name: str) -> None:
    if not isinstance(stream, StreamScore) or stream.detector != name or not stream.stream:
        raise DetectorError("One of its streams is not a StreamScore of its own with a name.")
    if not (0.0 <= stream.score <= 1.0):
        raise DetectorError("One of its streams has a score outside [0, 1].")
    if len(stream.reasons) > MAX_REASONS or len(stream.events) > MAX_EVENTS:
        raise DetectorError("One of its streams has more reasons or events than are shown.")
    if any(moment.tzinfo is None for moment in (stream.at, *(e.at for e in stream.events))):
        raise DetectorError("One of its streams has a time without a zone.")


def _check_web(web: object) -> None:
    if web is None:
        return
    if not isinstance(web, WebStanding):
        raise DetectorError("What it told of web requests is not a WebStanding.")
    if max(map(len, (web.classes, web.targets, web.attackers))) > MAX_COUNTS:
        raise DetectorError(f"It counted web requests by more than {MAX_COUNTS} names.")
    if len(web.requests) > MAX_REQUESTS or any(len(r.text) > MAX_TEXT + 2 for r in web.requests):
        raise DetectorError("It told of more or longer web requests than are shown.")
    if any(one.at.tzinfo is None for one in web.requests):
        raise DetectorError("One of its web requests has a time without a zone.")


def _brief(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, DetectorError):
        return text.rstrip(".")
    return f"{type(error).__name__}: {text}"[:200].rstrip(".: ")


_VERBS: Final = {
    "start": "start",
    "detect": "score a batch",
    "restore": "take up its stored memory",
    "settle": "close a batch",
}


def _words(error: BaseException, call: str, timeout_s: float) -> str:
    """One sentence on what went wrong, for the health."""
    if isinstance(error, LaneBusyError):
        return f"It did not finish within {timeout_s:g} s."
    if call == "start" and isinstance(error, DetectorError):
        return f"{_brief(error)}."
    return f"It could not {_VERBS[call]}: {_brief(error)}."


def _log(error: BaseException, name: str, call: str) -> None:
    if isinstance(error, DetectorError | LaneBusyError):
        logger.warning("A detector failed. name=%s call=%s error=%s", name, call, error)
    else:
        logger.error("A detector failed. name=%s call=%s", name, call, exc_info=error)
