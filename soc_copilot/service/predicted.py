"""Host events that /predict scored, as one line of the service's spool for each.

A line's time is when the event was scored: what an event says of its own time is no proof, and
is kept beside it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES

MAX_TEXT_CHARS: Final = 4_096  # standard: the longest path of Linux
_MAX_REASONS: Final = 6  # chosen
_ACTIONS: Final[Mapping[Operation, str]] = {
    Operation.CREATE: c.Action.FILE_CREATED,
    Operation.WRITE: c.Action.FILE_WRITTEN,
    Operation.RENAME: c.Action.FILE_RENAMED,
    Operation.DELETE: c.Action.FILE_DELETED,
    Operation.ATTRIBUTES: c.Action.FILE_MODE_CHANGED,
    Operation.OTHER: c.Action.FILE_OTHER,
}


def line_of(
    event: HostEvent, told: Mapping[str, Any], version: str, threshold: float, at: datetime
) -> bytes:
    """A scored event as one line of the "service" format.

    Args:
        event: As asked.
        told: As answered.
        version: Of the model.
        threshold: Score from which an event is a threat.
        at: When it was scored.
    """
    line = _line(event, told, version, threshold, at, MAX_TEXT_CHARS)
    if len(line) > MAX_TEXT_BYTES:  # letters that take six bytes each
        line = _line(event, told, version, threshold, at, MAX_TEXT_CHARS // 16)
    return line


def _line(
    event: HostEvent,
    told: Mapping[str, Any],
    version: str,
    threshold: float,
    at: datetime,
    limit: int,
) -> bytes:
    texts = {
        c.PATH: event.path, c.FILE_TARGET: event.target, c.USER: event.user,
        c.PROCESS: event.process, c.PREDICT_STREAM: event.stream, "event.id": event.event_id,
    }  # fmt: skip
    numbers = {
        c.FILE_SIZE: event.size, c.FILE_OLD_SIZE: event.previous_size,
        c.ENTROPY: event.entropy, c.OLD_ENTROPY: event.previous_entropy,
    }  # fmt: skip
    found: dict[str, Any] = {
        c.TIMESTAMP: at.isoformat(timespec="microseconds"),
        c.ACTION: _ACTIONS[event.operation],
        c.FILE_TYPE: "dir" if event.is_folder else "file",
        c.PREDICT_SCORE: told["threat_score"],
        c.PREDICT_THREAT: told["is_threat"],
        c.PREDICT_VERSION: version,
        "threshold": threshold,
        "event_time_s": event.timestamp,
        **{name: _short(text, limit) for name, text in texts.items() if text},
        **{name: _whole(number) for name, number in numbers.items() if not math.isnan(number)},
    }
    if told["is_threat"]:
        found[c.PREDICT_REASONS] = " ".join(told["reasons"][:_MAX_REASONS])[:limit]
    return msgspec.json.encode(found)


def _short(text: str, limit: int) -> str:
    plain = text.replace("\0", "")
    return plain if len(plain) <= limit else plain[:limit] + "..."


def _whole(number: float) -> float | int:
    return int(number) if number.is_integer() else number


class PredictionRecorder:
    """Hands scored events on to be stored, as `record` says: all of them, or threats alone.

    Args:
        keep: Takes lines; never waits.
        record: "all" or "threats".
        clock: Where the time comes from.

    Thread:
        The one that scores.
    """

    def __init__(
        self,
        keep: Callable[[Sequence[bytes]], None],
        record: str = "all",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._keep = keep
        self._is_all = record == "all"
        self._clock = clock

    def scored(
        self,
        events: Sequence[HostEvent],
        results: Sequence[Mapping[str, Any]],
        version: str,
        threshold: float,
    ) -> None:
        """Record the events of a call."""
        now = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        self._keep(
            [
                line_of(event, told, version, threshold, now)
                for event, told in zip(events, results, strict=True)
                if self._is_all or told["is_threat"]
            ]
        )
