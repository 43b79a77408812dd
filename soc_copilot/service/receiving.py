"""The storing process's end of the pipe: lines into the spool, each once, and an answer."""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

from soc_copilot.domain.clock import SYSTEM_CLOCK
from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import EVENT_MARK, SpoolWriter
from soc_copilot.ingestion.spooled import ProducerStatus
from soc_copilot.service.frames import read_frame

logger = logging.getLogger(__name__)

Tell = Callable[[dict[str, Any]], None]

_LOOK_S: Final = 0.25  # chosen: how soon room in the spool is noticed
_LAST_S: Final = 10.0  # chosen: so long a disk that refuses is tried after the service's end
_MAYBE_TWICE: Final = (
    "The process that stores checked requests was killed, and its spool is not as it left it: some "
    "requests may stand there twice."
)


def lines_since(folder: Path, first: int) -> list[bytes] | None:
    """Lines that a spool holds from a byte number on; a torn last one is cut off.

    Who was killed may have written lines without saying so. The torn one comes again, so that
    it is not told as lost.

    Returns:
        The lines; None when the first of them are gone.

    Raises:
        SourceError: Another process uses the spool, or it cannot be used.
        OSError: It cannot be read.
    """
    if not any(folder.glob("*.spool")):
        return []
    spool = SpoolWriter(folder, 1 << 62)
    try:
        segments = spool.segments()
        parts = [
            segment.path.read_bytes()[max(first - segment.first, 0) : segment.size]
            for segment in segments
            if segment.end > first
        ]
    finally:
        spool.close()
    return b"".join(parts).split(b"\n")[:-1] if segments[0].first <= first else None


class Receiver:
    """Takes what the service sends, as the producer of its source.

    Frames are read at once, however full the spool is, so that the service's end is never
    missed; the service keeps back what is not answered beyond a bound. They are written one
    after the other, and each is answered before the next is written.

    Args:
        stream: Where frames come from.
        tell: Says something to the service.

    Thread:
        Any; two threads of its own.
    """

    def __init__(self, stream: BinaryIO, tell: Tell) -> None:
        self._stream = stream
        self._tell = tell
        self._frames: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._condition = threading.Condition()
        self._spool: SpoolWriter | None = None
        self._held: int | None = None  # byte from which lines are not answered yet
        self._found: deque[bytes] = deque()
        self._events: list[SourceEvent] = []
        self._writer = threading.Thread(target=self._write_all, name="receive-write", daemon=True)
        self.is_cut = threading.Event()  # the service has ended, or closed its end
        self.is_over = threading.Event()  # and all it sent is in the spool

    def listen(self) -> None:
        """Read what comes; it is written once `begin` was called."""
        threading.Thread(target=self._read_all, name="receive-read", daemon=True).start()

    def begin(self, first: int = -1, found: Sequence[bytes] | None = ()) -> None:
        """Write what comes.

        Args:
            first: Byte of the spool up to which the service was told that lines are there.
            found: Lines behind it, of the first frame that comes; None when they are gone.
        """
        if found is None:
            self._events.append(SourceEvent("note", _MAYBE_TWICE, SYSTEM_CLOCK.now_ns()))
        elif found:
            self._found.extend(found)
            self._held = first
        self._writer.start()

    # As a producer

    def start(self, spool: SpoolWriter) -> None:
        """Write to this spool from now on."""
        with self._condition:
            self._spool = spool
            spool.hold(self._held)
            self._condition.notify_all()
        self._tell({"kind": "open", "end": spool.end})

    def stop(self, timeout_s: float) -> bool:
        """Write no more until the next start."""
        if not self._condition.acquire(timeout=max(timeout_s, 0.0)):
            return False
        self._spool = None
        self._condition.release()
        return True

    def status(self) -> ProducerStatus:
        """How it stands."""
        return ProducerStatus("live")

    def take_events(self) -> tuple[SourceEvent, ...]:
        """What happened here; what happened to the service comes as lines."""
        with self._condition:
            events, self._events = tuple(self._events), []
        return events

    # On its threads

    def _read_all(self) -> None:
        try:
            while (found := read_frame(self._stream)) is not None:
                self._frames.put(found)
        except (OSError, ValueError):
            logger.exception("What the service sends cannot be read.")
        self.is_cut.set()
        self._frames.put(None)

    def _write_all(self) -> None:
        try:
            while (found := self._frames.get()) is not None:
                number, data = found
                self._store(number, data.split(b"\n"))
        finally:
            self.is_over.set()

    def _store(self, number: int, lines: list[bytes]) -> None:
        left = self._without_found(lines)
        until_s = 0.0
        while (end := self._write(left)) < 0:
            if self.is_cut.is_set():
                until_s = until_s or time.monotonic() + _LAST_S
                if time.monotonic() > until_s:
                    logger.error("Checked requests are lost: no spool took them. n=%d", len(left))
                    return
            with self._condition:
                self._condition.wait(_LOOK_S)
        self._tell({"kind": "taken", "number": number, "end": end})
        with self._condition:
            self._held = None
            if self._spool is not None:
                self._spool.hold(None)

    def _write(self, left: list[bytes]) -> int:
        """Write what there is room for, and take it from the list; the spool's end, or -1."""
        with self._condition:
            spool = self._spool
            if spool is None:
                return -1
            if self._held is None:
                self._held = spool.end
                spool.hold(self._held)
            # Nobody sends it again once the service has ended: that goes beyond the bound.
            write = spool.write_last if self.is_cut.is_set() else spool.write
            del left[: write(left) if left else 0]
            return spool.end if not left else -1

    def _without_found(self, lines: list[bytes]) -> list[bytes]:
        """What of the lines is not in the spool yet."""
        found = self._found
        for n, line in enumerate(lines):
            while found and found[0] != line and found[0].startswith(EVENT_MARK):
                found.popleft()  # the reader's own
            if not found:
                return lines[n:]
            if found[0] != line:
                logger.error("The spool holds lines that the service did not send.")
                found.clear()
                return lines[n:]
            found.popleft()
        return []
