"""Host events for /predict: read from JSON, scored in order on a thread of its own."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.detection.host.engine import StreamingInferenceEngine
from soc_copilot.domain.errors import DetectorError
from soc_copilot.service.wire import Number, RefusedError

logger = logging.getLogger(__name__)

MAX_TEXT_CHARS: Final = 4_096  # standard: the longest path of Linux
MAX_PENDING: Final = 64  # chosen: calls that wait; each holds the event loop for nothing
_MAX_TIME_S: Final = 1e11  # chosen: the year 5138; beyond it a time is in ms
_BITS: Final = 8.0  # entropy of a byte is at most this
_DIGITS: Final = 6
_RETRY_S: Final = 1.0
_OPERATIONS: Final = {operation.name.lower(): operation for operation in Operation}
_TEXTS: Final = ("event_id", "path", "target", "stream", "user", "process")
_NUMBERS: Final = {
    "size": 2.0**63, "previous_size": 2.0**63, "entropy": _BITS, "previous_entropy": _BITS,
}  # fmt: skip
Observer = Callable[[Sequence[HostEvent], Sequence[dict[str, Any]], str, float], None]
"""Told of events, what was answered of them, the model's version and its threshold."""
_KEYS: Final = ("timestamp", "operation", "is_folder", *_TEXTS, *_NUMBERS)


def read_events(value: Any, most: int) -> list[HostEvent]:
    """Events from {"events": [...]} or from one event alone.

    Raises:
        RefusedError: Something in it is not as documented; the message names it.
    """
    if type(value) is not dict:
        _wrong('The body must be {"events": [...]}')
    if "events" not in value:
        return [_event(value, "", 0)]
    rows = value["events"]
    if len(value) != 1 or type(rows) is not list or not rows:
        _wrong('The body must be {"events": [...]} with at least one event')
    if len(rows) > most:
        raise RefusedError(
            413, "too_many", f'"events" has {len(rows):,} entries; at most {most:,} are taken.'
        )
    return [_event(row, f"events[{i}].", i) for i, row in enumerate(rows)]


def _event(row: Any, where: str, number: int) -> HostEvent:
    if type(row) is not dict:
        _wrong(f"{where.rstrip('.') or 'The body'} must be an object")
    for key in row:
        if key not in _KEYS:
            _wrong(f'"{where}{ascii(key[:40])[1:-1]}" is not known; an event has '
                   f"{', '.join(_KEYS)}")  # fmt: skip
    texts = {key: _text(row.get(key), where + key) for key in _TEXTS}
    if not texts["path"]:
        _wrong(f'"{where}path" is missing')
    operation = _OPERATIONS.get(_text(row.get("operation"), f"{where}operation"))
    if operation is None:
        _wrong(f'"{where}operation" must be one of {", ".join(_OPERATIONS)}')
    stamp = _number(row.get("timestamp"), f"{where}timestamp", _MAX_TIME_S)
    if math.isnan(stamp):
        _wrong(f'"{where}timestamp" is missing; it is in seconds since 1970 UTC')
    is_folder = row.get("is_folder", False)
    if type(is_folder) is not bool:
        _wrong(f'"{where}is_folder" must be true or false')
    fields: dict[str, Any] = {**texts, "event_id": texts["event_id"] or str(number)}
    for key, top in _NUMBERS.items():
        fields[key] = _number(row.get(key), where + key, top)
    return HostEvent(timestamp=stamp, operation=operation, is_folder=is_folder, **fields)


def _text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if type(value) is not str:
        _wrong(f'"{where}" must be text')
    if len(value) > MAX_TEXT_CHARS:
        _wrong(f'"{where}" has more than {MAX_TEXT_CHARS:,} letters')
    try:
        value.encode()
    except UnicodeEncodeError:
        _wrong(f'"{where}" holds half a surrogate pair, which is no text')
    return value


def _number(value: Any, where: str, top: float) -> float:
    if value is None:
        return math.nan
    if type(value) is not Number:
        _wrong(f'"{where}" must be a number')
    found = float(value)
    if not 0.0 <= found <= top:
        _wrong(f'"{where}" must be between 0 and {top:g}')
    return found


def _wrong(words: str) -> NoReturn:
    raise RefusedError(422, "bad_request", f"{words}.")


class EventScorer:
    """Scores host events in the order in which they come.

    The model is loaded in the background; until then calls are told to come again.

    Args:
        timeout_s: How long a call may take.
        halted: Why nothing may be scored now; asked again before each call is scored.
        observer: Told of every call that was scored, on the scoring thread, before it is answered.

    Thread:
        `submit` on the event loop's.
    """

    def __init__(
        self,
        timeout_s: float,
        halted: Callable[[], str] = lambda: "",
        observer: Observer | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._observer = observer
        self._halted = halted
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="host-events")
        self._engine: StreamingInferenceEngine | None = None
        self._trouble = "The host model is being loaded."
        self._n_pending = self._n_events = 0
        self.version = ""

    def start(self, device: str) -> None:
        """Begin to load the model; returns at once."""
        self._executor.submit(self._load, device)

    def _load(self, device: str) -> None:
        try:
            engine = StreamingInferenceEngine(device=device)
            self.version = engine.detector.model.version
            self._engine, self._trouble = engine, ""
        except DetectorError as error:
            logger.warning("The host model cannot be loaded. reason=%s", error)
            self._trouble = str(error)
        except Exception:
            logger.exception("The host model cannot be loaded.")
            self._trouble = "The host model cannot be loaded; the service's log says why."

    def info(self) -> dict[str, Any]:
        """What `/model/info` tells of it."""
        engine = self._engine
        if engine is None:
            return {"state": "not ready", "detail": self._trouble}
        return {
            "state": "ready",
            "model_version": self.version,
            "threshold": round(engine.threshold, _DIGITS),
            "n_events": self._n_events,
        }

    async def submit(self, events: Sequence[HostEvent]) -> list[dict[str, Any]]:
        """Score the events of one call.

        Raises:
            RefusedError: The model is not there (503), too many calls wait (503), nothing may be
                scored any more (503), it took too long (504), or an event cannot be scored (422).
        """
        engine = self._engine
        if engine is None:
            raise RefusedError(503, "not_ready", self._trouble, _RETRY_S)
        if self._n_pending >= MAX_PENDING:
            raise RefusedError(
                503, "queue_full", f"{self._n_pending} calls wait to be scored already.", _RETRY_S
            )
        self._n_pending += 1
        future = asyncio.get_running_loop().run_in_executor(
            self._executor, self._score, engine, events
        )
        future.add_done_callback(self._done)
        try:
            # Shielded: what the engine has begun changes its memory and is finished.
            results = await asyncio.wait_for(asyncio.shield(future), self._timeout_s)
        except TimeoutError:
            message = f"The events were not scored within {self._timeout_s:g} s."
            raise RefusedError(504, "timeout", message) from None
        except DetectorError as error:
            raise RefusedError(422, "bad_request", str(error)) from None
        self._n_events += len(results)
        return results

    def _done(self, future: "asyncio.Future[list[dict[str, Any]]]") -> None:
        self._n_pending -= 1
        if not future.cancelled():
            future.exception()

    def _score(
        self, engine: StreamingInferenceEngine, events: Sequence[HostEvent]
    ) -> list[dict[str, Any]]:
        if reason := self._halted():
            raise RefusedError(503, "kill_switch", reason)
        results = _scored(engine, events)
        if self._observer is not None:
            self._observer(events, results, self.version, engine.threshold)
        return results

    def close(self) -> None:
        """Score no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _scored(engine: StreamingInferenceEngine, events: Sequence[HostEvent]) -> list[dict[str, Any]]:
    results = []
    for found in engine.process_batch(events):
        told = found.to_json()
        del told["latency_ms"]
        for name in ("threat_score", "confidence"):
            told[name] = round(told[name], _DIGITS)
        told["components"] = {k: round(v, _DIGITS) for k, v in told["components"].items()}
        results.append(told)
    return results
